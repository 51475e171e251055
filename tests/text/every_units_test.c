/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs of UTF-16 units, as the driver converts them, through the three formats: what comes out is the text where it is
 * Unicode, and has the lone surrogates in muster.raw where it is not.
 *
 * Each unit is tried alone, and before and behind each unit at an edge of a class. MUSTER_DEEP=1: all 2^32 pairs.
 */
/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "muster/text_utf16.h"
#include "text/text_judge.h"

/* Of each class one, and what stands at its edges: controls, ASCII, what is escaped, lengths in UTF-8, surrogates. */
static const uint16_t edges[] = {0x0000, 0x0009, 0x001b, 0x0022, 0x005c, 0x0061, 0x007f, 0x0085, 0x07ff, 0x0800,
                                 0x202e, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xfffd, 0xffff};

enum { EDGE_COUNT = sizeof edges / sizeof edges[0], SECONDS_A_CALL = 512 };

/* WTF-8 of one code point, by table 3-6 of the Unicode Standard. */
static uint32_t encode(uint32_t code, unsigned char *out)
{
    static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    const uint32_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (uint32_t i = size; i-- > 1; code /= 64)
        out[i] = (unsigned char)(0x80 + code % 64);
    out[0] = (unsigned char)(leads[size] + code);
    return size;
}

static bool is_between(uint16_t unit, uint16_t low, uint16_t high)
{
    return unit >= low && unit <= high;
}

/* Converts with the code under test, and says what it had to be. */
static struct judged_text text_of(const uint16_t *units, size_t count, char *bytes)
{
    unsigned char expected[8];
    uint32_t size = 0;
    bool is_exact = true;
    if (count == 2 && is_between(units[0], 0xd800, 0xdbff) && is_between(units[1], 0xdc00, 0xdfff)) {
        size = encode(0x10000U + (units[0] - 0xd800U) * 0x400U + (units[1] - 0xdc00U), expected);
    } else {
        for (size_t i = 0; i < count; i++) {
            size += encode(units[i], expected + size);
            is_exact = is_exact && !is_between(units[i], 0xd800, 0xdfff);
        }
    }
    size_t converted = 0;
    const struct judged_text text = {bytes, size, is_exact};
    JUDGE_REQUIRE(muster_utf16_to_wtf8(units, count * 2, bytes, 8, &converted) == MUSTER_OK, &text);
    JUDGE_REQUIRE(converted == size && memcmp(bytes, expected, size) == 0, &text);
    return text;
}

static void judge_pairs(uint16_t (*pairs)[2], size_t count)
{
    static char bytes[JUDGED_TEXTS_MAX][8];
    static struct judged_text texts[JUDGED_TEXTS_MAX];
    for (size_t i = 0; i < count; i++)
        texts[i] = text_of(pairs[i], 2, bytes[i]);
    judge_texts(texts, count, MUSTER_RECORD_WTF8);
}

/* One first unit, and every second. */
static void judge_first(uint32_t first)
{
    uint16_t pairs[SECONDS_A_CALL][2];
    for (uint32_t second = 0; second < 0x10000; second++) {
        pairs[second % SECONDS_A_CALL][0] = (uint16_t)first;
        pairs[second % SECONDS_A_CALL][1] = (uint16_t)second;
        if (second % SECONDS_A_CALL == SECONDS_A_CALL - 1)
            judge_pairs(pairs, SECONDS_A_CALL);
    }
}

/* 16 units, alone, and before and behind each edge. */
static void judge_edges(uint32_t part)
{
    char bytes[16][8];
    struct judged_text texts[16];
    uint16_t pairs[16 * EDGE_COUNT * 2][2];
    size_t count = 0;
    for (uint32_t i = 0; i < 16; i++) {
        const uint16_t unit = (uint16_t)(part * 16 + i);
        texts[i] = text_of(&unit, 1, bytes[i]);
        for (uint32_t edge = 0; edge < EDGE_COUNT; edge++) {
            pairs[count][0] = pairs[count + 1][1] = unit;
            pairs[count][1] = pairs[count + 1][0] = edges[edge];
            count += 2;
        }
    }
    judge_texts(texts, 16, MUSTER_RECORD_WTF8);
    judge_fields(texts, 16, MUSTER_RECORD_WTF8);
    judge_pairs(pairs, count);
}

static void test_every_unit_at_every_edge(void **state)
{
    (void)state;
    judge_parts(0x1000, judge_edges);
}

static void test_every_pair(void **state)
{
    (void)state;
    if (judge_is_deep())
        judge_parts(0x10000, judge_first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_unit_at_every_edge),
        cmocka_unit_test(test_every_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
