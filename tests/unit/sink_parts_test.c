/* SPDX-License-Identifier: Apache-2.0 */
/* The small parts that the sinks are made of: buffer, base64, times, arguments, paths. */
#include "unit/sink_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "sinks/arguments.h"
#include "sinks/base64.h"
#include "sinks/buffer.h"
#include "sinks/path.h"
#include "sinks/timestamp.h"
#include "unit/json_checker.h"

static void assert_content(struct buffer *buffer, const char *expected)
{
    assert_int_equal(buffer->size_bytes, strlen(expected));
    assert_memory_equal(buffer->bytes, expected, buffer->size_bytes);
    buffer->size_bytes = 0;
}

static void assert_decimal(struct buffer *buffer, uint64_t value)
{
    char expected[24];
    (void)snprintf(expected, sizeof(expected), "%" PRIu64, value);
    buffer_decimal(buffer, value);
    assert_content(buffer, expected);
}

static void test_numbers(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    for (uint64_t value = 0; value < 100000; value++)
        assert_decimal(&buffer, value);
    for (uint64_t power = 1; power < UINT64_MAX / 10; power *= 10) {
        assert_decimal(&buffer, power - 1);
        assert_decimal(&buffer, power);
        assert_decimal(&buffer, power + 1);
    }
    assert_decimal(&buffer, UINT64_MAX);
    buffer_hex(&buffer, 0x12ab, 8);
    assert_content(&buffer, "000012ab");
    buffer_deinit(&buffer);
}

static void test_no_memory_stays(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_literal(&buffer, "kept");
    assert_null(buffer_reserve(&buffer, SIZE_MAX - 2));
    assert_true(buffer.no_memory);
    buffer_literal(&buffer, "not");
    buffer_decimal(&buffer, 5);
    assert_content(&buffer, "kept");
    buffer_deinit(&buffer);
}

static void test_shrink(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_spaces(&buffer, 1000000);
    buffer_shrink(&buffer, 4096);
    assert_true(buffer.capacity_bytes >= 1000000);
    buffer.size_bytes = 3;
    buffer_shrink(&buffer, 4096);
    assert_int_equal(buffer.capacity_bytes, 4096);
    assert_content(&buffer, "   ");
    buffer_deinit(&buffer);
}

/* RFC 4648, section 10, and every length with every byte by way of the decoder. */
static void test_base64(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"}};
    struct buffer buffer = {0};
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        base64_append(&buffer, vectors[i][0], strlen(vectors[i][0]));
        assert_content(&buffer, vectors[i][1]);
    }
    char bytes[256];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(255 - i);
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        buffer.size_bytes = 0;
        base64_append(&buffer, bytes, size);
        assert_int_equal(checker_base64(buffer.bytes, buffer.size_bytes), size);
        assert_memory_equal(buffer.bytes, bytes, size);
    }
    buffer_deinit(&buffer);
}

static void assert_utc(struct buffer *buffer, struct timestamp_cache *cache, uint64_t ns)
{
    time_t seconds = (time_t)(ns / 1000000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char date[40];
    char expected[64];
    (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(expected, sizeof(expected), "%s.%09uZ", date, (unsigned)(ns % 1000000000));
    timestamp_utc(buffer_reserve(buffer, TIMESTAMP_UTC_BYTES), cache, ns);
    buffer->size_bytes += TIMESTAMP_UTC_BYTES;
    assert_content(buffer, expected);
}

static void test_utc(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    struct timestamp_cache cache = {0};
    const uint64_t day_ns = 86400ULL * 1000000000;
    for (uint64_t count = 0; count < UINT64_MAX / day_ns; count++) {
        assert_utc(&buffer, &cache, count * day_ns);
        assert_utc(&buffer, &cache, count * day_ns + day_ns - 1);
    }
    assert_utc(&buffer, &cache, UINT64_MAX);
    uint64_t random = 88172645463325252ULL;
    for (int i = 0; i < 100000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        assert_utc(&buffer, &cache, random);
    }
    buffer_deinit(&buffer);
}

static void test_local(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    struct timestamp_minute minute = {0};
    assert_int_equal(setenv("TZ", "XYZ-05:30", 1), 0);
    tzset();
    timestamp_local(&buffer, &minute, 1787220000123999999ULL);
    assert_content(&buffer, "15:30:00.123");
    timestamp_local(&buffer, &minute, 1787220059999000000ULL);
    assert_content(&buffer, "15:30:59.999");
    timestamp_local(&buffer, &minute, 1787220060000000000ULL);
    assert_content(&buffer, "15:31:00.000");
    buffer_deinit(&buffer);
}

/* Shows arguments in brackets, and '!' behind them if bytes were left out. */
static void assert_arguments(const char *bytes, size_t size, size_t head, size_t full, const char *expected)
{
    struct muster_text text = fixture_cut(MUSTER_FIELD_ARGS, bytes, size, head, full);
    struct arguments arguments = arguments_whole(&text);
    char shown[128] = "";
    const char *argument;
    size_t argument_size;
    while (arguments_next(&arguments, &argument, &argument_size)) {
        strcat(shown, "[");
        strncat(shown, argument, argument_size);
        strcat(shown, "]");
    }
    strcat(shown, arguments.left_out ? "!" : "");
    assert_string_equal(shown, expected);
}

#define ARGUMENTS(literal, head, full, expected) assert_arguments(literal, sizeof(literal) - 1, head, full, expected)

static void test_arguments(void **state)
{
    (void)state;
    ARGUMENTS("", 0, 0, "");
    ARGUMENTS("\0", 1, 1, "[]");
    ARGUMENTS("a\0b\0", 4, 4, "[a][b]");
    ARGUMENTS("a\0b", 3, 3, "[a][b]");
    ARGUMENTS("a\0\0\0b\0", 6, 6, "[a][][][b]");
    ARGUMENTS("\0\0", 2, 2, "[][]");
    /* Head "ab\0cd", tail "ef\0gh\0". */
    ARGUMENTS("ab\0cdef\0gh\0", 5, 99, "[ab][gh]!");
    ARGUMENTS("ab\0cdef\0gh", 5, 99, "[ab][gh]!");
    ARGUMENTS("ab\0ef\0\0", 3, 99, "[ab][]!");
    ARGUMENTS("ab\0", 3, 99, "[ab]");
    ARGUMENTS("abcd", 2, 99, "!");
    ARGUMENTS("ab\0cd\0", 0, 99, "[cd]!");
    ARGUMENTS("", 0, 99, "");
}

static void assert_name(const char *path, size_t size, size_t head, size_t full, bool wtf8, const char *expected)
{
    struct muster_text text = fixture_cut(MUSTER_FIELD_EXECUTABLE, path, size, head, full);
    const char *name = NULL;
    size_t name_size = 0;
    bool found = path_name(&text, wtf8, &name, &name_size);
    assert_int_equal(found, expected != NULL);
    if (found) {
        assert_int_equal(name_size, strlen(expected));
        assert_memory_equal(name, expected, name_size);
    }
}

static void test_path_name(void **state)
{
    (void)state;
    assert_name("/usr/bin/id", 11, 11, 11, false, "id");
    assert_name("id", 2, 2, 2, false, "id");
    assert_name("/", 1, 1, 1, false, NULL);
    assert_name("", 0, 0, 0, false, NULL);
    assert_name("/a\\b", 4, 4, 4, false, "a\\b");
    assert_name("C:\\a\\b.exe", 10, 10, 10, true, "b.exe");
    /* Cut: only what the tail shows is true. */
    assert_name("/usr/bin/id", 11, 11, 99, false, NULL);
    assert_name("/usr/bin/id", 11, 5, 99, false, "id");
    assert_name("/usr/bin/id", 11, 9, 99, false, NULL);
    assert_name("/usr/bin/id", 11, 8, 99, false, "id");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),   cmocka_unit_test(test_no_memory_stays),
        cmocka_unit_test(test_shrink),    cmocka_unit_test(test_base64),
        cmocka_unit_test(test_utc),       cmocka_unit_test(test_local),
        cmocka_unit_test(test_arguments), cmocka_unit_test(test_path_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
