/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Producers, a drainer and a reader at once, with delays at lock edges, refusals by the IRQL
 * contract and failing allocations. What each producer was told about each of its events is
 * compared with what came out. Under ThreadSanitizer it does a part of the work.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "muster/cache.h"
#include "muster/queue.h"
#include "unit/test_platform.h"

#define PRODUCER_COUNT 3
#define BUDGET         ((size_t)192 * 1024)

enum fate { FATE_UNKNOWN, FATE_ACCEPTED, FATE_DROPPED, FATE_REFUSED };

struct producer {
    pthread_t thread;
    unsigned index;
    unsigned char *fates; /* by event */
    unsigned char *delivered;
    uint64_t last_delivered;
    uint64_t accepted, dropped, refused;
};

static union muster_queue_storage queue_storage;
static union muster_cache_storage cache_storage;
static struct muster_queue *queue;
static struct muster_cache *cache;
static struct producer producers[PRODUCER_COUNT];
static size_t event_count; /* of each producer */
static atomic_bool producers_done, drainer_done;

/* The reader's own. */
static struct {
    uint64_t delivered, last_sequence, leases;
    uint64_t told_numbered, told_refused, last_told;
    unsigned char *by_number; /* 1 delivered, 2 inside a gap */
    size_t most_number;
    unsigned errors;
} reader;

static void set_random_irql(struct test_random *random)
{
    test_platform_set_irql(0, 1);
    switch (test_random_below(random, 300)) {
    case 0:
        test_platform_set_irql(2, 2);
        break;
    case 1:
        test_platform_set_irql(0, 2);
        break;
    case 2:
        test_platform_raise_irql_under(2, 2);
        break;
    default:
        break;
    }
}

static enum muster_status push_one(struct producer *producer, struct test_random *random, uint64_t number)
{
    static const char text[20000];
    const struct muster_process process = {.pid = producer->index, .start_ns = number};
    const uint32_t size = (uint32_t)test_random_below(random, test_random_chance(random, 1) ? sizeof text : 200);
    const struct muster_text texts[] = {muster_text_whole(MUSTER_FIELD_EXECUTABLE, text, size)};

    if (test_random_chance(random, 50)) {
        const struct muster_process_start start = {
            .record = {.type = MUSTER_EVENT_PROCESS_START, .fixed_bytes = sizeof start, .time_ns = number},
            .process = process};
        return muster_queue_push_process_start(queue, &start, texts, 1);
    }
    const struct muster_process_exit exit = {
        .record = {.type = MUSTER_EVENT_PROCESS_EXIT, .fixed_bytes = sizeof exit, .time_ns = number},
        .process = process};
    return muster_queue_push_process_exit(queue, &exit, NULL, 0);
}

static void *produce(void *context)
{
    struct producer *producer = context;
    struct test_random random = {.state = producer->index};

    for (size_t i = 0; i < event_count; i++) {
        set_random_irql(&random);
        const enum muster_status status = push_one(producer, &random, i);
        test_platform_raise_irql_under(0, 0);
        test_platform_set_irql(0, 0);
        if (status == MUSTER_OK) {
            producer->fates[i] = FATE_ACCEPTED;
            producer->accepted++;
        } else if (status == MUSTER_REFUSED) {
            producer->fates[i] = FATE_REFUSED;
            producer->refused++;
        } else {
            producer->fates[i] = FATE_DROPPED;
            producer->dropped++;
        }
        if (test_random_below(&random, 1000) == 0)
            test_platform_fail_allocation(1 + test_random_below(&random, 5), false);
    }
    return NULL;
}

static void drain_once(void)
{
    struct muster_batch batch;
    if (muster_queue_extract_all(queue, &batch) == MUSTER_OK && muster_cache_absorb(cache, &batch) != MUSTER_OK)
        abort();
}

static void *drain(void *context)
{
    (void)context;
    for (;;) {
        const bool last = atomic_load(&producers_done);
        if (last)
            test_platform_fail_allocation(0, false);
        drain_once();
        if (last && muster_queue_is_empty(queue))
            break;
        (void)sched_yield();
    }
    atomic_store(&drainer_done, true);
    return NULL;
}

static void note_gap(const struct muster_gap *gap)
{
    if (!muster_record_has(&gap->record, MUSTER_FIELD_SEQUENCE_RANGE)) {
        reader.told_refused += gap->count;
        return;
    }
    reader.errors += gap->first_sequence <= reader.last_told || gap->last_sequence > reader.most_number;
    reader.last_told = gap->last_sequence;
    reader.told_numbered += gap->count;
    for (uint64_t i = gap->first_sequence; i <= gap->last_sequence && i <= reader.most_number; i++)
        reader.by_number[i] |= 2;
}

static void note_record(const struct muster_record *record)
{
    const struct muster_record *valid;

    reader.errors += muster_record_validate(record, record->size_bytes, &valid) != MUSTER_OK;
    if (record->type == MUSTER_EVENT_GAP) {
        note_gap((const void *)record);
        return;
    }
    const struct muster_process *process = &((const struct muster_process_fork *)(const void *)record)->process;
    if (process->pid >= PRODUCER_COUNT || process->start_ns >= event_count || record->sequence > reader.most_number) {
        reader.errors++;
        return;
    }
    struct producer *producer = &producers[process->pid];
    producer->delivered[process->start_ns]++;
    reader.errors += process->start_ns + 1 <= producer->last_delivered; /* a producer's order is kept */
    producer->last_delivered = process->start_ns + 1;
    reader.errors += record->sequence <= reader.last_sequence;
    reader.last_sequence = record->sequence;
    reader.by_number[record->sequence] |= 1;
    reader.delivered++;
}

static void read_lease(const struct muster_lease *lease)
{
    struct muster_lease_cursor cursor = {0};
    const struct muster_record *record;
    uint64_t bytes = 0;

    while ((record = muster_lease_next(lease, &cursor)) != NULL) {
        note_record(record);
        bytes += record->size_bytes;
    }
    reader.errors += bytes != lease->record_bytes;
    reader.leases++;
}

static void *read_all(void *context)
{
    (void)context;
    struct test_random random = {.state = 99};

    for (;;) {
        const bool last = atomic_load(&drainer_done);
        struct muster_lease lease;
        const size_t most = test_random_chance(&random, 30) ? SIZE_MAX : 500 + test_random_below(&random, 40000);
        const enum muster_status status = muster_cache_lease(cache, most, &lease, NULL);
        if (status == MUSTER_OK) {
            read_lease(&lease);
            reader.errors += muster_cache_ack(cache, lease.id + 1) != MUSTER_WRONG_STATE;
            reader.errors += muster_cache_ack(cache, lease.id) != MUSTER_OK;
        } else if (status == MUSTER_EMPTY && last) {
            return NULL;
        }
        if (test_random_chance(&random, 20))
            (void)sched_yield();
    }
}

static void start(pthread_t *thread, void *(*body)(void *), void *context)
{
    assert_int_equal(pthread_create(thread, NULL, body, context), 0);
}

static void run_threads(void)
{
    pthread_t drainer, reading;

    for (unsigned i = 0; i < PRODUCER_COUNT; i++) {
        producers[i] =
            (struct producer){.index = i, .fates = calloc(event_count, 1), .delivered = calloc(event_count, 1)};
        assert_true(producers[i].fates != NULL && producers[i].delivered != NULL);
    }
    start(&drainer, drain, NULL);
    start(&reading, read_all, NULL);
    for (unsigned i = 0; i < PRODUCER_COUNT; i++)
        start(&producers[i].thread, produce, &producers[i]);
    for (unsigned i = 0; i < PRODUCER_COUNT; i++)
        assert_int_equal(pthread_join(producers[i].thread, NULL), 0);
    atomic_store(&producers_done, true);
    assert_int_equal(pthread_join(drainer, NULL), 0);
    assert_int_equal(pthread_join(reading, NULL), 0);
}

static void expect_each_event_once(void)
{
    uint64_t accepted = 0, dropped = 0, refused = 0;
    struct muster_queue_counts counts;

    for (unsigned p = 0; p < PRODUCER_COUNT; p++) {
        for (size_t i = 0; i < event_count; i++)
            assert_int_equal(producers[p].delivered[i], producers[p].fates[i] == FATE_ACCEPTED);
        accepted += producers[p].accepted;
        dropped += producers[p].dropped;
        refused += producers[p].refused;
    }
    assert_int_equal(reader.errors, 0);
    assert_int_equal(reader.delivered, accepted);
    assert_int_equal(reader.told_numbered, dropped);
    assert_int_equal(reader.told_refused, refused);
    assert_true(muster_queue_counts(queue, &counts));
    assert_true(muster_ledger_balances(&counts.ledger));
    assert_int_equal(counts.ledger.produced, PRODUCER_COUNT * event_count);
    assert_int_equal(counts.ledger.delivered, accepted);
    assert_int_equal(counts.ledger.held, 0);
    assert_int_equal(counts.ledger.dropped[MUSTER_CAUSE_IRQL_REFUSED], refused);
    assert_int_equal(counts.refused_calls, refused);
    assert_int_equal(counts.last_sequence, accepted + dropped);
    for (uint64_t i = 1; i <= counts.last_sequence; i++)
        assert_int_not_equal(reader.by_number[i], 0);
    assert_true(accepted != 0 && refused != 0);
    assert_true(dropped != 0 || event_count < 5000); /* else it tests less than it says */
}

static void each_accepted_event_arrives_once(void **state)
{
    (void)state;
    const struct muster_queue_config config = {.budget_bytes = BUDGET, .stage = MUSTER_STAGE_DRIVER_QUEUE};

    event_count = 500 * (size_t)test_scale_percent();
    reader.most_number = PRODUCER_COUNT * event_count;
    reader.by_number = calloc(reader.most_number + 1, 1);
    assert_non_null(reader.by_number);
    test_platform_reset();
    test_platform_delay_at_locks(1);
    assert_int_equal(muster_queue_init(&queue_storage, &config, &queue), MUSTER_OK);
    assert_int_equal(muster_cache_init(&cache_storage, &cache), MUSTER_OK);
    run_threads();
    test_platform_delay_at_locks(0);
    expect_each_event_once();
    assert_true(test_platform_peak_bytes() <= BUDGET);
    muster_cache_deinit(cache);
    muster_queue_deinit(queue);
    assert_int_equal(test_platform_live_bytes(), 0);
    for (unsigned i = 0; i < PRODUCER_COUNT; i++) {
        free(producers[i].fates);
        free(producers[i].delivered);
    }
    free(reader.by_number);
}

/* ---- several that take out at once --------------------------------------------------------------- */

static atomic_uint_least64_t taken_numbered;
static atomic_bool stop_taking;

static void *take_and_release(void *context)
{
    (void)context;
    struct muster_batch batch;
    bool last;

    do {
        last = atomic_load(&stop_taking);
        while (muster_queue_extract_all(queue, &batch) == MUSTER_OK) {
            atomic_fetch_add(&taken_numbered, batch.numbered_count);
            muster_batch_release(&batch);
        }
    } while (!last);
    return NULL;
}

static void *push_and_ask(void *context)
{
    const unsigned index = *(const unsigned *)context;
    struct muster_queue_counts counts;

    for (size_t i = 0; i < event_count; i++) {
        if (i % 16 == 0)
            test_platform_fail_allocation(1, false); /* so that there are gaps to tell */
        (void)muster_queue_push_message(queue, i, "some words", 10);
        if (index == 0 && (!muster_queue_counts(queue, &counts) || !muster_ledger_balances(&counts.ledger)))
            abort();
        (void)muster_queue_would_admit(queue, MUSTER_CLASS_START, 100);
    }
    return NULL;
}

static void several_may_take_out(void **state)
{
    (void)state;
    const struct muster_queue_config config = {.budget_bytes = MUSTER_QUEUE_BUDGET_MIN,
                                               .stage = MUSTER_STAGE_DRIVER_QUEUE};
    static unsigned indexes[2] = {0, 1};
    pthread_t takers[2], pushers[2];
    struct muster_queue_counts counts;

    event_count = 200 * (size_t)test_scale_percent();
    test_platform_reset();
    test_platform_delay_at_locks(2);
    assert_int_equal(muster_queue_init(&queue_storage, &config, &queue), MUSTER_OK);
    for (unsigned i = 0; i < 2; i++) {
        start(&takers[i], take_and_release, NULL);
        start(&pushers[i], push_and_ask, &indexes[i]);
    }
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_join(pushers[i], NULL), 0);
    atomic_store(&stop_taking, true);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_join(takers[i], NULL), 0);
    assert_true(muster_queue_counts(queue, &counts));
    assert_int_equal(counts.ledger.produced, 2 * event_count);
    assert_int_equal(atomic_load(&taken_numbered) + muster_ledger_dropped(&counts.ledger) + counts.ledger.held,
                     2 * event_count);
    muster_queue_deinit(queue);
    assert_int_equal(test_platform_live_bytes(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_accepted_event_arrives_once),
        cmocka_unit_test(several_may_take_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
