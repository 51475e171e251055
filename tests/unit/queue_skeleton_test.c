/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Degrade before drop: a start that finds no room or no memory is kept as a skeleton, in a block
 * that was set aside. One promise a test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "muster/cache.h"
#include "muster/queue.h"
#include "unit/test_platform.h"

#define ROOM_FOR 5U /* skeletons */
#define FIXED    sizeof(struct muster_process_start)

static union muster_queue_storage storage;
static struct muster_queue *queue;
static char text[20000];

static int set_up(void **state)
{
    const struct muster_queue_config config = {
        .budget_bytes = 64 * 1024, .stage = MUSTER_STAGE_DRIVER_QUEUE, .skeleton_bytes = ROOM_FOR * FIXED};

    (void)state;
    test_platform_reset();
    return muster_queue_init(&storage, &config, &queue) == MUSTER_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    muster_queue_deinit(queue);
    return test_platform_live_bytes() == 0 ? 0 : -1;
}

static enum muster_status push_start(uint32_t pid)
{
    const struct muster_text texts[] = {muster_text_whole(MUSTER_FIELD_EXECUTABLE, "C:\\a.exe", 8),
                                        muster_text_whole(MUSTER_FIELD_COMMAND_LINE, text, sizeof text)};
    const struct muster_process_start start = {
        .record = {.type = MUSTER_EVENT_PROCESS_START,
                   .fixed_bytes = FIXED,
                   .time_ns = 7,
                   .flags = MUSTER_RECORD_WTF8,
                   .valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID),
                   .unavailable = MUSTER_FIELD_BIT(MUSTER_FIELD_PARENT_PID)},
        .process = {.pid = pid},
    };
    return muster_queue_push_process_start(queue, &start, texts, 2);
}

static enum muster_status push_exit(uint32_t pid)
{
    const struct muster_process_exit exit = {.record = {.type = MUSTER_EVENT_PROCESS_EXIT,
                                                        .fixed_bytes = sizeof exit,
                                                        .valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID)},
                                             .process = {.pid = pid}};
    return muster_queue_push_process_exit(queue, &exit, NULL, 0);
}

static const struct muster_record *next_record(const struct muster_batch *batch, const struct muster_record *record)
{
    /* A lease walks records; here a cache is not needed for one batch. */
    static struct muster_lease lease;
    static struct muster_lease_cursor cursor;

    if (record == NULL) {
        lease = (struct muster_lease){.first = batch->first, .record_count = batch->record_count};
        cursor = (struct muster_lease_cursor){0};
    }
    return muster_lease_next(&lease, &cursor);
}

static void expect_skeleton(const struct muster_record *record, uint64_t sequence, uint32_t pid)
{
    const struct muster_record *valid;
    const uint64_t texts = MUSTER_FIELD_BIT(MUSTER_FIELD_EXECUTABLE) | MUSTER_FIELD_BIT(MUSTER_FIELD_COMMAND_LINE);

    assert_non_null(record);
    assert_int_equal(muster_record_validate(record, record->size_bytes, &valid), MUSTER_OK);
    assert_int_equal(record->type, MUSTER_EVENT_PROCESS_START);
    assert_int_equal(record->sequence, sequence);
    assert_int_equal(record->flags, MUSTER_RECORD_WTF8 | MUSTER_RECORD_SKELETON);
    assert_int_equal(record->size_bytes, FIXED);
    assert_true(record->valid == MUSTER_FIELD_BIT(MUSTER_FIELD_PID));
    assert_true(record->unavailable == (texts | MUSTER_FIELD_BIT(MUSTER_FIELD_PARENT_PID)));
    assert_int_equal(((const struct muster_process_start *)(const void *)record)->process.pid, pid);
}

static void without_memory_a_start_is_kept_as_a_skeleton(void **state)
{
    struct muster_batch batch;
    struct muster_queue_counts counts;

    (void)state;
    test_platform_fail_allocation(1, true);
    assert_int_equal(push_start(11), MUSTER_OK);
    assert_true(muster_queue_counts(queue, &counts));
    assert_int_equal(counts.ledger.degraded, 1);
    assert_int_equal(counts.ledger.held, 1);
    assert_true(muster_ledger_balances(&counts.ledger));
    assert_int_equal(muster_queue_extract_all(queue, &batch), MUSTER_OK);
    assert_int_equal(batch.record_count, 1);
    assert_int_equal(batch.numbered_count, 1);
    expect_skeleton(next_record(&batch, NULL), 1, 11);
    muster_batch_release(&batch);
}

static void without_memory_an_exit_is_kept_too(void **state)
{
    struct muster_batch batch;

    (void)state;
    test_platform_fail_allocation(1, true);
    assert_int_equal(push_exit(12), MUSTER_OK);
    assert_int_equal(muster_queue_extract_all(queue, &batch), MUSTER_OK);
    const struct muster_record *record = next_record(&batch, NULL);
    assert_int_equal(record->type, MUSTER_EVENT_PROCESS_EXIT);
    assert_int_equal(record->flags, MUSTER_RECORD_SKELETON);
    muster_batch_release(&batch);
}

/* Room for a few whole ones, then for skeletons, then for nobody: each event is one of the three. */
static void a_full_queue_degrades_then_drops(void **state)
{
    struct muster_batch batch;
    struct muster_queue_counts counts;
    uint64_t whole = 0, skeletons = 0, missing = 0;

    (void)state;
    for (uint32_t pid = 1; pid <= 20; pid++)
        (void)push_start(pid);
    assert_int_equal(push_exit(21), MUSTER_NO_ROOM); /* what is set aside is for starts */
    assert_true(muster_queue_counts(queue, &counts));
    assert_true(muster_ledger_balances(&counts.ledger));
    assert_int_equal(muster_queue_extract_all(queue, &batch), MUSTER_OK);
    for (const struct muster_record *record = next_record(&batch, NULL); record != NULL;
         record = next_record(&batch, record)) {
        if (record->type == MUSTER_EVENT_GAP)
            missing += ((const struct muster_gap *)(const void *)record)->count;
        else if ((record->flags & MUSTER_RECORD_SKELETON) != 0)
            expect_skeleton(record, whole + ++skeletons, (uint32_t)record->sequence);
        else
            assert_int_equal(record->sequence, ++whole);
    }
    assert_true(whole >= 2);
    assert_int_equal(skeletons, ROOM_FOR);
    assert_int_equal(counts.ledger.degraded, ROOM_FOR);
    assert_int_equal(whole + skeletons + missing, 21);
    muster_batch_release(&batch);
}

static void what_is_set_aside_comes_back_with_memory(void **state)
{
    struct muster_batch batch;

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        test_platform_fail_allocation(1, true);
        assert_int_equal(push_start(round), MUSTER_OK);
        assert_int_equal(muster_queue_extract_all(queue, &batch), MUSTER_OK);
        muster_batch_release(&batch);
        assert_int_equal(push_start(round), MUSTER_NO_MEMORY); /* used up, and no memory for another */
        test_platform_fail_allocation(0, false);
        assert_int_equal(muster_queue_extract_all(queue, &batch), MUSTER_OK); /* the gap */
        assert_int_equal(next_record(&batch, NULL)->type, MUSTER_EVENT_GAP);
        muster_batch_release(&batch);
    }
}

static void messages_and_invalid_events_have_no_skeleton(void **state)
{
    const struct muster_process_start bad = {.record = {.type = MUSTER_EVENT_PROCESS_START, .fixed_bytes = FIXED + 8}};

    (void)state;
    assert_int_equal(muster_queue_push_process_start(queue, &bad, NULL, 0), MUSTER_INVALID);
    test_platform_fail_allocation(1, true);
    assert_int_equal(muster_queue_push_message(queue, 1, "m", 1), MUSTER_NO_MEMORY);
}

static void a_start_too_large_for_a_record_has_one(void **state)
{
    static char large[MUSTER_RECORD_MAX_BYTES];
    const struct muster_text texts[] = {muster_text_whole(MUSTER_FIELD_EXECUTABLE, "C:\\a.exe", 8),
                                        muster_text_whole(MUSTER_FIELD_COMMAND_LINE, large, sizeof large)};
    const struct muster_process_start start = {.record = {.type = MUSTER_EVENT_PROCESS_START,
                                                          .fixed_bytes = FIXED,
                                                          .flags = MUSTER_RECORD_WTF8,
                                                          .valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID),
                                                          .unavailable = MUSTER_FIELD_BIT(MUSTER_FIELD_PARENT_PID)},
                                               .process = {.pid = 5}};
    struct muster_batch batch;

    (void)state;
    assert_int_equal(muster_queue_push_process_start(queue, &start, texts, 2), MUSTER_OK);
    assert_int_equal(muster_queue_extract_all(queue, &batch), MUSTER_OK);
    expect_skeleton(next_record(&batch, NULL), 1, 5);
    muster_batch_release(&batch);
}

static void a_bad_size_is_refused(void **state)
{
    static union muster_queue_storage other;
    struct muster_queue *made;
    struct muster_queue_config config = {.budget_bytes = 64 * 1024, .stage = MUSTER_STAGE_DRIVER_QUEUE};

    (void)state;
    config.skeleton_bytes = 12;
    assert_int_equal(muster_queue_init(&other, &config, &made), MUSTER_INVALID);
    config.skeleton_bytes = config.budget_bytes / 4 + 8;
    assert_int_equal(muster_queue_init(&other, &config, &made), MUSTER_INVALID);
    config.skeleton_bytes = config.budget_bytes / 4;
    const size_t before = test_platform_live_bytes();
    for (uint64_t nth = 1; nth <= 2; nth++) {
        test_platform_fail_allocation(nth, false);
        assert_int_equal(muster_queue_init(&other, &config, &made), MUSTER_NO_MEMORY);
        assert_int_equal(test_platform_live_bytes(), before);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_memory_a_start_is_kept_as_a_skeleton),
        TEST(without_memory_an_exit_is_kept_too),
        TEST(a_full_queue_degrades_then_drops),
        TEST(what_is_set_aside_comes_back_with_memory),
        TEST(messages_and_invalid_events_have_no_skeleton),
        TEST(a_start_too_large_for_a_record_has_one),
        TEST(a_bad_size_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
