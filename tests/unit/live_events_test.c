/* SPDX-License-Identifier: Apache-2.0 */
/* What the baseline tells and what it leaves to the live events: the table of baseline.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor_linux/baseline.h"

#define ATTACHED_NS 5000000000U
#define BEFORE_NS   1000000000U /* started before attach */
#define AFTER_NS    6000000000U
#define FOUND_NS    8000000000U

static struct live_events live;

static int setup(void **state)
{
    (void)state;
    live = (struct live_events){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    live_events_free(&live);
    return 0;
}

static void happened(uint16_t type, uint32_t pid, uint64_t start_ns, uint64_t time_ns)
{
    struct muster_process_fork event = {.record = {.type = type, .time_ns = time_ns},
                                        .process = {.pid = pid, .start_ns = start_ns}};

    assert_true(live_events_add(&live, &event.record));
}

static bool found(uint32_t pid, uint64_t start_ns)
{
    struct muster_process_start start = {.record = {.type = MUSTER_EVENT_PROCESS_RUNNING, .time_ns = FOUND_NS},
                                         .process = {.pid = pid, .start_ns = start_ns}};

    live_events_sort(&live);
    return live_events_tell_found(&live, &start);
}

static unsigned ended_told(void)
{
    unsigned count = 0;

    live_events_sort(&live);
    for (size_t i = 0; i < live.count; i++)
        count += live_events_tell_ended(&live, &live.events[i], ATTACHED_NS);
    return count;
}

static void test_a_quiet_process_is_told(void **state)
{
    (void)state;
    assert_true(found(7, BEFORE_NS));
}

static void test_a_fork_is_left_to_its_event(void **state)
{
    (void)state;
    happened(MUSTER_EVENT_PROCESS_FORK, 7, AFTER_NS, AFTER_NS);
    assert_false(found(7, AFTER_NS));
}

static void test_an_exec_before_is_left_to_its_event(void **state)
{
    (void)state;
    happened(MUSTER_EVENT_PROCESS_START, 7, BEFORE_NS, FOUND_NS - 1);
    assert_false(found(7, BEFORE_NS));
}

static void test_an_exec_after_is_news_for_a_process_that_ran(void **state)
{
    (void)state;
    happened(MUSTER_EVENT_PROCESS_START, 7, BEFORE_NS, FOUND_NS + 1);
    assert_true(found(7, BEFORE_NS));
}

static void test_a_reused_pid_is_another_process(void **state)
{
    (void)state;
    happened(MUSTER_EVENT_PROCESS_START, 7, AFTER_NS, AFTER_NS);
    assert_true(found(7, BEFORE_NS));
}

static void test_the_same_tick_is_the_same_process(void **state)
{
    (void)state;
    happened(MUSTER_EVENT_PROCESS_START, 7, BEFORE_NS + 9999999, AFTER_NS);
    assert_false(found(7, BEFORE_NS)); /* as /proc has it */
    assert_true(found(7, BEFORE_NS + 10000000));
}

static void test_who_ended_before_being_found_is_told(void **state)
{
    (void)state;
    happened(MUSTER_EVENT_PROCESS_EXIT, 7, BEFORE_NS, AFTER_NS);
    assert_int_equal(ended_told(), 1);
}

static void test_who_was_found_and_then_ended_is_told_once(void **state)
{
    (void)state;
    happened(MUSTER_EVENT_PROCESS_EXIT, 7, BEFORE_NS, FOUND_NS + 1);
    assert_true(found(7, BEFORE_NS));
    assert_int_equal(ended_told(), 0);
}

static void test_who_began_after_attach_is_no_baseline(void **state)
{
    (void)state;
    happened(MUSTER_EVENT_PROCESS_START, 7, AFTER_NS, AFTER_NS + 1);
    happened(MUSTER_EVENT_PROCESS_EXIT, 7, AFTER_NS, AFTER_NS + 2);
    happened(MUSTER_EVENT_PROCESS_EXIT, 8, AFTER_NS, AFTER_NS + 3);
    assert_int_equal(ended_told(), 0);
}

static void test_an_exec_and_an_exit_need_no_baseline(void **state)
{
    (void)state;
    happened(MUSTER_EVENT_PROCESS_EXIT, 7, BEFORE_NS, AFTER_NS + 1);
    happened(MUSTER_EVENT_PROCESS_START, 7, BEFORE_NS, AFTER_NS);
    assert_int_equal(ended_told(), 0);
}

static void test_many(void **state)
{
    (void)state;
    for (uint32_t pid = 1; pid <= 2000; pid++)
        happened(MUSTER_EVENT_PROCESS_START, pid * 7919 % 2003, BEFORE_NS, AFTER_NS);
    for (uint32_t pid = 1; pid <= 2000; pid++)
        assert_false(found(pid * 7919 % 2003, BEFORE_NS));
    assert_true(found(3000, BEFORE_NS));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_quiet_process_is_told),
        TEST(test_a_fork_is_left_to_its_event),
        TEST(test_an_exec_before_is_left_to_its_event),
        TEST(test_an_exec_after_is_news_for_a_process_that_ran),
        TEST(test_a_reused_pid_is_another_process),
        TEST(test_the_same_tick_is_the_same_process),
        TEST(test_who_ended_before_being_found_is_told),
        TEST(test_who_was_found_and_then_ended_is_told_once),
        TEST(test_who_began_after_attach_is_no_baseline),
        TEST(test_an_exec_and_an_exit_need_no_baseline),
        TEST(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
