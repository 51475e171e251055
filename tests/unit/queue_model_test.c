/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queue, batch, cache and lease beside a plain model of them: arrays of what must be there. Long
 * random sequences; after each step content, order, counts, the ledger and the budget must agree.
 *
 * The model does not decide whether an event is admitted (that would be core written twice): it
 * knows when it must be, when it must not, and checks everything that follows from the answer. That
 * the checks see anything is itself tested: a model that is told a lie must fail.
 */
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

#define MAX_EVENTS         65536
#define MAX_BATCHES        3
#define MAX_GAPS           65536
#define BLOCK_HEADER_BYTES 48U /* what a new block costs at the least, on top of the record */
#define GAP_BLOCK_BYTES    (BLOCK_HEADER_BYTES + 2 * sizeof(struct muster_gap))
#define TEXT_POOL_BYTES    (512U * 1024U)

enum lie { LIE_NONE, LIE_LOST_RECORD, LIE_SWAPPED_RECORDS, LIE_GAP_TOO_LARGE, LIE_WRONG_TEXT, LIE_LEAK, LIE_COUNT };

struct event {
    unsigned type;
    uint64_t id; /* also its time */
    uint64_t sequence;
    uint32_t text_bytes;
    uint64_t source_position;
    bool ends_batch;
    struct muster_gap gap; /* of type gap */
};

struct list {
    struct event *events;
    size_t count;
};

struct expected_batch {
    struct muster_batch batch;
    struct list list;
};

struct expected_loss {
    uint64_t count;
    uint64_t first, last;
    uint64_t start, end;
    uint64_t causes[MUSTER_CAUSE_COUNT];
    uint64_t types[MUSTER_EVENT_NUMBERED_COUNT];
};

struct model {
    struct test_random random;
    uint64_t seed;
    uint64_t step;
    enum lie lie;
    bool failed;
    char why[200];

    union muster_queue_storage queue_storage;
    union muster_cache_storage cache_storage;
    struct muster_queue *queue;
    struct muster_cache *cache;
    size_t budget;
    size_t limit[MUSTER_CLASS_COUNT];
    bool upstream;

    struct list live;
    struct expected_batch batches[MAX_BATCHES]; /* taken out, not yet absorbed */
    size_t batch_count;
    struct list cached;
    struct muster_lease lease; /* id 0: none */

    uint64_t next_id;
    uint64_t upstream_sequence;
    uint64_t source_position;
    uint64_t last_sequence;
    struct expected_loss loss, loss_outside;
    bool gap_block_missing; /* possibly */
    uint64_t produced, delivered, held;
    uint64_t dropped[MUSTER_CAUSE_COUNT];
    uint64_t queue_refused, cache_refused;
    uint64_t last_lease_id;

    /* By number: 1 it left by a cache or a batch, 2 it was dropped. */
    unsigned char *fate;
    struct muster_gap *gaps;
    size_t gap_count;
};

static char text_pool[TEXT_POOL_BYTES];

#define EXPECT(model, condition)                                                                                       \
    do {                                                                                                               \
        if (!(condition) && !(model)->failed) {                                                                        \
            (model)->failed = true;                                                                                    \
            (void)snprintf((model)->why, sizeof(model)->why, "line %d: %s", __LINE__, #condition);                     \
        }                                                                                                              \
    } while (0)

/* ---- lists -------------------------------------------------------------------------------------- */

static void list_append(struct model *model, struct list *list, const struct event *event)
{
    EXPECT(model, list->count < MAX_EVENTS);
    if (list->count < MAX_EVENTS)
        list->events[list->count++] = *event;
}

static void list_drop_head(struct list *list, size_t count)
{
    list->count -= count;
    memmove(list->events, list->events + count, list->count * sizeof *list->events);
}

static size_t fixed_bytes_of(unsigned type)
{
    switch (type) {
    case MUSTER_EVENT_PROCESS_START:
    case MUSTER_EVENT_PROCESS_RUNNING:
        return sizeof(struct muster_process_start);
    case MUSTER_EVENT_PROCESS_EXIT:
        return sizeof(struct muster_process_exit);
    case MUSTER_EVENT_PROCESS_FORK:
        return sizeof(struct muster_process_fork);
    case MUSTER_EVENT_MESSAGE:
        return sizeof(struct muster_message);
    case MUSTER_EVENT_GAP:
        return sizeof(struct muster_gap);
    default:
        return sizeof(struct muster_sensor_status);
    }
}

static bool has_text(unsigned type)
{
    return type <= MUSTER_EVENT_MESSAGE || type == MUSTER_EVENT_PROCESS_RUNNING;
}

static bool is_numbered(unsigned type)
{
    return type <= MUSTER_EVENT_MESSAGE;
}

static uint64_t size_of(const struct event *event)
{
    const uint64_t text = has_text(event->type) ? 16 + (event->text_bytes + 7U) / 8 * 8 : 0;
    return fixed_bytes_of(event->type) + text;
}

static uint64_t bytes_of(const struct list *list)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < list->count; i++)
        bytes += size_of(&list->events[i]);
    return bytes;
}

static uint64_t numbered_of(const struct list *list, size_t count)
{
    uint64_t numbered = 0;
    for (size_t i = 0; i < count; i++)
        numbered += is_numbered(list->events[i].type);
    return numbered;
}

static const char *text_of(uint64_t id)
{
    return text_pool + id * 31 % 4096;
}

/* ---- comparing ---------------------------------------------------------------------------------- */

static void expect_gap(struct model *model, const struct muster_gap *got, const struct muster_gap *expected)
{
    EXPECT(model, got->record.valid == expected->record.valid);
    EXPECT(model, got->first_sequence == expected->first_sequence && got->last_sequence == expected->last_sequence);
    EXPECT(model, got->count == expected->count && got->stage == MUSTER_STAGE_DRIVER_QUEUE);
    EXPECT(model, got->start_ns == expected->start_ns && got->end_ns == expected->end_ns);
    EXPECT(model, memcmp(got->causes, expected->causes, sizeof got->causes) == 0);
    EXPECT(model, memcmp(got->types, expected->types, sizeof got->types) == 0);
}

static void expect_record(struct model *model, const struct muster_record *record, const struct event *event)
{
    const struct muster_record *valid = NULL;
    struct muster_text text;

    EXPECT(model, muster_record_validate(record, record->size_bytes, &valid) == MUSTER_OK);
    EXPECT(model, record->type == event->type && record->size_bytes == size_of(event));
    EXPECT(model, record->sequence == event->sequence);
    if (model->failed)
        return;
    if (event->type == MUSTER_EVENT_GAP) {
        expect_gap(model, (const struct muster_gap *)(const void *)record, &event->gap);
        return;
    }
    EXPECT(model, record->time_ns == event->id);
    if (!has_text(event->type))
        return;
    const enum muster_field field =
        event->type == MUSTER_EVENT_MESSAGE ? MUSTER_FIELD_MESSAGE : MUSTER_FIELD_EXECUTABLE;
    const bool found = muster_record_text(record, field, &text);
    EXPECT(model, found);
    if (found) {
        EXPECT(model, text.size_bytes == event->text_bytes && text.head_bytes == event->text_bytes);
        EXPECT(model, memcmp(text.bytes, text_of(event->id), event->text_bytes) == 0);
    }
}

static void expect_queue_counts(struct model *model)
{
    struct muster_queue_counts counts;
    struct muster_ledger *const ledger = &counts.ledger;

    EXPECT(model, muster_queue_counts(model->queue, &counts));
    EXPECT(model, counts.record_count == model->live.count && counts.record_bytes == bytes_of(&model->live));
    EXPECT(model, counts.charged_bytes == test_platform_live_bytes());
    EXPECT(model, test_platform_peak_bytes() <= model->budget);
    EXPECT(model, counts.charged_peak_bytes <= model->budget && counts.budget_bytes == model->budget);
    EXPECT(model, counts.refused_calls == model->queue_refused);
    EXPECT(model, counts.last_sequence == model->last_sequence);
    EXPECT(model, ledger->produced == model->produced && ledger->delivered == model->delivered);
    EXPECT(model, ledger->held == numbered_of(&model->live, model->live.count) && ledger->epoch == model->seed);
    EXPECT(model, memcmp(ledger->dropped, model->dropped, sizeof ledger->dropped) == 0);
    EXPECT(model, muster_ledger_balances(ledger));
    EXPECT(model, muster_queue_is_empty(model->queue) ==
                      (model->live.count == 0 && model->loss.count == 0 && model->loss_outside.count == 0));
}

static void expect_cache_counts(struct model *model)
{
    struct muster_cache_counts counts;

    EXPECT(model, muster_cache_counts(model->cache, &counts));
    EXPECT(model, counts.record_count == model->cached.count && counts.record_bytes == bytes_of(&model->cached));
    EXPECT(model, counts.numbered_count == numbered_of(&model->cached, model->cached.count));
    EXPECT(model, counts.lease_id == model->lease.id && counts.leased_count == model->lease.record_count);
    EXPECT(model, counts.refused_calls == model->cache_refused);
}

/* ---- pushing ------------------------------------------------------------------------------------ */

static void loss_note(struct expected_loss *loss, const struct event *event, enum muster_cause cause)
{
    if (loss->count == 0 || event->id < loss->start)
        loss->start = event->id;
    if (event->id > loss->end)
        loss->end = event->id;
    if (event->sequence != 0 && loss->first == 0)
        loss->first = event->sequence;
    if (event->sequence != 0)
        loss->last = event->sequence;
    loss->count++;
    loss->causes[cause]++;
    loss->types[event->type - 1]++;
}

static enum muster_status push_record(struct model *model, const struct event *event)
{
    static uint64_t buffer[(MUSTER_RECORD_MAX_BYTES + 4096) / 8];
    union {
        struct muster_record record;
        struct muster_process_start start;
        struct muster_sensor_status status;
        struct muster_gap gap;
    } fixed;
    const struct muster_text text =
        muster_text_whole(event->type == MUSTER_EVENT_MESSAGE ? MUSTER_FIELD_MESSAGE : MUSTER_FIELD_EXECUTABLE,
                          text_of(event->id), event->text_bytes);

    memset(&fixed, 0, sizeof fixed);
    fixed.record.type = (uint16_t)event->type;
    fixed.record.time_ns = event->id;
    fixed.record.sequence = event->sequence;
    fixed.record.fixed_bytes = (uint16_t)fixed_bytes_of(event->type);
    muster_record_encode(buffer, &fixed.record, &text, has_text(event->type));
    return muster_queue_push_record(model->queue, (const struct muster_record *)(const void *)buffer,
                                    event->source_position);
}

static enum muster_status push_event(struct model *model, const struct event *event)
{
    const char *bytes = text_of(event->id);
    const struct muster_text text = muster_text_whole(MUSTER_FIELD_EXECUTABLE, bytes, event->text_bytes);
    const struct muster_record record = {.type = (uint16_t)event->type,
                                         .time_ns = event->id,
                                         .fixed_bytes = (uint16_t)fixed_bytes_of(event->type),
                                         .text_count = 99, /* the queue sets it */
                                         .size_bytes = 99};

    switch (event->type) {
    case MUSTER_EVENT_PROCESS_START:
        return muster_queue_push_process_start(model->queue, &(struct muster_process_start){.record = record}, &text,
                                               1);
    case MUSTER_EVENT_PROCESS_EXIT:
        return muster_queue_push_process_exit(model->queue, &(struct muster_process_exit){.record = record}, &text, 1);
    case MUSTER_EVENT_PROCESS_FORK:
        return muster_queue_push_process_fork(model->queue, &(struct muster_process_fork){.record = record}, &text, 1);
    default:
        return muster_queue_push_message(model->queue, event->id, bytes, event->text_bytes);
    }
}

static struct event random_event(struct model *model)
{
    struct test_random *random = &model->random;
    static const unsigned types[] = {
        MUSTER_EVENT_PROCESS_START, MUSTER_EVENT_PROCESS_START,   MUSTER_EVENT_PROCESS_EXIT,
        MUSTER_EVENT_PROCESS_FORK,  MUSTER_EVENT_MESSAGE,         MUSTER_EVENT_MESSAGE,
        MUSTER_EVENT_STATUS,        MUSTER_EVENT_PROCESS_RUNNING, MUSTER_EVENT_SENSOR_STARTED,
    };
    struct event event = {.type = types[test_random_below(random, sizeof types / sizeof types[0])],
                          .id = model->next_id++};

    event.text_bytes = (uint32_t)test_random_below(random, 64);
    if (test_random_chance(random, 8))
        event.text_bytes = (uint32_t)test_random_below(random, 4096);
    if (event.type != MUSTER_EVENT_MESSAGE && test_random_chance(random, 1))
        event.text_bytes = (uint32_t)test_random_below(random, 90000);
    if (event.type == MUSTER_EVENT_PROCESS_START && test_random_below(random, 1000) == 0)
        event.text_bytes = MUSTER_RECORD_MAX_BYTES - 64 + (uint32_t)test_random_below(random, 2) * 1000;
    if (!has_text(event.type))
        event.text_bytes = 0;
    return event;
}

/* What of the queue's answers follows from how full it was. */
static void expect_decision(struct model *model, const struct event *event, enum muster_status status,
                            const struct muster_queue_counts *before)
{
    const size_t limit = model->limit[muster_event_class(event->type)];
    const size_t charged = before->charged_bytes;
    const bool must = charged + BLOCK_HEADER_BYTES + size_of(event) <= limit;

    switch (status) {
    case MUSTER_OK:
        EXPECT(model, charged <= limit && size_of(event) <= MUSTER_RECORD_MAX_BYTES);
        break;
    case MUSTER_NO_ROOM:
        EXPECT(model, !must);
        break;
    case MUSTER_INVALID:
        EXPECT(model, size_of(event) > MUSTER_RECORD_MAX_BYTES);
        break;
    default:
        EXPECT(model, status == MUSTER_NO_MEMORY || status == MUSTER_REFUSED);
        break;
    }
}

static enum muster_cause cause_of(struct model *model, const struct event *event, enum muster_status status,
                                  const struct muster_queue_counts *before)
{
    struct muster_queue_counts after;
    const size_t start_limit = model->limit[MUSTER_CLASS_START];
    const size_t charged = before->charged_bytes;

    if (status == MUSTER_INVALID)
        return MUSTER_CAUSE_RECORD_TOO_LARGE;
    if (status == MUSTER_NO_MEMORY)
        return MUSTER_CAUSE_ALLOCATION_FAILED;
    EXPECT(model, muster_queue_counts(model->queue, &after));
    const bool shed = after.ledger.dropped[MUSTER_CAUSE_CLASS_SHED] != before->ledger.dropped[MUSTER_CAUSE_CLASS_SHED];
    if (event->type == MUSTER_EVENT_PROCESS_START || charged > start_limit)
        EXPECT(model, !shed);
    else if (charged + BLOCK_HEADER_BYTES + size_of(event) <= start_limit)
        EXPECT(model, shed);
    return shed ? MUSTER_CAUSE_CLASS_SHED : MUSTER_CAUSE_QUEUE_FULL;
}

static void note_accepted(struct model *model, struct event *event)
{
    list_append(model, &model->live, event);
    if (model->lie == LIE_LOST_RECORD && test_random_chance(&model->random, 1))
        model->live.count--;
    if (model->lie == LIE_WRONG_TEXT && event->text_bytes != 0 && test_random_chance(&model->random, 1))
        model->live.events[model->live.count - 1].id++;
    const size_t count = model->live.count;
    if (model->lie == LIE_SWAPPED_RECORDS && count > 1 && test_random_chance(&model->random, 1)) {
        const struct event last = model->live.events[count - 1];
        model->live.events[count - 1] = model->live.events[count - 2];
        model->live.events[count - 2] = last;
    }
}

static void note_pushed(struct model *model, struct event *event, enum muster_status status,
                        const struct muster_queue_counts *before)
{
    if (status == MUSTER_REFUSED) {
        model->queue_refused++;
        if (is_numbered(event->type)) {
            event->sequence = 0;
            model->produced++;
            model->dropped[MUSTER_CAUSE_IRQL_REFUSED]++;
            loss_note(&model->loss_outside, event, MUSTER_CAUSE_IRQL_REFUSED);
        }
        return;
    }
    /* What an earlier hop has numbered it also keeps, where this one does not take it. */
    if (model->upstream && (status == MUSTER_NO_ROOM || status == MUSTER_NO_MEMORY))
        return;
    if (is_numbered(event->type)) {
        model->produced++;
        if (!model->upstream)
            event->sequence = ++model->last_sequence;
    }
    if (status != MUSTER_OK && !is_numbered(event->type))
        return;
    if (event->source_position > model->source_position)
        model->source_position = event->source_position;
    if (status == MUSTER_OK) {
        note_accepted(model, event);
        return;
    }
    const enum muster_cause cause = cause_of(model, event, status, before);
    model->dropped[cause]++;
    loss_note(&model->loss, event, cause);
    model->fate[event->sequence] = 2;
}

static void step_push(struct model *model, unsigned fault)
{
    struct event event = random_event(model);
    const bool as_record = model->upstream || !is_numbered(event.type) || test_random_chance(&model->random, 30);
    struct muster_queue_counts before;

    EXPECT(model, muster_queue_counts(model->queue, &before));
    if (model->upstream && is_numbered(event.type))
        event.sequence = ++model->upstream_sequence;
    if (as_record && test_random_chance(&model->random, 50))
        event.source_position = event.id * 10;
    const bool admit = muster_queue_would_admit(model->queue, muster_event_class(event.type), (size_t)size_of(&event));

    if (fault == 1)
        test_platform_set_irql(1 + (unsigned)test_random_below(&model->random, 3), 0);
    if (fault == 2)
        test_platform_set_irql(0, 2);
    if (fault == 3)
        test_platform_raise_irql_under(2, 2);
    if (fault == 4)
        test_platform_fail_allocation(1, false);
    const uint64_t failed_before = test_platform_failed_allocations();
    if (size_of(&event) > MUSTER_RECORD_MAX_BYTES && as_record)
        event.text_bytes = 0; /* a record that long cannot have been validated */
    const enum muster_status status = as_record ? push_record(model, &event) : push_event(model, &event);
    const bool failed = test_platform_failed_allocations() != failed_before;
    test_platform_set_irql(0, 0);
    test_platform_raise_irql_under(0, 0);
    test_platform_fail_allocation(0, false);

    EXPECT(model, (status == MUSTER_NO_MEMORY) == failed);
    if (fault == 1 || fault == 2)
        EXPECT(model, status == MUSTER_REFUSED);
    else if (fault != 3)
        EXPECT(model, status != MUSTER_REFUSED);
    if (admit && fault == 0)
        EXPECT(model, status == MUSTER_OK);
    expect_decision(model, &event, status, &before);
    note_pushed(model, &event, status, &before);
}

/* ---- taking out --------------------------------------------------------------------------------- */

static void note_gap(struct model *model, struct expected_loss *loss)
{
    struct event event = {.type = MUSTER_EVENT_GAP};
    struct muster_gap *gap = &event.gap;

    gap->record.valid = loss->first != 0 ? MUSTER_FIELD_BIT(MUSTER_FIELD_SEQUENCE_RANGE) : 0;
    gap->first_sequence = loss->first;
    gap->last_sequence = loss->last;
    gap->count = loss->count + (model->lie == LIE_GAP_TOO_LARGE);
    gap->start_ns = loss->start;
    gap->end_ns = loss->end;
    memcpy(gap->causes, loss->causes, sizeof loss->causes);
    memcpy(gap->types, loss->types, sizeof loss->types);
    memset(loss, 0, sizeof *loss);
    list_append(model, &model->live, &event);
}

static void note_extracted(struct model *model, const struct muster_batch *batch)
{
    const unsigned open = (model->loss.count != 0) + (model->loss_outside.count != 0);
    const uint64_t told = batch->record_count - model->live.count;

    EXPECT(model, told == open || (told == 0 && model->gap_block_missing));
    if (told != 0 && model->loss.count != 0)
        note_gap(model, &model->loss);
    if (told != 0 && model->loss_outside.count != 0)
        note_gap(model, &model->loss_outside);
    EXPECT(model, batch->record_count == model->live.count && batch->record_bytes == bytes_of(&model->live));
    EXPECT(model, batch->numbered_count == numbered_of(&model->live, model->live.count));
    EXPECT(model, batch->source_position == model->source_position);
    if (model->live.count != 0) {
        model->live.events[model->live.count - 1].ends_batch = true;
        model->live.events[model->live.count - 1].source_position = model->source_position;
    }
    model->delivered += numbered_of(&model->live, model->live.count);
}

static void step_extract(struct model *model, unsigned fault)
{
    struct expected_batch *slot = &model->batches[model->batch_count];
    struct muster_batch batch;

    memset(&batch, 0xee, sizeof batch);
    const struct muster_batch untouched = batch;
    if (model->batch_count == MAX_BATCHES)
        return;
    if (fault == 1 || fault == 2)
        test_platform_set_irql(fault == 1, 2);
    if (fault == 4)
        test_platform_fail_allocation(1, test_random_chance(&model->random, 50));
    const enum muster_status status = muster_queue_extract_all(model->queue, &batch);
    test_platform_set_irql(0, 0);
    const bool injected = fault == 4 && test_platform_failed_allocations() != 0;
    test_platform_fail_allocation(0, false);

    if (status == MUSTER_OK) {
        note_extracted(model, &batch);
        struct list list = slot->list;
        *slot = (struct expected_batch){.batch = batch, .list = model->live};
        model->live = list;
        model->live.count = 0;
        model->batch_count++;
    } else {
        EXPECT(model, memcmp(&batch, &untouched, sizeof batch) == 0);
        EXPECT(model, status == (fault == 1 || fault == 2 ? MUSTER_REFUSED : MUSTER_EMPTY));
        model->queue_refused += status == MUSTER_REFUSED;
    }
    if (status == MUSTER_EMPTY) {
        EXPECT(model, model->live.count == 0);
        EXPECT(model, model->gap_block_missing || (model->loss.count == 0 && model->loss_outside.count == 0));
    }
    /* The reserved block is back unless its allocation failed or the budget is used up. */
    if (injected || test_platform_live_bytes() + GAP_BLOCK_BYTES > model->budget)
        model->gap_block_missing = true;
    else if (status != MUSTER_REFUSED)
        model->gap_block_missing = false;
}

static void note_gone(struct model *model, const struct event *event)
{
    if (is_numbered(event->type)) {
        EXPECT(model, model->fate[event->sequence] == 0);
        model->fate[event->sequence] = 1;
    }
    if (event->type == MUSTER_EVENT_GAP && event->gap.first_sequence != 0) {
        EXPECT(model, model->gap_count < MAX_GAPS);
        if (model->gap_count < MAX_GAPS)
            model->gaps[model->gap_count++] = event->gap;
    }
}

/* Batches are absorbed in the order they were taken; one may be given up instead. */
static void step_absorb(struct model *model, unsigned fault)
{
    struct expected_batch *batch = &model->batches[0];

    if (model->batch_count == 0) {
        struct muster_batch empty = {0};
        EXPECT(model, muster_cache_absorb(model->cache, &empty) == MUSTER_OK);
        return;
    }
    if (test_random_chance(&model->random, 5)) {
        for (size_t i = 0; i < batch->list.count; i++)
            note_gone(model, &batch->list.events[i]);
        muster_batch_release(&batch->batch);
        EXPECT(model, batch->batch.first == NULL && batch->batch.record_count == 0);
    } else {
        if (fault == 1 || fault == 2)
            test_platform_set_irql(fault == 1, 2);
        const struct muster_batch before = batch->batch;
        const enum muster_status status = muster_cache_absorb(model->cache, &batch->batch);
        test_platform_set_irql(0, 0);
        if (status != MUSTER_OK) {
            EXPECT(model, status == MUSTER_REFUSED && (fault == 1 || fault == 2));
            EXPECT(model, memcmp(&before, &batch->batch, sizeof before) == 0);
            model->cache_refused++;
            return;
        }
        EXPECT(model, fault != 1 && fault != 2 && batch->batch.first == NULL && batch->batch.record_count == 0);
        for (size_t i = 0; i < batch->list.count; i++)
            list_append(model, &model->cached, &batch->list.events[i]);
    }
    struct list list = batch->list;
    list.count = 0;
    model->batch_count--;
    memmove(model->batches, model->batches + 1, model->batch_count * sizeof *batch);
    model->batches[model->batch_count].list = list;
}

/* ---- lease and acknowledgement ------------------------------------------------------------------ */

static void expect_lease_content(struct model *model)
{
    const struct muster_lease *lease = &model->lease;
    struct muster_lease_cursor cursor = {0};
    const struct muster_record *record;
    size_t count = 0, bytes = 0;
    unsigned char *copy = malloc(lease->record_bytes);

    assert_non_null(copy);
    muster_lease_copy(lease, copy);
    while (!model->failed && (record = muster_lease_next(lease, &cursor)) != NULL) {
        expect_record(model, record, &model->cached.events[count]);
        EXPECT(model, memcmp(copy + bytes, record, record->size_bytes) == 0);
        bytes += record->size_bytes;
        count++;
    }
    EXPECT(model, count == lease->record_count && bytes == lease->record_bytes);
    EXPECT(model, muster_lease_next(lease, &cursor) == NULL);
    free(copy);
}

/* How many of the oldest fit. */
static size_t fitting(const struct model *model, size_t max_bytes, size_t max_count, uint64_t *ret_bytes)
{
    size_t count = 0;
    uint64_t bytes = 0;

    while (count < max_count && bytes + size_of(&model->cached.events[count]) <= max_bytes)
        bytes += size_of(&model->cached.events[count++]);
    *ret_bytes = bytes;
    return count;
}

static size_t random_max(struct model *model)
{
    if (test_random_chance(&model->random, 20))
        return SIZE_MAX;
    if (test_random_chance(&model->random, 20))
        return (size_t)test_random_below(&model->random, 200);
    return (size_t)test_random_below(&model->random, model->budget / 4);
}

static void step_lease(struct model *model, unsigned fault)
{
    struct muster_lease lease;
    const size_t max_bytes = random_max(model);
    size_t needed = 12345;

    memset(&lease, 0xee, sizeof lease);
    const struct muster_lease untouched = lease;
    if (fault == 1 || fault == 2)
        test_platform_set_irql(fault == 1, 2);
    const enum muster_status status = muster_cache_lease(model->cache, max_bytes, &lease, &needed);
    test_platform_set_irql(0, 0);
    if (status != MUSTER_OK)
        EXPECT(model, memcmp(&lease, &untouched, sizeof lease) == 0);
    if (status != MUSTER_TOO_SMALL)
        EXPECT(model, needed == 12345);
    if (fault == 1 || fault == 2) {
        EXPECT(model, status == MUSTER_REFUSED);
        model->cache_refused++;
        return;
    }
    if (model->cached.count == 0) {
        EXPECT(model, status == MUSTER_EMPTY);
        return;
    }
    uint64_t bytes;
    const size_t most = model->lease.id != 0 ? model->lease.record_count : model->cached.count;
    const size_t count = fitting(model, max_bytes, most, &bytes);
    if (count == 0) {
        EXPECT(model, status == MUSTER_TOO_SMALL && needed == size_of(&model->cached.events[0]));
        return;
    }
    EXPECT(model, status == MUSTER_OK && lease.record_count == count && lease.record_bytes == bytes);
    if (model->failed)
        return;
    EXPECT(model, lease.numbered_count == numbered_of(&model->cached, count));
    EXPECT(model, model->lease.id != 0 ? lease.id == model->lease.id : lease.id > model->last_lease_id);
    const struct event *last = &model->cached.events[count - 1];
    EXPECT(model, lease.source_position == (last->ends_batch ? last->source_position : 0));
    model->lease = lease;
    model->last_lease_id = lease.id;
    expect_lease_content(model);
}

static void step_ack(struct model *model, unsigned fault)
{
    const bool right = test_random_chance(&model->random, 80);
    const uint64_t id = right ? model->lease.id : model->lease.id + test_random_below(&model->random, 3) - 1;

    /* What was leased stays as it was until now. */
    if (model->lease.id != 0)
        expect_lease_content(model);
    if (fault == 1 || fault == 2)
        test_platform_set_irql(fault == 1, 2);
    const enum muster_status status = muster_cache_ack(model->cache, id);
    test_platform_set_irql(0, 0);
    if (fault == 1 || fault == 2) {
        EXPECT(model, status == MUSTER_REFUSED);
        model->cache_refused++;
        return;
    }
    if (id == 0 || id != model->lease.id) {
        EXPECT(model, status == MUSTER_WRONG_STATE);
        return;
    }
    EXPECT(model, status == MUSTER_OK);
    for (size_t i = 0; i < model->lease.record_count; i++)
        note_gone(model, &model->cached.events[i]);
    list_drop_head(&model->cached, model->lease.record_count);
    model->lease = (struct muster_lease){0};
    EXPECT(model, muster_cache_ack(model->cache, id) == MUSTER_WRONG_STATE);
}

/* ---- a whole run -------------------------------------------------------------------------------- */

static void model_init(struct model *model, uint64_t seed, enum lie lie, size_t steps)
{
    static const unsigned shares[] = {MUSTER_SHARE_MESSAGE, MUSTER_SHARE_FORK, MUSTER_SHARE_EXIT, MUSTER_SHARE_START,
                                      MUSTER_SHARE_GAP};

    memset(model, 0, sizeof *model);
    model->random.state = seed;
    model->seed = seed;
    model->lie = lie;
    model->budget = MUSTER_QUEUE_BUDGET_MIN << (seed % 4);
    model->budget += seed % 4 == 1 ? 12345 : 0;
    model->upstream = seed % 3 == 2;
    model->next_id = 1;
    for (unsigned i = 0; i < MUSTER_CLASS_COUNT; i++)
        model->limit[i] = model->budget * shares[i] / 16;
    model->live.events = calloc(MAX_EVENTS, sizeof(struct event));
    model->cached.events = calloc(MAX_EVENTS, sizeof(struct event));
    for (unsigned i = 0; i < MAX_BATCHES; i++)
        model->batches[i].list.events = calloc(MAX_EVENTS, sizeof(struct event));
    model->fate = calloc(steps + 2, 1);
    model->gaps = calloc(MAX_GAPS, sizeof *model->gaps);

    const struct muster_queue_config config = {.epoch = seed,
                                               .budget_bytes = model->budget,
                                               .numbered_upstream = model->upstream,
                                               .stage = MUSTER_STAGE_DRIVER_QUEUE};
    test_platform_reset();
    assert_int_equal(muster_queue_init(&model->queue_storage, &config, &model->queue), MUSTER_OK);
    assert_int_equal(muster_cache_init(&model->cache_storage, &model->cache), MUSTER_OK);
}

static void model_deinit(struct model *model)
{
    for (size_t i = 0; i < model->batch_count; i++)
        muster_batch_release(&model->batches[i].batch);
    muster_cache_deinit(model->cache);
    muster_queue_deinit(model->queue);
    EXPECT(model, test_platform_live_bytes() == 0);
    for (unsigned i = 0; i < MAX_BATCHES; i++)
        free(model->batches[i].list.events);
    free(model->live.events);
    free(model->cached.events);
    free(model->fate);
    free(model->gaps);
}

/* Phases of more and of less pressure, so that the budget fills and empties. */
static void model_step(struct model *model)
{
    const bool pressure = model->step / 2000 % 2 == 0;
    const unsigned pushes = pressure ? 94 : 60;
    const uint64_t what = test_random_below(&model->random, 100);
    unsigned fault = 0;

    if (test_random_chance(&model->random, 3))
        fault = 1 + (unsigned)test_random_below(&model->random, 4);
    if (what < pushes)
        step_push(model, fault);
    else if (what < pushes + (100 - pushes) / 3)
        step_extract(model, fault);
    else if (test_random_chance(&model->random, 40))
        step_absorb(model, fault);
    else if (test_random_chance(&model->random, 50))
        step_lease(model, fault);
    else
        step_ack(model, fault);
    if (model->lie == LIE_LEAK && model->step >= 300) /* one of them is accepted */
        (void)muster_queue_push_message(model->queue, 1, "x", 1);
}

static void drain(struct model *model)
{
    for (unsigned round = 0; round < 100000 && !model->failed; round++) {
        step_extract(model, 0);
        while (model->batch_count != 0)
            step_absorb(model, 0);
        if (model->cached.count == 0 && muster_queue_is_empty(model->queue))
            return;
        step_lease(model, 0);
        step_ack(model, 0);
    }
    EXPECT(model, model->failed);
}

static int by_first_sequence(const void *a, const void *b)
{
    const uint64_t first = ((const struct muster_gap *)a)->first_sequence;
    const uint64_t second = ((const struct muster_gap *)b)->first_sequence;
    return (first > second) - (first < second);
}

/* Each number was delivered, or stands in one gap; each gap counts what is missing in it; no two
 * overlap. */
static void expect_every_number_accounted(struct model *model)
{
    const uint64_t last = model->upstream ? model->upstream_sequence : model->last_sequence;
    uint64_t missing = 0, told = 0, behind = 0;

    for (uint64_t i = 1; i <= last; i++)
        missing += model->fate[i] == 2;
    qsort(model->gaps, model->gap_count, sizeof *model->gaps, by_first_sequence);
    for (size_t i = 0; i < model->gap_count; i++) {
        const struct muster_gap *gap = &model->gaps[i];
        uint64_t inside = 0;
        EXPECT(model, gap->first_sequence > behind && gap->last_sequence <= last);
        for (uint64_t n = gap->first_sequence; n <= gap->last_sequence && n <= last; n++)
            inside += model->fate[n] == 2;
        EXPECT(model, inside == gap->count);
        told += gap->count;
        behind = gap->last_sequence;
    }
    EXPECT(model, told == missing);
    /* Upstream, a number whose push was refused for its IRQL is told without a range. */
    for (uint64_t i = 1; i <= last && !model->upstream; i++)
        EXPECT(model, model->fate[i] != 0);
}

/* Else the runs test less than they say. */
static uint64_t dropped_in_all_runs[MUSTER_CAUSE_COUNT], delivered_in_all_runs;

/* Empty where all held. */
static const char *run(uint64_t seed, enum lie lie, size_t steps)
{
    static struct model model;
    static char result[300];

    model_init(&model, seed, lie, steps);
    for (model.step = 0; model.step < steps && !model.failed; model.step++) {
        model_step(&model);
        expect_queue_counts(&model);
        expect_cache_counts(&model);
    }
    drain(&model);
    if (!model.failed)
        expect_every_number_accounted(&model);
    for (unsigned i = 0; i < MUSTER_CAUSE_COUNT; i++)
        dropped_in_all_runs[i] += model.dropped[i];
    delivered_in_all_runs += model.delivered;
    model_deinit(&model);
    result[0] = 0;
    if (model.failed)
        (void)snprintf(result, sizeof result, "seed %llu, step %llu: %s", (unsigned long long)seed,
                       (unsigned long long)model.step, model.why);
    return result;
}

static void expect_agreement(uint64_t seed)
{
    const char *result = run(seed, LIE_NONE, 220 * (size_t)test_scale_percent());
    if (result[0] != 0)
        fail_msg("%s", result);
}

static void queue_and_model_agree(void **state)
{
    (void)state;
    const char *only = getenv("MUSTER_TEST_SEED");

    if (only != NULL) {
        expect_agreement(strtoull(only, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= 12; seed++)
        expect_agreement(seed);
    for (unsigned i = MUSTER_CAUSE_CLASS_SHED; i <= MUSTER_CAUSE_IRQL_REFUSED; i++)
        assert_true(dropped_in_all_runs[i] > 10);
    assert_true(dropped_in_all_runs[MUSTER_CAUSE_RECORD_TOO_LARGE] != 0);
    assert_true(delivered_in_all_runs > 10000);
}

static void a_lie_is_noticed(void **state)
{
    (void)state;
    for (enum lie lie = LIE_NONE + 1; lie < LIE_COUNT; lie++)
        for (uint64_t seed = 100; seed < 103; seed++)
            if (run(seed, lie, 5000)[0] == 0)
                fail_msg("lie %d was not noticed with seed %llu", (int)lie, (unsigned long long)seed);
}

static int make_text_pool(void **state)
{
    (void)state;
    struct test_random random = {.state = 1};
    for (size_t i = 0; i < sizeof text_pool; i++)
        text_pool[i] = (char)test_random_next(&random);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_and_model_agree),
        cmocka_unit_test(a_lie_is_noticed),
    };
    return cmocka_run_group_tests(tests, make_text_pool, NULL);
}
