/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One scenario through queue, cache and lease, run again for each of its allocations: with that one
 * failing, and with that one and all later ones failing. Nothing may leak or crash, and each event
 * must be delivered or stand in a gap by the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "muster/cache.h"
#include "muster/queue.h"
#include "unit/test_platform.h"

#define BUDGET ((size_t)128 * 1024)

struct scenario {
    union muster_queue_storage queue_storage;
    union muster_cache_storage cache_storage;
    struct muster_queue *queue;
    struct muster_cache *cache;
    uint64_t pushed, accepted, refused; /* numbered events, by what the push said */
    uint64_t delivered, told;           /* by what came out */
    uint64_t last_delivered;
    uint64_t last_told; /* last number of the last gap */
};

static void note(struct scenario *scenario, enum muster_status status)
{
    scenario->pushed++;
    if (status == MUSTER_OK)
        scenario->accepted++;
    else
        scenario->refused++;
    assert_true(status == MUSTER_OK || status == MUSTER_NO_ROOM || status == MUSTER_NO_MEMORY ||
                status == MUSTER_INVALID);
}

static void push_starts(struct scenario *scenario, unsigned count, uint32_t text_bytes)
{
    static const char text[300000];
    const struct muster_text texts[] = {muster_text_whole(MUSTER_FIELD_ARGS, text, text_bytes)};
    for (unsigned i = 0; i < count; i++) {
        const struct muster_process_start start = {
            .record = {.type = MUSTER_EVENT_PROCESS_START, .fixed_bytes = sizeof start, .time_ns = i}};
        note(scenario, muster_queue_push_process_start(scenario->queue, &start, texts, 1));
    }
}

static void push_messages(struct scenario *scenario, unsigned count)
{
    static const char text[500];
    for (unsigned i = 0; i < count; i++)
        note(scenario, muster_queue_push_message(scenario->queue, i, text, sizeof text));
}

static void push_status(struct scenario *scenario)
{
    const struct muster_sensor_status status = {
        .record = {
            .size_bytes = sizeof status, .type = MUSTER_EVENT_STATUS, .version = 1, .fixed_bytes = sizeof status}};
    (void)muster_queue_push_record(scenario->queue, &status.record, 0);
}

static void drain(struct scenario *scenario)
{
    struct muster_batch batch;
    if (muster_queue_extract_all(scenario->queue, &batch) == MUSTER_OK)
        assert_int_equal(muster_cache_absorb(scenario->cache, &batch), MUSTER_OK);
}

static void note_record(struct scenario *scenario, const struct muster_record *record)
{
    if (record->type == MUSTER_EVENT_GAP) {
        const struct muster_gap *gap = (const void *)record;
        scenario->told += gap->count;
        assert_true(gap->first_sequence > scenario->last_told);
        scenario->last_told = gap->last_sequence;
    } else if (muster_event_is_numbered(record->type)) {
        assert_true(record->sequence > scenario->last_delivered);
        scenario->last_delivered = record->sequence;
        scenario->delivered++;
    }
}

static void serve(struct scenario *scenario, size_t max_bytes)
{
    struct muster_lease lease;
    struct muster_lease_cursor cursor = {0};
    const struct muster_record *record;

    if (muster_cache_lease(scenario->cache, max_bytes, &lease, NULL) != MUSTER_OK)
        return;
    while ((record = muster_lease_next(&lease, &cursor)) != NULL)
        note_record(scenario, record);
    assert_int_equal(muster_cache_ack(scenario->cache, lease.id), MUSTER_OK);
}

static void expect_conserved(struct scenario *scenario)
{
    struct muster_queue_counts counts;

    assert_true(muster_queue_counts(scenario->queue, &counts));
    assert_true(muster_ledger_balances(&counts.ledger));
    assert_int_equal(counts.ledger.produced, scenario->pushed);
    assert_int_equal(counts.last_sequence, scenario->pushed);
    assert_int_equal(muster_ledger_dropped(&counts.ledger), scenario->refused);
    assert_int_equal(counts.charged_bytes, test_platform_live_bytes());
    assert_true(test_platform_peak_bytes() <= BUDGET);
}

static void play(struct scenario *scenario)
{
    push_starts(scenario, 30, 100);
    drain(scenario);
    push_messages(scenario, 60); /* more than their share */
    expect_conserved(scenario);
    push_starts(scenario, 1, 20000);
    serve(scenario, 2000);
    push_starts(scenario, 1, 290000); /* too large for any record */
    drain(scenario);
    drain(scenario);
    expect_conserved(scenario);
    serve(scenario, SIZE_MAX);
    push_starts(scenario, 200, 900); /* more than the budget */
    push_status(scenario);
    drain(scenario);
    push_messages(scenario, 3);
    drain(scenario);
    serve(scenario, 30000);
    push_starts(scenario, 5, 10);
    push_status(scenario);
    expect_conserved(scenario);
}

/* With memory to be had again: everything comes out, told or delivered. */
static void finish(struct scenario *scenario)
{
    test_platform_fail_allocation(0, false);
    for (unsigned i = 0; i < 3; i++) {
        drain(scenario);
        serve(scenario, SIZE_MAX);
    }
    assert_true(muster_queue_is_empty(scenario->queue));
    expect_conserved(scenario);
    assert_int_equal(scenario->delivered, scenario->accepted);
    assert_int_equal(scenario->told, scenario->refused);
    muster_cache_deinit(scenario->cache);
    muster_queue_deinit(scenario->queue);
}

/* Whether the allocation that was to fail was reached. */
static bool run(uint64_t fail_at, bool and_all_that_follow)
{
    static struct scenario scenario;
    const struct muster_queue_config config = {.budget_bytes = BUDGET, .stage = MUSTER_STAGE_DRIVER_QUEUE};

    memset(&scenario, 0, sizeof scenario);
    test_platform_reset();
    test_platform_fail_allocation(fail_at, and_all_that_follow);
    const enum muster_status status = muster_queue_init(&scenario.queue_storage, &config, &scenario.queue);
    if (status == MUSTER_OK) {
        assert_int_equal(muster_cache_init(&scenario.cache_storage, &scenario.cache), MUSTER_OK);
        play(&scenario);
        finish(&scenario);
    } else {
        assert_int_equal(status, MUSTER_NO_MEMORY);
        assert_int_equal(fail_at, 1);
    }
    assert_int_equal(test_platform_live_bytes(), 0);
    assert_int_equal(test_platform_live_allocations(), 0);
    return test_platform_failed_allocations() != 0;
}

static void no_fault_loses_only_what_has_no_room(void **state)
{
    (void)state;
    assert_false(run(0, false));
}

static void each_allocation_fails_once(void **state)
{
    (void)state;
    uint64_t nth = 1;
    while (run(nth, false))
        nth++;
    assert_true(nth > 15);
}

static void each_allocation_fails_for_ever_after(void **state)
{
    (void)state;
    uint64_t nth = 1;
    while (run(nth, true))
        nth++;
    assert_true(nth > 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_fault_loses_only_what_has_no_room),
        cmocka_unit_test(each_allocation_fails_once),
        cmocka_unit_test(each_allocation_fails_for_ever_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
