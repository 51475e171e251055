/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first real driver code: core's queue on platform/nt_platform.c, both as they stand, with four threads
 * that push and one that reads, with ExAllocatePool2 and without it.
 */
#include <ntddk.h>

#include "muster/queue.h"
#include "platform/nt_platform.h"
#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/tests/nt_test.h"

#define PUSHERS 4U
#define BUDGET  ((size_t)256 * 1024)

static union muster_queue_storage storage;
static struct muster_queue *queue;
static volatile int pushers_left;
static uint64_t accepted, taken;
static unsigned each;

static void push(void)
{
    uint64_t mine = 0;

    for (unsigned i = 0; i < each; i++) {
        const struct muster_process_exit exit = {
            .record = {.type = MUSTER_EVENT_PROCESS_EXIT, .fixed_bytes = sizeof exit, .time_ns = i}};
        if (muster_queue_push_process_exit(queue, &exit, NULL, 0) == MUSTER_OK)
            mine++;
    }
    (void)__atomic_add_fetch(&accepted, mine, __ATOMIC_RELAXED);
    (void)__atomic_sub_fetch(&pushers_left, 1, __ATOMIC_RELEASE);
}

static void take_all(void)
{
    struct muster_batch batch;
    bool last;

    do {
        last = __atomic_load_n(&pushers_left, __ATOMIC_ACQUIRE) == 0;
        while (muster_queue_extract_all(queue, &batch) == MUSTER_OK) {
            taken += batch.numbered_count;
            muster_batch_release(&batch);
        }
    } while (!last);
}

static void push_or_take(unsigned index, void *context)
{
    (void)context;
    if (index < PUSHERS)
        push();
    else
        take_all();
}

static void start_queue(void)
{
    const struct muster_queue_config config = {.budget_bytes = BUDGET, .stage = MUSTER_STAGE_DRIVER_QUEUE};

    muster_nt_platform_init();
    NT_CHECK(muster_queue_init(&storage, &config, &queue) == MUSTER_OK);
}

static void run_queue(unsigned events)
{
    struct muster_queue_counts counts;

    each = events;
    pushers_left = PUSHERS;
    accepted = taken = 0;
    start_queue();
    nt_run_threads(PUSHERS + 1, push_or_take, NULL);
    NT_CHECK(muster_queue_counts(queue, &counts));
    NT_CHECK_EQUAL(counts.ledger.produced, (uint64_t)PUSHERS * each);
    NT_CHECK_EQUAL(taken, accepted);
    NT_CHECK_EQUAL(counts.ledger.delivered, accepted);
    NT_CHECK(muster_ledger_balances(&counts.ledger));
    NT_CHECK_EQUAL(counts.refused_calls, 0);
    muster_queue_deinit(queue);
    sim_pool_check_all();
    NT_CHECK_EQUAL(sim_pool_check_leaks(MUSTER_NT_POOL_TAG), 0);
}

static void four_push_and_one_reads(void)
{
    run_queue(nt_scale(20000));
    NT_CHECK(accepted != 0);
}

static void and_with_delays_at_lock_edges(void)
{
    sim_delay_seed(7);
    run_queue(nt_scale(2000));
    sim_delay_seed(0);
}

static void and_on_an_older_windows(void)
{
    sim_routine_hide("ExAllocatePool2");
    run_queue(nt_scale(2000));
    sim_routine_show("ExAllocatePool2");
    muster_nt_platform_init();
}

static void and_without_guard_pages(void)
{
    sim_pool_guard(false);
    run_queue(nt_scale(20000));
    sim_pool_guard(true);
}

static void and_with_failing_allocations(void)
{
    struct muster_queue_counts counts;

    start_queue();
    sim_fault_reset();
    sim_fault_each_call_site_once();
    each = 3000;
    pushers_left = 1;
    push();
    take_all();
    NT_CHECK(sim_fault_failures() > 0);
    NT_CHECK(sim_fault_sites() >= sim_fault_failures());
    sim_fault_reset();
    NT_CHECK(muster_queue_counts(queue, &counts));
    NT_CHECK(muster_ledger_balances(&counts.ledger));
    muster_queue_deinit(queue);
    NT_CHECK_EQUAL(sim_pool_check_leaks(MUSTER_NT_POOL_TAG), 0);
}

/* ---- seen to be strict ------------------------------------------------------------------------------------ */

/* The contract of queue.h: above PASSIVE_LEVEL every call that takes the lock refuses, counts, and holds nothing. */
static void above_passive_level_it_refuses_and_counts(void)
{
    static const KIRQL levels[] = {APC_LEVEL, DISPATCH_LEVEL, DISPATCH_LEVEL + 1};
    struct muster_queue_counts counts;
    struct muster_batch batch;

    start_queue();
    for (unsigned i = 0; i < 3; i++) {
        KIRQL before;
        KeRaiseIrql(levels[i], &before);
        NT_CHECK(muster_queue_push_message(queue, 1, "m", 1) == MUSTER_REFUSED);
        NT_CHECK(muster_queue_extract_all(queue, &batch) == MUSTER_REFUSED);
        NT_CHECK(!muster_queue_counts(queue, &counts));
        NT_CHECK_EQUAL(KeGetCurrentIrql(), levels[i]);
        KeLowerIrql(before);
        sim_thread_require_clean("a refusal");
    }
    NT_CHECK(muster_queue_push_message(queue, 1, "m", 1) == MUSTER_OK); /* nobody holds the lock */
    NT_CHECK(muster_queue_counts(queue, &counts));
    NT_CHECK_EQUAL(counts.refused_calls, 9);
    NT_CHECK_EQUAL(counts.ledger.dropped[MUSTER_CAUSE_IRQL_REFUSED], 3);
    NT_CHECK(muster_ledger_balances(&counts.ledger));
    NT_CHECK(muster_queue_extract_all(queue, &batch) == MUSTER_OK);
    NT_CHECK_EQUAL(batch.record_count, 2); /* the message, and the gap that tells of the others */
    muster_batch_release(&batch);
    muster_queue_deinit(queue);
    NT_CHECK_EQUAL(sim_pool_check_leaks(0), 0);
}

static void leave_a_record(void *context)
{
    (void)context;
    start_queue();
    each = 1;
    push();
    sim_pool_require_no_leaks("DriverUnload", MUSTER_NT_POOL_TAG);
}

static void a_leak_is_told_by_tag(void)
{
    NT_EXPECT_BROKEN(leave_a_record, NULL, "DriverUnload", "tag 'Mstr') were not freed");
    NT_EXPECT_ABORT(leave_a_record, NULL, "leaked pool");
    NT_EXPECT_ABORT(leave_a_record, NULL, "(muster_");
}

static void move_the_lock(void *context)
{
    static union muster_queue_storage other;

    (void)context;
    start_queue();
    __builtin_memcpy(&other, &storage, sizeof other);
    struct muster_batch batch;
    NT_CHECK(muster_queue_extract_all((struct muster_queue *)(void *)&other, &batch) == MUSTER_OK);
}

static void cores_own_panic_is_a_bug_check(void)
{
    NT_EXPECT_ABORT(move_the_lock, NULL, "BUG CHECK 0xe04d5354");
}

const struct nt_test nt_tests[] = {
    NT_TEST(four_push_and_one_reads),
    NT_TEST(and_with_delays_at_lock_edges),
    NT_TEST(and_on_an_older_windows),
    NT_TEST(and_without_guard_pages),
    NT_TEST(and_with_failing_allocations),
    NT_TEST(above_passive_level_it_refuses_and_counts),
    NT_TEST(a_leak_is_told_by_tag),
    NT_TEST(cores_own_panic_is_a_bug_check),
    NT_TESTS_END,
};
