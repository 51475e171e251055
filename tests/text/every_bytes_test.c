/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every sequence of up to three bytes, 16,843,009 of them, as raw text of Linux through the three formats, each a text
 * of its own: it ends where the sequence does. (tests/unit/sink_hostile_test.c has them with something behind.)
 *
 * MUSTER_DEEP=1: all of them in every other field that has text, too; otherwise those of up to two bytes, and a few.
 */
/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "text/text_judge.h"
#include "unit/json_checker.h"

static struct judged_text text_of(const char *bytes, uint32_t size_bytes)
{
    bool is_exact = true;
    for (size_t at = 0; is_exact && at < size_bytes;) {
        uint32_t code;
        const size_t step = checker_character((const unsigned char *)bytes + at, size_bytes - at, &code);
        is_exact = step != 0;
        at += step;
    }
    return (struct judged_text){bytes, size_bytes, is_exact};
}

/* The 256 that begin with the same two bytes; with the first of each also what is shorter. */
static void judge_beginning(uint32_t part)
{
    char bytes[256][3];
    struct judged_text texts[259];
    uint32_t count = 0;
    for (unsigned third = 0; third < 256; third++) {
        bytes[third][0] = (char)(part >> 8);
        bytes[third][1] = (char)(part & 0xff);
        bytes[third][2] = (char)third;
        texts[count++] = text_of(bytes[third], 3);
    }
    texts[count++] = text_of(bytes[0], 2);
    if ((part & 0xff) == 0)
        texts[count++] = text_of(bytes[0], 1);
    if (part == 0)
        texts[count++] = text_of(bytes[0], 0);
    judge_texts(texts, count, 0);
    /* The last of them are the shorter ones. */
    const uint32_t first = judge_is_deep() ? 0 : 251;
    judge_fields(texts + first, count - first, 0);
}

static void test_every_sequence_of_up_to_three_bytes(void **state)
{
    (void)state;
    judge_parts(0x10000, judge_beginning);
}

/* Whether a child that judges this text lives. */
static bool passes(const struct judged_text *text)
{
    int status = 0;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(STDERR_FILENO);
        judge_init();
        judge_texts(text, 1, 0);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status == 0;
}

/* Told wrongly whether a text is valid, the judge misses what is not in the line, or finds what should not be. */
static void test_the_judge_can_fail(void **state)
{
    (void)state;
    static const char *const texts[] = {"a", "\xc3\xa9", "\xe2\x80\xae", "\xff", "\xed\xa0\x80", "\xe2\x82"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct judged_text text = text_of(texts[i], (uint32_t)strlen(texts[i]));
        assert_true(passes(&text));
        text.is_exact = !text.is_exact;
        assert_false(passes(&text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_judge_can_fail),
        cmocka_unit_test(test_every_sequence_of_up_to_three_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
