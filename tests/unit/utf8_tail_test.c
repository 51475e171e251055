/* SPDX-License-Identifier: Apache-2.0 */
/* Text for a console, cut anywhere: no character is ever handed over in two pieces. */
/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "agent/utf8_tail.h"

static size_t unfinished(const char *text)
{
    return utf8_unfinished_bytes((const unsigned char *)text, strlen(text));
}

static void test_whole_text(void **state)
{
    (void)state;
    assert_int_equal(utf8_unfinished_bytes(NULL, 0), 0);
    assert_int_equal(unfinished("a"), 0);
    assert_int_equal(unfinished("\xc3\xa9"), 0);
    assert_int_equal(unfinished("a\xe2\x82\xac"), 0);
    assert_int_equal(unfinished("\xf0\x9f\x98\x80"), 0);
}

static void test_every_cut_of_every_length(void **state)
{
    (void)state;
    static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    char text[8];

    for (size_t i = 0; i < 3; i++)
        for (size_t cut = 1; cut < strlen(characters[i]); cut++) {
            text[0] = 'a';
            memcpy(text + 1, characters[i], cut);
            text[1 + cut] = 0;
            assert_int_equal(unfinished(text), cut);
            assert_int_equal(unfinished(text + 1), cut);
        }
}

/* It would wait for ever. */
static void test_what_is_no_text_is_not_waited_for(void **state)
{
    (void)state;
    assert_int_equal(unfinished("\x80\x80\x80\x80"), 0);
    assert_int_equal(unfinished("\xc3\xa9\x80"), 0);
    assert_int_equal(unfinished("\xe2\x82\xac\x80"), 0);
    assert_int_equal(unfinished("\x80"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_text),
        cmocka_unit_test(test_every_cut_of_every_length),
        cmocka_unit_test(test_what_is_no_text_is_not_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
