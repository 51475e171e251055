/* SPDX-License-Identifier: Apache-2.0 */
/* The live queue, one promise a test. Long sequences are in queue_model_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "muster/cache.h"
#include "muster/queue.h"
#include "unit/test_platform.h"

#define BUDGET ((size_t)256 * 1024)

struct fixture {
    union muster_queue_storage queue_storage;
    union muster_cache_storage cache_storage;
    struct muster_queue *queue;
    struct muster_cache *cache; /* to look into batches */
};

static struct fixture fixture;

static struct muster_queue *make_queue_with(struct muster_queue_config config)
{
    assert_int_equal(muster_queue_init(&fixture.queue_storage, &config, &fixture.queue), MUSTER_OK);
    assert_int_equal(muster_cache_init(&fixture.cache_storage, &fixture.cache), MUSTER_OK);
    return fixture.queue;
}

static struct muster_queue *make_queue(void)
{
    return make_queue_with(
        (struct muster_queue_config){.epoch = 42, .budget_bytes = BUDGET, .stage = MUSTER_STAGE_DRIVER_QUEUE});
}

static int set_up(void **state)
{
    (void)state;
    test_platform_reset();
    memset(&fixture, 0, sizeof fixture);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (fixture.queue != NULL) {
        muster_cache_deinit(fixture.cache);
        muster_queue_deinit(fixture.queue);
    }
    return test_platform_live_bytes() == 0 ? 0 : -1;
}

static enum muster_status push_start(struct muster_queue *queue, uint64_t time_ns, const char *text, uint32_t size)
{
    const struct muster_process_start start = {
        .record = {.type = MUSTER_EVENT_PROCESS_START, .fixed_bytes = sizeof start, .time_ns = time_ns}};
    const struct muster_text texts[] = {muster_text_whole(MUSTER_FIELD_EXECUTABLE, text, size)};
    return muster_queue_push_process_start(queue, &start, texts, 1);
}

static enum muster_status push_exit(struct muster_queue *queue, uint64_t time_ns)
{
    const struct muster_process_exit exit = {
        .record = {.type = MUSTER_EVENT_PROCESS_EXIT, .fixed_bytes = sizeof exit, .time_ns = time_ns}};
    return muster_queue_push_process_exit(queue, &exit, NULL, 0);
}

static struct muster_queue_counts counts_of(struct muster_queue *queue)
{
    struct muster_queue_counts counts;
    assert_true(muster_queue_counts(queue, &counts));
    assert_true(muster_ledger_balances(&counts.ledger));
    return counts;
}

/* Takes everything, and copies it out. */
struct content {
    struct muster_batch batch;
    unsigned char *bytes;
    const struct muster_record **records;
    size_t count;
};

static struct content take(struct muster_queue *queue)
{
    struct content content = {0};
    struct muster_lease lease;

    assert_int_equal(muster_queue_extract_all(queue, &content.batch), MUSTER_OK);
    struct muster_batch moved = content.batch;
    assert_int_equal(muster_cache_absorb(fixture.cache, &moved), MUSTER_OK);
    assert_int_equal(muster_cache_lease(fixture.cache, SIZE_MAX, &lease, NULL), MUSTER_OK);
    content.bytes = malloc(lease.record_bytes);
    content.records = calloc(lease.record_count, sizeof *content.records);
    assert_true(content.bytes != NULL && content.records != NULL);
    muster_lease_copy(&lease, content.bytes);
    for (size_t at = 0; at < lease.record_bytes; at += content.records[content.count++]->size_bytes)
        assert_int_equal(
            muster_record_validate(content.bytes + at, lease.record_bytes - at, &content.records[content.count]),
            MUSTER_OK);
    assert_int_equal(content.count, lease.record_count);
    assert_int_equal(muster_cache_ack(fixture.cache, lease.id), MUSTER_OK);
    return content;
}

static void forget(struct content *content)
{
    free(content->bytes);
    free(content->records);
}

/* ---- life --------------------------------------------------------------------------------------- */

static void bad_configurations_are_invalid(void **state)
{
    (void)state;
    union muster_queue_storage *storage = &fixture.queue_storage;
    struct muster_queue *queue = NULL;
    struct muster_queue_config config = {.budget_bytes = MUSTER_QUEUE_BUDGET_MIN - 1,
                                         .stage = MUSTER_STAGE_AGENT_QUEUE};

    assert_int_equal(muster_queue_init(storage, &config, &queue), MUSTER_INVALID);
    config.budget_bytes = MUSTER_QUEUE_BUDGET_MIN;
    config.class_share[MUSTER_CLASS_EXIT] = MUSTER_SHARE_UNIT + 1;
    assert_int_equal(muster_queue_init(storage, &config, &queue), MUSTER_INVALID);
    config.class_share[MUSTER_CLASS_EXIT] = 0;
    config.stage = (enum muster_stage)0;
    assert_int_equal(muster_queue_init(storage, &config, &queue), MUSTER_INVALID);
    config.stage = MUSTER_STAGE_AGENT_QUEUE;
    test_platform_fail_allocation(1, false);
    assert_int_equal(muster_queue_init(storage, &config, &queue), MUSTER_NO_MEMORY);
    assert_null(queue);
    assert_int_equal(muster_queue_init(storage, &config, &queue), MUSTER_OK);
    assert_ptr_equal(queue, storage);
    muster_queue_deinit(queue);
}

static void deinit_frees_what_was_never_taken(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(push_exit(queue, i), MUSTER_OK);
    assert_true(test_platform_live_bytes() > 1000 * sizeof(struct muster_process_exit));
    /* tear_down expects that nothing is left. */
}

static void call_deinit(void *queue)
{
    muster_queue_deinit(queue);
}

static void deinit_with_a_batch_outside_panics(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    struct muster_batch batch;

    assert_int_equal(push_exit(queue, 1), MUSTER_OK);
    assert_int_equal(muster_queue_extract_all(queue, &batch), MUSTER_OK);
    assert_string_equal(test_platform_panic_of(call_deinit, queue),
                        "queue deinitialised before all of its batches were released");
    muster_batch_release(&batch);
    assert_int_equal(test_platform_live_bytes(), 0);
    fixture.queue = NULL; /* half torn down, as nothing goes on after a panic */
    muster_cache_deinit(fixture.cache);
}

/* ---- in and out --------------------------------------------------------------------------------- */

static void what_is_pushed_comes_out(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    const struct muster_process_fork fork = {.record = {.type = MUSTER_EVENT_PROCESS_FORK,
                                                        .fixed_bytes = sizeof fork,
                                                        .flags = MUSTER_RECORD_WTF8,
                                                        .valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID),
                                                        .unavailable = MUSTER_FIELD_BIT(MUSTER_FIELD_USER)},
                                             .process = {.pid = 5}};
    struct muster_text text;

    assert_true(muster_queue_is_empty(queue));
    assert_int_equal(push_start(queue, 10, "/bin/true", 9), MUSTER_OK);
    assert_int_equal(push_exit(queue, 11), MUSTER_OK);
    assert_int_equal(muster_queue_push_process_fork(queue, &fork, NULL, 0), MUSTER_OK);
    assert_int_equal(muster_queue_push_message(queue, 13, "hello", 5), MUSTER_OK);
    assert_false(muster_queue_is_empty(queue));
    assert_int_equal(counts_of(queue).ledger.held, 4);

    struct content content = take(queue);
    assert_int_equal(content.count, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(content.records[i]->sequence, i + 1);
    assert_int_equal(content.records[0]->time_ns, 10);
    assert_true(muster_record_text(content.records[0], MUSTER_FIELD_EXECUTABLE, &text));
    assert_memory_equal(text.bytes, "/bin/true", 9);
    const struct muster_process_fork *got = (const void *)content.records[2];
    assert_int_equal(got->process.pid, 5);
    assert_int_equal(got->record.flags, MUSTER_RECORD_WTF8);
    assert_true(muster_record_unavailable(&got->record, MUSTER_FIELD_USER));
    assert_true(muster_record_text(content.records[3], MUSTER_FIELD_MESSAGE, &text));
    assert_memory_equal(text.bytes, "hello", 5);
    forget(&content);
    assert_true(muster_queue_is_empty(queue));
    const struct muster_queue_counts counts = counts_of(queue);
    assert_int_equal(counts.ledger.delivered, 4);
    assert_int_equal(counts.ledger.epoch, 42);
    assert_int_equal(counts.last_sequence, 4);
    assert_int_equal(counts.record_bytes, 0);
}

static void empty_leaves_the_batch_alone(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    struct muster_batch batch, before;

    memset(&batch, 0x55, sizeof batch);
    before = batch;
    assert_int_equal(muster_queue_extract_all(queue, &batch), MUSTER_EMPTY);
    assert_memory_equal(&batch, &before, sizeof batch);
    test_platform_set_irql(1, 1);
    assert_int_equal(muster_queue_extract_all(queue, &batch), MUSTER_REFUSED);
    test_platform_set_irql(0, 0);
    assert_memory_equal(&batch, &before, sizeof batch);
}

static void a_long_message_keeps_head_and_tail(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    char bytes[MUSTER_MESSAGE_MAX_BYTES + 1000];
    struct muster_text text;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)('a' + i % 23);
    for (size_t more = 0; more < 10; more++)
        assert_int_equal(muster_queue_push_message(queue, 1, bytes, MUSTER_MESSAGE_MAX_BYTES + more), MUSTER_OK);
    assert_int_equal(muster_queue_push_message(queue, 1, bytes, sizeof bytes), MUSTER_OK);
    struct content content = take(queue);
    for (size_t i = 0; i < content.count; i++) {
        const size_t full = i == 10 ? sizeof bytes : MUSTER_MESSAGE_MAX_BYTES + i;
        assert_true(muster_record_text(content.records[i], MUSTER_FIELD_MESSAGE, &text));
        assert_int_equal(text.size_bytes, MUSTER_MESSAGE_MAX_BYTES);
        assert_int_equal(text.full_bytes, full);
        assert_int_equal(text.head_bytes, i == 0 ? MUSTER_MESSAGE_MAX_BYTES : MUSTER_MESSAGE_MAX_BYTES / 2);
        const size_t tail = text.size_bytes - text.head_bytes;
        assert_memory_equal(text.bytes, bytes, text.head_bytes);
        assert_memory_equal(text.bytes + text.head_bytes, bytes + full - tail, tail);
    }
    forget(&content);
}

static void records_keep_their_numbers_upstream(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue_with((struct muster_queue_config){
        .budget_bytes = BUDGET, .stage = MUSTER_STAGE_AGENT_QUEUE, .numbered_upstream = true});
    static const uint64_t numbers[] = {7, 9, 8, 1000};

    for (unsigned i = 0; i < 4; i++) {
        const struct muster_record record = {
            .size_bytes = 48, .type = MUSTER_EVENT_MESSAGE, .version = 1, .fixed_bytes = 48, .sequence = numbers[i]};
        assert_int_equal(muster_queue_push_record(queue, &record, i == 3 ? 0 : 100 - i), MUSTER_OK);
    }
    struct content content = take(queue);
    assert_int_equal(content.batch.source_position, 100);
    assert_int_equal(content.batch.numbered_count, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(content.records[i]->sequence, numbers[i]);
    forget(&content);
    assert_int_equal(counts_of(queue).last_sequence, 0);
}

static void what_is_not_numbered_is_carried_and_not_counted(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    const struct muster_sensor_status status = {
        .record = {
            .size_bytes = sizeof status, .type = MUSTER_EVENT_STATUS, .version = 1, .fixed_bytes = sizeof status}};
    const struct muster_process_start running = {
        .record = {.type = MUSTER_EVENT_PROCESS_RUNNING, .fixed_bytes = sizeof running}};

    assert_int_equal(muster_queue_push_record(queue, &status.record, 0), MUSTER_OK);
    assert_int_equal(muster_queue_push_process_start(queue, &running, NULL, 0), MUSTER_OK);
    assert_int_equal(counts_of(queue).record_count, 2);
    assert_int_equal(counts_of(queue).ledger.produced, 0);
    struct content content = take(queue);
    assert_int_equal(content.batch.numbered_count, 0);
    assert_int_equal(content.records[0]->sequence, 0);
    assert_int_equal(content.records[1]->type, MUSTER_EVENT_PROCESS_RUNNING);
    forget(&content);
    assert_int_equal(counts_of(queue).ledger.delivered, 0);
}

static void skeletons_are_counted(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    const struct muster_process_exit exit = {
        .record = {.type = MUSTER_EVENT_PROCESS_EXIT, .fixed_bytes = sizeof exit, .flags = MUSTER_RECORD_SKELETON}};

    assert_int_equal(muster_queue_push_process_exit(queue, &exit, NULL, 0), MUSTER_OK);
    assert_int_equal(push_exit(queue, 1), MUSTER_OK);
    assert_int_equal(counts_of(queue).ledger.degraded, 1);
}

/* ---- room --------------------------------------------------------------------------------------- */

static void classes_are_shed_in_order(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    static const char text[300];
    size_t full_at[4] = {0};

    while (muster_queue_push_message(queue, 1, text, sizeof text) == MUSTER_OK) {
    }
    full_at[0] = counts_of(queue).charged_bytes;
    const struct muster_process_fork fork = {.record = {.type = MUSTER_EVENT_PROCESS_FORK, .fixed_bytes = sizeof fork}};
    while (muster_queue_push_process_fork(queue, &fork, NULL, 0) == MUSTER_OK) {
    }
    full_at[1] = counts_of(queue).charged_bytes;
    while (push_exit(queue, 3) == MUSTER_OK) {
    }
    full_at[2] = counts_of(queue).charged_bytes;
    while (push_start(queue, 4, text, 200) == MUSTER_OK) {
    }
    full_at[3] = counts_of(queue).charged_bytes;
    /* Each class fills its share, to the last record. */
    static const unsigned shares[] = {MUSTER_SHARE_MESSAGE, MUSTER_SHARE_FORK, MUSTER_SHARE_EXIT, MUSTER_SHARE_START};
    for (unsigned i = 0; i < 4; i++)
        assert_in_range(full_at[i], BUDGET * shares[i] / 16 - 512, BUDGET * shares[i] / 16);
    assert_int_equal(muster_queue_push_message(queue, 5, text, sizeof text), MUSTER_NO_ROOM);
    const struct muster_sensor_status status = {
        .record = {
            .size_bytes = sizeof status, .type = MUSTER_EVENT_STATUS, .version = 1, .fixed_bytes = sizeof status}};
    assert_int_equal(muster_queue_push_record(queue, &status.record, 0), MUSTER_OK);
    assert_true(test_platform_peak_bytes() <= BUDGET);

    const struct muster_queue_counts counts = counts_of(queue);
    assert_int_equal(counts.ledger.dropped[MUSTER_CAUSE_CLASS_SHED], 3);
    assert_int_equal(counts.ledger.dropped[MUSTER_CAUSE_QUEUE_FULL], 2);
    assert_int_equal(muster_ledger_dropped(&counts.ledger), 5);

    struct content content = take(queue);
    const struct muster_gap *gap = (const void *)content.records[content.count - 1];
    assert_int_equal(gap->record.type, MUSTER_EVENT_GAP);
    assert_int_equal(gap->count, 5);
    assert_int_equal(gap->last_sequence, counts.last_sequence);
    assert_int_equal(gap->start_ns, 0); /* the fork's */
    assert_int_equal(gap->end_ns, 5);
    assert_int_equal(gap->types[MUSTER_EVENT_MESSAGE - 1], 2);
    assert_int_equal(gap->types[MUSTER_EVENT_PROCESS_START - 1], 1);
    assert_int_equal(gap->causes[MUSTER_CAUSE_CLASS_SHED], 3);
    assert_int_equal(gap->stage, MUSTER_STAGE_DRIVER_QUEUE);
    forget(&content);
}

static void room_comes_back(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    for (unsigned round = 0; round < 20; round++) {
        unsigned pushed = 0;
        while (push_exit(queue, pushed) == MUSTER_OK)
            pushed++;
        /* Blocks waste less than a tenth. */
        assert_true(pushed > BUDGET * MUSTER_SHARE_EXIT / 16 / sizeof(struct muster_process_exit) * 9 / 10);
        struct content content = take(queue);
        assert_int_equal(content.batch.numbered_count, pushed);
        forget(&content);
        assert_true(counts_of(queue).charged_bytes < 1024); /* the reserved block is left */
    }
}

static void small_batches_do_not_eat_the_budget(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    struct muster_batch batch;
    unsigned batches = 0;

    while (push_exit(queue, 1) == MUSTER_OK) {
        assert_int_equal(muster_queue_extract_all(queue, &batch), MUSTER_OK);
        assert_int_equal(muster_cache_absorb(fixture.cache, &batch), MUSTER_OK);
        batches++;
    }
    assert_true(batches >= BUDGET * MUSTER_SHARE_EXIT / 16 / 4096);
}

static void the_largest_record_fits_and_no_larger(void **state)
{
    (void)state;
    struct muster_queue *queue =
        make_queue_with((struct muster_queue_config){.budget_bytes = 4 * BUDGET, .stage = MUSTER_STAGE_DRIVER_QUEUE});
    static char text[MUSTER_RECORD_MAX_BYTES];
    const uint32_t most = MUSTER_RECORD_MAX_BYTES - sizeof(struct muster_process_start) - 16;

    assert_int_equal(push_start(queue, 1, text, most), MUSTER_OK);
    assert_int_equal(push_start(queue, 2, text, most + 1), MUSTER_INVALID);
    assert_int_equal(push_start(queue, 3, text, 8), MUSTER_OK);
    assert_int_equal(counts_of(queue).ledger.dropped[MUSTER_CAUSE_RECORD_TOO_LARGE], 1);
    struct content content = take(queue);
    assert_int_equal(content.count, 3);
    assert_int_equal(content.records[0]->size_bytes, MUSTER_RECORD_MAX_BYTES);
    assert_int_equal(content.records[1]->sequence, 3);
    assert_int_equal(((const struct muster_gap *)(const void *)content.records[2])->first_sequence, 2);
    forget(&content);
}

static void a_wrong_fixed_part_is_counted(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    static const uint16_t wrong[] = {0, 40, 100, sizeof(struct muster_process_exit) + 8, 0xfff8};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct muster_process_exit exit = {
            .record = {.type = MUSTER_EVENT_PROCESS_EXIT, .fixed_bytes = wrong[i]}};
        assert_int_equal(muster_queue_push_process_exit(queue, &exit, NULL, 0), MUSTER_INVALID);
    }
    assert_int_equal(counts_of(queue).ledger.dropped[MUSTER_CAUSE_RECORD_INVALID], 5);
}

static void shares_can_be_chosen(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue_with((struct muster_queue_config){
        .budget_bytes = BUDGET, .stage = MUSTER_STAGE_DRIVER_QUEUE, .class_share = {[MUSTER_CLASS_EXIT] = 1, 0}});
    while (push_exit(queue, 1) == MUSTER_OK) {
    }
    assert_in_range(counts_of(queue).charged_bytes, BUDGET / 16 - 256, BUDGET / 16);
    assert_int_equal(muster_queue_push_message(queue, 1, "x", 1), MUSTER_NO_ROOM);
}

/* Ask, then push: nothing is ever lost, though everything is taken out in between. */
static void who_asks_first_loses_nothing(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    struct muster_batch batch;
    struct muster_lease lease;
    struct test_random random = {.state = 5};
    static const char text[3000];

    for (unsigned i = 0; i < 20000; i++) {
        const uint32_t size = (uint32_t)test_random_below(&random, sizeof text);
        const size_t bytes = sizeof(struct muster_process_start) + 16 + (size + 7) / 8 * 8;
        if (!muster_queue_would_admit(queue, MUSTER_CLASS_START, bytes)) {
            if (muster_cache_lease(fixture.cache, 10000, &lease, NULL) == MUSTER_OK)
                assert_int_equal(muster_cache_ack(fixture.cache, lease.id), MUSTER_OK);
        } else {
            if (test_random_chance(&random, 30) && muster_queue_extract_all(queue, &batch) == MUSTER_OK)
                assert_int_equal(muster_cache_absorb(fixture.cache, &batch), MUSTER_OK);
            assert_int_equal(push_start(queue, i, text, size), MUSTER_OK);
        }
        if (test_random_chance(&random, 5) && muster_queue_extract_all(queue, &batch) == MUSTER_OK)
            assert_int_equal(muster_cache_absorb(fixture.cache, &batch), MUSTER_OK);
    }
    const struct muster_queue_counts counts = counts_of(queue);
    assert_int_equal(muster_ledger_dropped(&counts.ledger), 0);
    assert_false(muster_queue_would_admit(queue, MUSTER_CLASS_START, MUSTER_RECORD_MAX_BYTES + 8));
}

/* ---- loss --------------------------------------------------------------------------------------- */

static void a_failed_allocation_is_told(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();

    test_platform_fail_allocation(1, false);
    assert_int_equal(push_exit(queue, 50), MUSTER_NO_MEMORY);
    assert_false(muster_queue_is_empty(queue));
    assert_int_equal(push_exit(queue, 51), MUSTER_OK);
    struct content content = take(queue);
    assert_int_equal(content.count, 2);
    assert_int_equal(content.records[0]->sequence, 2);
    const struct muster_gap *gap = (const void *)content.records[1];
    assert_int_equal(gap->first_sequence, 1);
    assert_int_equal(gap->last_sequence, 1);
    assert_int_equal(gap->causes[MUSTER_CAUSE_ALLOCATION_FAILED], 1);
    assert_int_equal(gap->start_ns, 50);
    forget(&content);
}

/* Without memory for a new reserved block the next gap waits, and is told with what came since. */
static void a_gap_waits_for_its_block(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    struct muster_batch batch;

    test_platform_fail_allocation(1, true);
    assert_int_equal(push_exit(queue, 1), MUSTER_NO_MEMORY);
    struct content content = take(queue); /* its block existed */
    assert_int_equal(content.count, 1);
    forget(&content);
    assert_int_equal(push_exit(queue, 2), MUSTER_NO_MEMORY);
    assert_int_equal(muster_queue_extract_all(queue, &batch), MUSTER_EMPTY);
    assert_false(muster_queue_is_empty(queue));
    assert_int_equal(push_exit(queue, 3), MUSTER_NO_MEMORY);
    test_platform_fail_allocation(0, false);
    content = take(queue);
    const struct muster_gap *gap = (const void *)content.records[0];
    assert_int_equal(gap->first_sequence, 2);
    assert_int_equal(gap->count, 2);
    forget(&content);
    assert_true(muster_queue_is_empty(queue));
}

/* The room for gaps is there when there is none for anything else. */
static void gaps_have_room_when_all_is_full(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    struct muster_batch batch;

    for (unsigned round = 0; round < 10; round++) {
        while (push_start(queue, 1, "/x", 2) == MUSTER_OK) {
        }
        assert_int_equal(muster_queue_extract_all(queue, &batch), MUSTER_OK);
        assert_int_equal(batch.record_count - batch.numbered_count, 1);
        assert_int_equal(muster_cache_absorb(fixture.cache, &batch), MUSTER_OK);
    }
}

/* ---- IRQL --------------------------------------------------------------------------------------- */

static void every_call_refuses_a_wrong_irql(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    struct muster_queue_counts counts, before;
    struct muster_batch batch;
    uint64_t refused = 0;

    assert_int_equal(push_exit(queue, 1), MUSTER_OK);
    for (unsigned round = 0; round < 3; round++) {
        if (round < 2)
            test_platform_set_irql(round + 1, 0); /* APC_LEVEL before the lock is too high already */
        else
            test_platform_set_irql(0, 2);
        memset(&counts, 0x33, sizeof counts);
        before = counts;
        assert_int_equal(push_start(queue, 7, "/x", 2), MUSTER_REFUSED);
        assert_int_equal(muster_queue_push_message(queue, 5, "x", 1), MUSTER_REFUSED);
        assert_int_equal(muster_queue_extract_all(queue, &batch), MUSTER_REFUSED);
        assert_false(muster_queue_would_admit(queue, MUSTER_CLASS_START, 100));
        assert_true(muster_queue_is_empty(queue));
        assert_false(muster_queue_counts(queue, &counts));
        assert_memory_equal(&counts, &before, sizeof counts);
        refused += 6;
        test_platform_set_irql(0, 1); /* APC_LEVEL under the lock is as it should be */
        counts = counts_of(queue);
        assert_int_equal(counts.refused_calls, refused);
    }
    assert_int_equal(counts.ledger.produced, 7);
    assert_int_equal(counts.ledger.dropped[MUSTER_CAUSE_IRQL_REFUSED], 6);
    assert_int_equal(counts.last_sequence, 1);
    struct content content = take(queue);
    assert_int_equal(content.count, 2);
    const struct muster_gap *gap = (const void *)content.records[1];
    assert_false(muster_record_has(&gap->record, MUSTER_FIELD_SEQUENCE_RANGE));
    assert_int_equal(gap->count, 6);
    assert_int_equal(gap->types[MUSTER_EVENT_PROCESS_START - 1], 3);
    assert_int_equal(gap->types[MUSTER_EVENT_MESSAGE - 1], 3);
    assert_int_equal(gap->causes[MUSTER_CAUSE_IRQL_REFUSED], 6);
    assert_int_equal(gap->start_ns, 5);
    assert_int_equal(gap->end_ns, 7);
    forget(&content);
}

static void both_gaps_are_told_apart(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();

    test_platform_fail_allocation(1, false);
    assert_int_equal(push_exit(queue, 1), MUSTER_NO_MEMORY);
    test_platform_set_irql(2, 2);
    assert_int_equal(push_exit(queue, 2), MUSTER_REFUSED);
    test_platform_set_irql(0, 0);
    struct content content = take(queue);
    assert_int_equal(content.count, 2);
    assert_true(muster_record_has(content.records[0], MUSTER_FIELD_SEQUENCE_RANGE));
    assert_false(muster_record_has(content.records[1], MUSTER_FIELD_SEQUENCE_RANGE));
    forget(&content);
}

/* ---- cost --------------------------------------------------------------------------------------- */

static void extraction_allocates_nothing(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    struct muster_batch batch;

    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(push_exit(queue, i), MUSTER_OK);
    const uint64_t allocations = test_platform_allocation_count();
    const uint64_t locks = test_platform_lock_count();
    assert_int_equal(muster_queue_extract_all(queue, &batch), MUSTER_OK);
    assert_int_equal(test_platform_allocation_count(), allocations);
    assert_int_equal(test_platform_lock_count(), locks + 1);
    assert_int_equal(batch.record_count, 1000);
    assert_int_equal(muster_cache_absorb(fixture.cache, &batch), MUSTER_OK);
    assert_int_equal(test_platform_allocation_count(), allocations);
}

static void a_push_takes_the_lock_once(void **state)
{
    (void)state;
    struct muster_queue *queue = make_queue();
    assert_int_equal(push_exit(queue, 1), MUSTER_OK);
    const uint64_t locks = test_platform_lock_count();
    const uint64_t allocations = test_platform_allocation_count();
    assert_int_equal(push_exit(queue, 2), MUSTER_OK);
    assert_int_equal(test_platform_lock_count(), locks + 1);
    assert_int_equal(test_platform_allocation_count(), allocations);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bad_configurations_are_invalid),
        TEST(deinit_frees_what_was_never_taken),
        TEST(deinit_with_a_batch_outside_panics),
        TEST(what_is_pushed_comes_out),
        TEST(empty_leaves_the_batch_alone),
        TEST(a_long_message_keeps_head_and_tail),
        TEST(records_keep_their_numbers_upstream),
        TEST(what_is_not_numbered_is_carried_and_not_counted),
        TEST(skeletons_are_counted),
        TEST(classes_are_shed_in_order),
        TEST(room_comes_back),
        TEST(small_batches_do_not_eat_the_budget),
        TEST(the_largest_record_fits_and_no_larger),
        TEST(a_wrong_fixed_part_is_counted),
        TEST(shares_can_be_chosen),
        TEST(who_asks_first_loses_nothing),
        TEST(a_failed_allocation_is_told),
        TEST(a_gap_waits_for_its_block),
        TEST(gaps_have_room_when_all_is_full),
        TEST(every_call_refuses_a_wrong_irql),
        TEST(both_gaps_are_told_apart),
        TEST(extraction_allocates_nothing),
        TEST(a_push_takes_the_lock_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
