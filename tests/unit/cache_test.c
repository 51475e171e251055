/* SPDX-License-Identifier: Apache-2.0 */
/* The cached queue and its lease, one promise a test. Long sequences are in queue_model_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "muster/cache.h"
#include "muster/queue.h"
#include "unit/test_platform.h"

#define RECORD_BYTES sizeof(struct muster_process_fork)

static union muster_queue_storage queue_storage;
static union muster_cache_storage cache_storage;
static struct muster_queue *queue;
static struct muster_cache *cache;

static int set_up(void **state)
{
    (void)state;
    const struct muster_queue_config config = {
        .budget_bytes = 1024 * 1024, .stage = MUSTER_STAGE_AGENT_QUEUE, .numbered_upstream = true};

    test_platform_reset();
    if (muster_queue_init(&queue_storage, &config, &queue) != MUSTER_OK)
        return -1;
    return muster_cache_init(&cache_storage, &cache) == MUSTER_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    muster_cache_deinit(cache);
    muster_queue_deinit(queue);
    return test_platform_live_bytes() == 0 ? 0 : -1;
}

/* Absorbs a batch of fork records with these numbers; the last is at `position` of the source. */
static void absorb(uint64_t first, uint64_t last, uint64_t position)
{
    struct muster_batch batch;

    for (uint64_t i = first; i <= last; i++) {
        const struct muster_process_fork fork = {.record = {.size_bytes = sizeof fork,
                                                            .type = MUSTER_EVENT_PROCESS_FORK,
                                                            .version = 1,
                                                            .fixed_bytes = sizeof fork,
                                                            .sequence = i}};
        assert_int_equal(muster_queue_push_record(queue, &fork.record, i == last ? position : 0), MUSTER_OK);
    }
    assert_int_equal(muster_queue_extract_all(queue, &batch), MUSTER_OK);
    assert_int_equal(muster_cache_absorb(cache, &batch), MUSTER_OK);
    assert_null(batch.first);
    assert_int_equal(batch.record_count, 0);
}

static struct muster_lease lease_of(size_t max_bytes)
{
    struct muster_lease lease;
    assert_int_equal(muster_cache_lease(cache, max_bytes, &lease, NULL), MUSTER_OK);
    return lease;
}

static void expect_records(const struct muster_lease *lease, uint64_t first, uint64_t last)
{
    struct muster_lease_cursor cursor = {0};
    const struct muster_record *record;

    assert_int_equal(lease->record_count, last - first + 1);
    assert_int_equal(lease->record_bytes, lease->record_count * RECORD_BYTES);
    assert_int_equal(lease->numbered_count, lease->record_count);
    for (uint64_t i = first; i <= last; i++) {
        record = muster_lease_next(lease, &cursor);
        assert_non_null(record);
        assert_int_equal(record->sequence, i);
    }
    assert_null(muster_lease_next(lease, &cursor));
    assert_null(muster_lease_next(lease, &cursor));
}

static void empty_has_nothing_to_lease(void **state)
{
    (void)state;
    struct muster_batch batch = {0};
    struct muster_lease lease;
    size_t needed = 5;

    assert_int_equal(muster_cache_lease(cache, SIZE_MAX, &lease, &needed), MUSTER_EMPTY);
    assert_int_equal(muster_cache_absorb(cache, &batch), MUSTER_OK);
    assert_int_equal(muster_cache_lease(cache, SIZE_MAX, &lease, &needed), MUSTER_EMPTY);
    assert_int_equal(needed, 5);
    assert_int_equal(muster_cache_ack(cache, 0), MUSTER_WRONG_STATE);
    assert_int_equal(muster_cache_ack(cache, 1), MUSTER_WRONG_STATE);
}

static void storage_must_be_aligned(void **state)
{
    (void)state;
    union muster_cache_storage two[2];
    struct muster_cache *other = NULL;
    void *crooked = two[0].bytes + 8;

    assert_int_equal(muster_cache_init(crooked, &other), MUSTER_INVALID);
    assert_null(other);
}

static void a_lease_is_served_again(void **state)
{
    (void)state;
    absorb(1, 10, 0);
    const struct muster_lease lease = lease_of(4 * RECORD_BYTES + 50);
    expect_records(&lease, 1, 4);
    absorb(11, 400, 0);
    const struct muster_lease again = lease_of(SIZE_MAX);
    assert_memory_equal(&again, &lease, sizeof lease);
    expect_records(&again, 1, 4);
    assert_int_equal(muster_cache_ack(cache, lease.id + 1), MUSTER_WRONG_STATE);
    assert_int_equal(muster_cache_ack(cache, lease.id), MUSTER_OK);
    assert_int_equal(muster_cache_ack(cache, lease.id), MUSTER_WRONG_STATE);
    const struct muster_lease next = lease_of(SIZE_MAX);
    assert_true(next.id > lease.id);
    expect_records(&next, 5, 400);
}

static void a_lease_is_cut_and_never_grows(void **state)
{
    (void)state;
    absorb(1, 100, 0);
    const struct muster_lease all = lease_of(SIZE_MAX);
    expect_records(&all, 1, 100);
    const struct muster_lease cut = lease_of(30 * RECORD_BYTES);
    assert_int_equal(cut.id, all.id);
    expect_records(&cut, 1, 30);
    const struct muster_lease again = lease_of(50 * RECORD_BYTES);
    expect_records(&again, 1, 30);
    assert_int_equal(muster_cache_ack(cache, cut.id), MUSTER_OK);
    const struct muster_lease rest = lease_of(SIZE_MAX);
    expect_records(&rest, 31, 100);
}

static void too_small_says_what_is_needed(void **state)
{
    (void)state;
    struct muster_lease lease;
    struct muster_cache_counts before, after;
    size_t needed = 0;

    absorb(1, 3, 0);
    for (unsigned round = 0; round < 2; round++) {
        assert_true(muster_cache_counts(cache, &before));
        memset(&lease, 0x44, sizeof lease);
        const struct muster_lease untouched = lease;
        assert_int_equal(muster_cache_lease(cache, RECORD_BYTES - 1, &lease, &needed), MUSTER_TOO_SMALL);
        assert_int_equal(needed, RECORD_BYTES);
        assert_memory_equal(&lease, &untouched, sizeof lease);
        assert_int_equal(muster_cache_lease(cache, 0, &lease, NULL), MUSTER_TOO_SMALL);
        assert_true(muster_cache_counts(cache, &after));
        assert_memory_equal(&before, &after, sizeof before);
        lease = lease_of(2 * RECORD_BYTES); /* the second round is with a lease open */
        expect_records(&lease, 1, 2);
    }
}

/* The source's position comes with a lease that ends where a batch ends, and only then. */
static void positions_come_with_whole_batches(void **state)
{
    (void)state;
    absorb(1, 10, 1000);
    absorb(11, 20, 2000);
    absorb(21, 500, 3000); /* several blocks */
    assert_int_equal(lease_of(SIZE_MAX).source_position, 3000);
    assert_int_equal(lease_of(499 * RECORD_BYTES).source_position, 0);
    assert_int_equal(lease_of(25 * RECORD_BYTES).source_position, 0);
    assert_int_equal(lease_of(20 * RECORD_BYTES).source_position, 2000);
    assert_int_equal(lease_of(11 * RECORD_BYTES).source_position, 0);
    struct muster_lease lease = lease_of(10 * RECORD_BYTES + RECORD_BYTES - 1);
    assert_int_equal(lease.source_position, 1000);
    assert_int_equal(muster_cache_ack(cache, lease.id), MUSTER_OK);
    lease = lease_of(9 * RECORD_BYTES);
    assert_int_equal(lease.source_position, 0);
    assert_int_equal(muster_cache_ack(cache, lease.id), MUSTER_OK);
    lease = lease_of(RECORD_BYTES);
    assert_int_equal(lease.source_position, 2000);
    assert_int_equal(muster_cache_ack(cache, lease.id), MUSTER_OK);
    lease = lease_of(SIZE_MAX);
    assert_int_equal(lease.source_position, 3000);
    assert_int_equal(muster_cache_ack(cache, lease.id), MUSTER_OK);
}

static void leases_end_inside_blocks(void **state)
{
    (void)state;
    uint64_t done = 0;

    absorb(1, 3000, 0);
    for (size_t count = 1; done < 3000; count = count % 97 + 1) {
        const struct muster_lease lease = lease_of(count * RECORD_BYTES);
        expect_records(&lease, done + 1, done + lease.record_count);
        done += lease.record_count;
        unsigned char *copy = malloc(lease.record_bytes);
        assert_non_null(copy);
        muster_lease_copy(&lease, copy);
        for (uint64_t i = 0; i < lease.record_count; i++) {
            struct muster_record record;
            memcpy(&record, copy + i * RECORD_BYTES, sizeof record);
            assert_int_equal(record.sequence, done - lease.record_count + 1 + i);
        }
        free(copy);
        assert_int_equal(muster_cache_ack(cache, lease.id), MUSTER_OK);
    }
    assert_int_equal(done, 3000);
}

static void a_lease_given_back_is_served_again_under_another_id(void **state)
{
    struct muster_cache_counts counts;

    (void)state;
    assert_int_equal(muster_cache_unlease(cache), MUSTER_OK); /* none is open */
    absorb(1, 4, 40);
    const struct muster_lease cut = lease_of(2 * RECORD_BYTES);
    assert_int_equal(muster_cache_unlease(cache), MUSTER_OK);
    assert_true(muster_cache_counts(cache, &counts));
    assert_int_equal(counts.lease_id, 0);
    assert_int_equal(counts.leased_count, 0);
    assert_int_equal(counts.acknowledged_count, 0);
    assert_int_equal(counts.record_count, 4);
    assert_int_equal(muster_cache_ack(cache, cut.id), MUSTER_WRONG_STATE);

    const struct muster_lease again = lease_of(SIZE_MAX); /* and may be larger */
    assert_true(again.id != cut.id);
    expect_records(&again, 1, 4);
    assert_int_equal(muster_cache_ack(cache, again.id), MUSTER_OK);
    assert_true(muster_cache_counts(cache, &counts));
    assert_int_equal(counts.acknowledged_count, 4);
}

static void an_ack_gives_back_memory_at_once(void **state)
{
    (void)state;
    const size_t before = test_platform_live_bytes();
    absorb(1, 3000, 0);
    const size_t full = test_platform_live_bytes();
    const struct muster_lease half = lease_of(1500 * RECORD_BYTES);
    assert_int_equal(muster_cache_ack(cache, half.id), MUSTER_OK);
    assert_in_range(test_platform_live_bytes(), before + 1500 * RECORD_BYTES, full - 64 * 1024);
    const struct muster_lease rest = lease_of(SIZE_MAX);
    assert_int_equal(muster_cache_ack(cache, rest.id), MUSTER_OK);
    assert_int_equal(test_platform_live_bytes(), before);
    absorb(1, 2, 0); /* and it goes on working */
    const struct muster_lease lease = lease_of(SIZE_MAX);
    expect_records(&lease, 1, 2);
}

static void absorb_and_ack_cost_the_same_for_any_count(void **state)
{
    (void)state;
    for (uint64_t count = 1; count <= 4000; count *= 10) {
        absorb(1, count, 0);
        const uint64_t allocations = test_platform_allocation_count();
        const uint64_t locks = test_platform_lock_count();
        const struct muster_lease lease = lease_of(SIZE_MAX);
        assert_int_equal(muster_cache_ack(cache, lease.id), MUSTER_OK);
        assert_int_equal(test_platform_allocation_count(), allocations);
        assert_int_equal(test_platform_lock_count(), locks + 2);
    }
}

static void every_call_refuses_a_wrong_irql(void **state)
{
    (void)state;
    struct muster_cache_counts counts;
    struct muster_batch batch = {0};
    const struct muster_process_fork fork = {.record = {.size_bytes = sizeof fork,
                                                        .version = 1,
                                                        .sequence = 9,
                                                        .type = MUSTER_EVENT_PROCESS_FORK,
                                                        .fixed_bytes = sizeof fork}};

    absorb(1, 5, 0);
    struct muster_lease lease = lease_of(SIZE_MAX);
    assert_int_equal(muster_queue_push_record(queue, &fork.record, 0), MUSTER_OK);
    assert_int_equal(muster_queue_extract_all(queue, &batch), MUSTER_OK);
    const struct muster_batch untouched = batch;
    for (unsigned round = 0; round < 2; round++) {
        test_platform_set_irql(round == 0, 2);
        assert_int_equal(muster_cache_absorb(cache, &batch), MUSTER_REFUSED);
        assert_memory_equal(&batch, &untouched, sizeof batch);
        assert_int_equal(muster_cache_lease(cache, SIZE_MAX, &lease, NULL), MUSTER_REFUSED);
        assert_int_equal(muster_cache_ack(cache, lease.id), MUSTER_REFUSED);
        assert_false(muster_cache_counts(cache, &counts));
    }
    test_platform_set_irql(0, 1);
    assert_true(muster_cache_counts(cache, &counts));
    assert_int_equal(counts.refused_calls, 8);
    assert_int_equal(counts.leased_count, 5);
    assert_int_equal(counts.lease_id, lease.id);
    expect_records(&lease, 1, 5);
    assert_int_equal(muster_cache_absorb(cache, &batch), MUSTER_OK);
}

static void one_cache_serves_several_queues(void **state)
{
    (void)state;
    static union muster_queue_storage second_storage;
    const struct muster_queue_config config = {.budget_bytes = MUSTER_QUEUE_BUDGET_MIN,
                                               .stage = MUSTER_STAGE_AGENT_QUEUE};
    struct muster_queue *second;
    struct muster_queue_counts counts;
    struct muster_batch batch;

    assert_int_equal(muster_queue_init(&second_storage, &config, &second), MUSTER_OK);
    absorb(1, 10, 0);
    assert_int_equal(muster_queue_push_message(second, 1, "x", 1), MUSTER_OK);
    assert_int_equal(muster_queue_extract_all(second, &batch), MUSTER_OK);
    assert_int_equal(muster_cache_absorb(cache, &batch), MUSTER_OK);
    const struct muster_lease lease = lease_of(SIZE_MAX);
    assert_int_equal(lease.record_count, 11);
    assert_int_equal(muster_cache_ack(cache, lease.id), MUSTER_OK);
    assert_true(muster_queue_counts(second, &counts)); /* each has its bytes back */
    assert_true(counts.charged_bytes < 1024);
    muster_queue_deinit(second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(empty_has_nothing_to_lease),       TEST(storage_must_be_aligned),
        TEST(a_lease_is_served_again),          TEST(a_lease_is_cut_and_never_grows),
        TEST(too_small_says_what_is_needed),    TEST(positions_come_with_whole_batches),
        TEST(leases_end_inside_blocks),         TEST(a_lease_given_back_is_served_again_under_another_id),
        TEST(an_ack_gives_back_memory_at_once), TEST(absorb_and_ack_cost_the_same_for_any_count),
        TEST(every_call_refuses_a_wrong_irql),  TEST(one_cache_serves_several_queues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
