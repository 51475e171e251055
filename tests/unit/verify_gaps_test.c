/* SPDX-License-Identifier: Apache-2.0 */
/* verify_gaps.h against a search through every way to give numbers to gaps; and the times of NDJSON against the C
 * library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/utc_text.h"
#include "agent/verify_gaps.h"

#define NUMBERS 10U
#define GAPS    4U

static uint64_t random_state = 20260820;

static uint64_t random_below(uint64_t limit)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (random_state >> 33) % limit;
}

/* ---- every way: the most numbers that can be given, from `number` on ------------------------------------------ */

static unsigned most_given(unsigned missing, unsigned number, const struct told_gap *gaps, uint64_t left[GAPS],
                           unsigned count)
{
    unsigned most;

    if (number > NUMBERS)
        return 0;
    most = most_given(missing, number + 1, gaps, left, count);
    if (!(missing & 1U << number))
        return most;
    for (unsigned i = 0; i < count; i++)
        if (left[i] > 0 && gaps[i].first <= number && number <= gaps[i].last) {
            unsigned with;

            left[i]--;
            with = 1 + most_given(missing, number + 1, gaps, left, count);
            left[i]++;
            most = with > most ? with : most;
        }
    return most;
}

/* ---- what the product says ---------------------------------------------------------------------------------- */

struct said {
    uint64_t left;
    uint64_t excess;
    unsigned numbers; /* a bit for each that is left */
    uint64_t last;
};

static void take_left(void *context, const struct sequence_run *run)
{
    struct said *said = context;

    assert_true(run->first > said->last && run->first <= run->last && run->last <= NUMBERS);
    said->last = run->last;
    said->left += run->last - run->first + 1;
    for (uint64_t number = run->first; number <= run->last; number++)
        said->numbers |= 1U << number;
}

static void take_excess(void *context, const struct told_gap *gap, uint64_t excess)
{
    struct said *said = context;

    assert_in_range(excess, 1, gap->count);
    said->excess += excess;
}

static void any_gaps_and_numbers(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        struct verify_gaps gaps = {0};
        struct sequence_set seen = {0};
        struct said said = {0};
        const struct verify_match match = {.context = &said, .left = take_left, .excess = take_excess};
        unsigned missing = 0, count = (unsigned)random_below(GAPS + 1), most;
        uint64_t left[GAPS], wanted = 0, there = 0;

        for (unsigned number = 1; number <= NUMBERS; number++) {
            if (random_below(2))
                sequence_set_add(&seen, number, number);
            else
                missing |= 1U << number;
            there += (missing >> number) & 1;
        }
        for (unsigned i = 0; i < count; i++) {
            uint64_t first = 1 + random_below(NUMBERS), last = first + random_below(NUMBERS - first + 1);

            verify_gaps_add(&gaps, &(struct told_gap){.first = first, .last = last, .count = 1 + random_below(4)});
        }
        verify_gaps_add(&gaps, &(struct told_gap){.count = 3}); /* has no range: no numbers are given to it */
        sequence_set_settle(&seen);
        verify_gaps_sort(&gaps);
        for (unsigned i = 0; i < count; i++)
            wanted += left[i] = gaps.gaps[i + 1].count;
        assert_true(verify_gaps_match(&gaps, &seen, NUMBERS, &match));
        most = most_given(missing, 1, gaps.gaps + 1, left, count);
        assert_int_equal(said.left, there - most);
        assert_int_equal(said.excess, wanted - most);
        assert_int_equal(said.numbers & ~missing, 0);
        verify_gaps_deinit(&gaps);
        sequence_set_deinit(&seen);
    }
}

/* ---- times --------------------------------------------------------------------------------------------------- */

static void times_are_those_of_the_c_library(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        const uint64_t second = random_below(2147483648U) * 4 + random_below(4), ns = random_below(1000000000U);
        const time_t time = (time_t)second;
        struct tm parts;
        char text[64];
        uint64_t read = 0;
        size_t size;

        gmtime_r(&time, &parts);
        size = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
        size += (size_t)snprintf(text + size, sizeof(text) - size, ".%09uZ", (unsigned)ns);
        if (parts.tm_year + 1900 > 2261) {
            assert_false(utc_parse(text, size, &read));
            continue;
        }
        assert_true(utc_parse(text, size, &read));
        assert_true(read == second * 1000000000U + ns);
    }
}

static void what_is_no_time(void **state)
{
    static const char *const good[] = {"1970-01-01T00:00:00Z", "2024-02-29T23:59:59.5Z",
                                       "2261-12-31T23:59:59.999999999Z"};
    static const char *const bad[] = {"",
                                      "Z",
                                      "1969-12-31T23:59:59Z",
                                      "2023-02-29T00:00:00Z",
                                      "2024-13-01T00:00:00Z",
                                      "2024-00-01T00:00:00Z",
                                      "2024-01-00T00:00:00Z",
                                      "2024-04-31T00:00:00Z",
                                      "2024-01-01T24:00:00Z",
                                      "2024-01-01T00:60:00Z",
                                      "2024-01-01T00:00:60Z",
                                      "2024-01-01T00:00:00",
                                      "2024-01-01T00:00:00.Z",
                                      "2024-01-01T00:00:00.0123456789Z",
                                      "2024-01-01T00:00:00.1xZ",
                                      "2024-01-01 00:00:00Z",
                                      "2024-01-01T00:00:00+0Z"};
    uint64_t read = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (utc_parse(bad[i], strlen(bad[i]), &read))
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(read, 7);
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        if (!utc_parse(good[i], strlen(good[i]), &read))
            fail_msg("refused: %s", good[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_gaps_and_numbers),
        cmocka_unit_test(times_are_those_of_the_c_library),
        cmocka_unit_test(what_is_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
