/* SPDX-License-Identifier: Apache-2.0 */
/*
 * muster/text_utf16.h where it ends: nothing, bad arguments, short buffers, the longest
 * UNICODE_STRING, texts that are refused, and the prefix of an image path. That every text comes out
 * right is text_utf16_test.c's.
 */
#include "unit/sink_fixture.h"

#include "muster/text_utf16.h"

#define CANARY 0xa5U

static const uint16_t some_units[] = {'a', 'b', 'c', 'd', 'e'};

static void refuse(const char *bytes, size_t size)
{
    size_t ret = 77;
    uint16_t units[8];
    assert_int_equal(muster_wtf8_utf16_size(bytes, size, &ret), MUSTER_INVALID);
    assert_int_equal(muster_wtf8_to_utf16(bytes, size, units, sizeof units, &ret), MUSTER_INVALID);
    assert_int_equal(ret, 77);
}

#define REFUSE(literal) refuse((literal), sizeof(literal) - 1)

static void test_refused_by_name(void **state)
{
    (void)state;
    REFUSE("\xed\xa0\xbd\xed\xb8\x80"); /* a pair as two sequences */
    REFUSE("a\xed\xaf\xbf\xed\xb0\x80");
    REFUSE("\xc0\x80"); /* overlong */
    REFUSE("\xc1\xbf");
    REFUSE("\xe0\x9f\xbf");
    REFUSE("\xf0\x8f\xbf\xbf");
    REFUSE("\xf4\x90\x80\x80"); /* over U+10FFFF */
    REFUSE("\xf8\x88\x80\x80\x80");
    REFUSE("\xff");
    REFUSE("\x80");     /* nothing that it would belong to */
    REFUSE("\xe2\x82"); /* cut off */
    REFUSE("\xf0\x9f\x98");
    REFUSE("\xc3"
           "a");
}

/* ---- bounds ------------------------------------------------------------------------------------------ */

static void test_nothing_and_bad_arguments(void **state)
{
    (void)state;
    size_t size = 77;
    assert_int_equal(muster_utf16_wtf8_size(NULL, 0, &size), MUSTER_OK);
    assert_int_equal(size, 0);
    for (unsigned i = 0; i < 2; i++) {
        size = 77;
        assert_int_equal(muster_utf16_to_wtf8(i == 0 ? NULL : some_units, 0, NULL, 0, &size), MUSTER_OK);
        assert_int_equal(size, 0);
        size = 77;
        assert_int_equal(muster_wtf8_to_utf16(i == 0 ? NULL : "x", 0, NULL, 0, &size), MUSTER_OK);
        assert_int_equal(size, 0);
    }
    size = 77;
    char buffer[8];
    uint16_t units[8];
    for (size_t odd = 1; odd < 9; odd += 2) {
        assert_int_equal(muster_utf16_wtf8_size(some_units, odd, &size), MUSTER_INVALID);
        assert_int_equal(muster_utf16_to_wtf8(some_units, odd, buffer, sizeof buffer, &size), MUSTER_INVALID);
    }
    assert_int_equal(muster_utf16_wtf8_size(some_units, SIZE_MAX - 1, &size), MUSTER_INVALID);
    assert_int_equal(muster_utf16_wtf8_size(NULL, 2, &size), MUSTER_INVALID);
    assert_int_equal(muster_utf16_to_wtf8(NULL, 2, buffer, sizeof buffer, &size), MUSTER_INVALID);
    assert_int_equal(muster_utf16_to_wtf8(some_units, 2, NULL, 8, &size), MUSTER_TOO_SMALL);
    assert_int_equal(muster_wtf8_utf16_size(NULL, 1, &size), MUSTER_INVALID);
    assert_int_equal(muster_wtf8_utf16_size("x", SIZE_MAX, &size), MUSTER_INVALID);
    assert_int_equal(muster_wtf8_to_utf16(NULL, 1, units, sizeof units, &size), MUSTER_INVALID);
    assert_int_equal(muster_wtf8_to_utf16("x", 1, NULL, 8, &size), MUSTER_TOO_SMALL);
    assert_int_equal(muster_wtf8_to_utf16("x", 1, units, 1, &size), MUSTER_TOO_SMALL);
    assert_int_equal(size, 77);
}

/* Every capacity below what is needed: refused, and not a byte behind it is touched. */
static void test_too_small(void **state)
{
    (void)state;
    static const uint16_t units[] = {'a', 0x20ac, 0xd83d, 0xde00, 0xdc00, 0xe9, 'z'};
    char whole[32];
    size_t size = 0;
    assert_int_equal(muster_utf16_to_wtf8(units, sizeof units, whole, sizeof whole, &size), MUSTER_OK);
    assert_int_equal(size, 1 + 3 + 4 + 3 + 2 + 1);
    for (size_t capacity = 0; capacity < size; capacity++) {
        char *buffer = malloc(capacity + 1);
        size_t ret = 77;
        buffer[capacity] = (char)CANARY;
        assert_int_equal(muster_utf16_to_wtf8(units, sizeof units, buffer, capacity, &ret), MUSTER_TOO_SMALL);
        assert_int_equal(ret, 77);
        assert_int_equal((unsigned char)buffer[capacity], CANARY);
        free(buffer);
    }
    for (size_t capacity = 0; capacity < sizeof units; capacity++) {
        unsigned char *buffer = malloc(sizeof units);
        size_t ret = 77;
        memset(buffer, CANARY, sizeof units);
        assert_int_equal(muster_wtf8_to_utf16(whole, size, (uint16_t *)(void *)buffer, capacity, &ret),
                         MUSTER_TOO_SMALL);
        assert_int_equal(ret, 77);
        for (size_t at = capacity; at < sizeof units; at++)
            assert_int_equal(buffer[at], CANARY);
        free(buffer);
    }
}

/* 65,534 bytes of one unit or of two in turn, into buffers that are exactly as long as needed. */
static void check_longest(uint16_t even, uint16_t odd, size_t expected_size)
{
    uint16_t *units = malloc(MUSTER_UTF16_MAX_BYTES);
    uint16_t *back = malloc(MUSTER_UTF16_MAX_BYTES);
    size_t size = 0;
    size_t back_bytes = 0;
    for (size_t i = 0; i < MUSTER_UTF16_MAX_BYTES / 2; i++)
        units[i] = i % 2 == 0 ? even : odd;
    assert_int_equal(muster_utf16_wtf8_size(units, MUSTER_UTF16_MAX_BYTES, &size), MUSTER_OK);
    assert_int_equal(size, expected_size);
    assert_true(size <= MUSTER_UTF16_MAX_WTF8_BYTES);
    char *bytes = malloc(size);
    assert_int_equal(muster_utf16_to_wtf8(units, MUSTER_UTF16_MAX_BYTES, bytes, size - 1, &size), MUSTER_TOO_SMALL);
    assert_int_equal(muster_utf16_to_wtf8(units, MUSTER_UTF16_MAX_BYTES, bytes, size, &size), MUSTER_OK);
    assert_int_equal(size, expected_size);
    assert_int_equal(muster_wtf8_to_utf16(bytes, size, back, MUSTER_UTF16_MAX_BYTES - 2, &back_bytes),
                     MUSTER_TOO_SMALL);
    assert_int_equal(muster_wtf8_to_utf16(bytes, size, back, MUSTER_UTF16_MAX_BYTES, &back_bytes), MUSTER_OK);
    assert_int_equal(back_bytes, MUSTER_UTF16_MAX_BYTES);
    assert_memory_equal(back, units, back_bytes);
    free(bytes);
    free(back);
    free(units);
}

static void test_longest(void **state)
{
    (void)state;
    check_longest('A', 'A', 32767);
    check_longest(0, 0, 32767);
    check_longest(0xe9, 0xe9, 2 * 32767);
    check_longest(0xffff, 0xffff, MUSTER_UTF16_MAX_WTF8_BYTES);
    check_longest(0xd800, 0xd800, MUSTER_UTF16_MAX_WTF8_BYTES);
    check_longest(0xd83d, 0xde00, 16383 * 4 + 3); /* the last is alone */
    check_longest(0xde00, 0xd83d, 3 + 16383 * 4); /* the first is */
}

/* ---- image path --------------------------------------------------------------------------------------- */

static size_t prefix_of(const char *ascii)
{
    uint16_t *units = malloc(strlen(ascii) * 2 + 1);
    const size_t count = strlen(ascii);
    for (size_t i = 0; i < count; i++)
        units[i] = (unsigned char)ascii[i];
    const size_t prefix = muster_image_path_prefix_bytes(units, count * 2);
    free(units);
    return prefix;
}

static void test_image_path_prefix(void **state)
{
    (void)state;
    assert_int_equal(prefix_of("\\??\\C:\\Windows\\notepad.exe"), 8);
    assert_int_equal(prefix_of("\\??\\"), 8);
    assert_int_equal(prefix_of("\\??\\\\??\\C:\\twice.exe"), 8);
    assert_int_equal(prefix_of("C:\\a\\??\\b.exe"), 0);
    assert_int_equal(prefix_of(" \\??\\C:\\a.exe"), 0);
    assert_int_equal(prefix_of("\\Device\\HarddiskVolume1\\a.exe"), 0);
    assert_int_equal(prefix_of("\\\\?\\C:\\a.exe"), 0);
    assert_int_equal(prefix_of("\\?\?/C:\\a.exe"), 0);
    assert_int_equal(prefix_of("\\??"), 0);
    assert_int_equal(prefix_of(""), 0);
    assert_int_equal(muster_image_path_prefix_bytes(NULL, 0), 0);
    assert_int_equal(muster_image_path_prefix_bytes(NULL, 8), 0);
    /* Low bytes that look the same. */
    assert_int_equal(muster_image_path_prefix_bytes((const uint16_t[]){'\\', 0x13f, '?', '\\'}, 8), 0);
    /* Half of the last unit is missing. */
    assert_int_equal(muster_image_path_prefix_bytes((const uint16_t[]){'\\', '?', '?', '\\'}, 7), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_by_name),   cmocka_unit_test(test_nothing_and_bad_arguments),
        cmocka_unit_test(test_too_small),         cmocka_unit_test(test_longest),
        cmocka_unit_test(test_image_path_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
