/* SPDX-License-Identifier: Apache-2.0 */
/* sequence_set.h against a table with a place for each number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/sequence_set.h"

#define MOST 300000U

static uint32_t seen[MOST + 2];
static uint64_t random_state = 20260820;

static uint64_t random_below(uint64_t limit)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (random_state >> 33) % limit;
}

static uint64_t time_of(uint64_t number)
{
    return number * 1000 + 7;
}

/* Of the next number that was seen; 0: none was. */
static uint64_t time_of_next(uint64_t number)
{
    while (++number <= MOST)
        if (seen[number] > 0)
            return time_of(number);
    return 0;
}

static void add(struct sequence_set *set, uint64_t number)
{
    sequence_set_add(set, number, time_of(number));
    seen[number]++;
}

/* Every hole of the table, in order, and nothing else. */
static void check_holes(const struct sequence_set *set, uint64_t last)
{
    struct sequence_cursor cursor = {0};
    struct sequence_run hole;
    uint64_t number = 1;

    while (sequence_set_next_hole(set, last, &cursor, &hole)) {
        for (; number < hole.first; number++)
            assert_true(seen[number] > 0);
        assert_in_range(hole.last, hole.first, last);
        for (; number <= hole.last; number++)
            assert_int_equal(seen[number], 0);
        assert_int_equal(hole.first_ns, hole.first > 1 ? time_of(hole.first - 1) : 0);
        assert_int_equal(hole.last_ns, time_of_next(hole.last));
    }
    for (; number <= last; number++)
        assert_true(seen[number] > 0);
}

static void check(struct sequence_set *set)
{
    uint64_t count = 0, doubled = 0;

    sequence_set_settle(set);
    assert_false(set->given_up);
    for (uint64_t number = 1; number <= MOST; number++) {
        count += seen[number] > 0;
        doubled += seen[number] > 0 ? seen[number] - 1 : 0;
    }
    assert_int_equal(set->count, count);
    assert_int_equal(set->doubled_count, doubled);
    for (size_t i = 0; i < set->run_count; i++) {
        assert_true(set->runs[i].first <= set->runs[i].last);
        assert_true(i == 0 || set->runs[i - 1].last + 1 < set->runs[i].first);
    }
    check_holes(set, MOST);
    check_holes(set, MOST / 2);
    check_holes(set, 1);
    sequence_set_deinit(set);
    memset(seen, 0, sizeof(seen));
}

static void test_in_order(void **state)
{
    struct sequence_set set = {0};

    (void)state;
    for (uint64_t number = 1; number <= 200000; number++)
        add(&set, number);
    assert_int_equal(set.run_count, 1);
    assert_null(set.waiting);
    check(&set);
    check(&set);
}

static void test_nearly_in_order(void **state)
{
    struct sequence_set set = {0};

    (void)state;
    for (uint64_t number = 1; number + 8 <= MOST; number += 8) {
        uint64_t order[8] = {1, 0, 3, 2, 7, 4, 6, 5};

        for (unsigned i = 0; i < 8; i++)
            if (random_below(5000) != 0)
                add(&set, number + order[i]);
    }
    assert_null(set.waiting);
    check(&set);
}

static void test_from_the_end(void **state)
{
    struct sequence_set set = {0};

    (void)state;
    for (uint64_t number = MOST; number > 0; number--)
        add(&set, number);
    assert_int_equal(set.run_count, 1);
    check(&set);
}

/* Every second number from the end: each is a run of its own, in front of all the others. */
static void test_hostile_order(void **state)
{
    struct sequence_set set = {0};

    (void)state;
    for (uint64_t number = MOST; number > 2; number -= 2)
        add(&set, number);
    check(&set);
}

static void test_any_order(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 6; round++) {
        struct sequence_set set = {0};
        uint64_t most = round % 2 ? MOST : 2000, count = 40000 + random_below(140000);

        for (uint64_t i = 0; i < count; i++)
            add(&set, 1 + random_below(most));
        check(&set);
    }
}

static void test_two_streams_of_one_epoch(void **state)
{
    struct sequence_set set = {0};

    (void)state;
    for (uint64_t number = 1; number <= 100000; number++) {
        add(&set, number);
        add(&set, 100000 + number);
    }
    for (uint64_t number = 99000; number <= 99100; number++)
        add(&set, number);
    sequence_set_settle(&set);
    assert_int_equal(set.run_count, 1);
    assert_int_equal(set.doubled_count, 101);
    check(&set);
}

static void test_the_ends_of_numbers(void **state)
{
    struct sequence_set set = {0};
    struct sequence_cursor cursor = {0};
    struct sequence_run hole;

    (void)state;
    assert_false(sequence_set_next_hole(&set, 0, &cursor, &hole));
    sequence_set_add(&set, UINT64_MAX, 1);
    sequence_set_add(&set, UINT64_MAX, 2);
    sequence_set_add(&set, 1, 3);
    sequence_set_settle(&set);
    assert_int_equal(set.count, 2);
    assert_int_equal(set.doubled_count, 1);
    cursor = (struct sequence_cursor){0};
    assert_true(sequence_set_next_hole(&set, UINT64_MAX, &cursor, &hole));
    assert_true(hole.first == 2 && hole.last == UINT64_MAX - 1);
    assert_false(sequence_set_next_hole(&set, UINT64_MAX, &cursor, &hole));
    sequence_set_deinit(&set);
}

static void test_too_many_runs(void **state)
{
    (void)state;
    for (unsigned backwards = 0; backwards < 2; backwards++) {
        struct sequence_set set = {.run_limit = 1000};

        for (uint64_t number = 1; number < 5000; number++)
            sequence_set_add(&set, 2 * (backwards ? 5000 - number : number), 1);
        sequence_set_settle(&set);
        assert_true(set.given_up);
        assert_true(set.run_count <= 1000 && set.waiting_capacity <= 2048);
        sequence_set_deinit(&set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_nearly_in_order),
        cmocka_unit_test(test_from_the_end),
        cmocka_unit_test(test_hostile_order),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_two_streams_of_one_epoch),
        cmocka_unit_test(test_the_ends_of_numbers),
        cmocka_unit_test(test_too_many_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
