/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes and times of the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/units.h"

static void test_sizes(void **state)
{
    uint64_t bytes = 7;

    (void)state;
    assert_true(size_parse("0", &bytes) && bytes == 0);
    assert_true(size_parse("65536", &bytes) && bytes == 65536);
    assert_true(size_parse("64K", &bytes) && bytes == 65536);
    assert_true(size_parse("8m", &bytes) && bytes == 8U << 20);
    assert_true(size_parse("1G", &bytes) && bytes == 1U << 30);
}

static void test_bad_sizes(void **state)
{
    static const char *const bad[] = {"",
                                      "K",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1 K",
                                      "3Q",
                                      "1KB",
                                      "0x1",
                                      "1.5M",
                                      "18446744073709551616",
                                      "18014398509481984K"};
    uint64_t bytes = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(size_parse(bad[i], &bytes));
    assert_int_equal(bytes, 7);
}

static void test_times(void **state)
{
    uint64_t ms = 7;

    (void)state;
    assert_true(time_parse("5", &ms) && ms == 5000);
    assert_true(time_parse("250ms", &ms) && ms == 250);
    assert_true(time_parse("20s", &ms) && ms == 20000);
    assert_true(time_parse("2m", &ms) && ms == 120000);
    assert_true(time_parse("3h", &ms) && ms == 10800000);
    assert_true(time_parse("1d", &ms) && ms == 86400000);
    ms = 7;
    assert_false(time_parse("5x", &ms));
    assert_false(time_parse("s", &ms));
    assert_false(time_parse("-5s", &ms));
    assert_false(time_parse("213503982334602d", &ms));
    assert_int_equal(ms, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_bad_sizes),
        cmocka_unit_test(test_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
