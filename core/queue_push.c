/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting events into the live queue. Producers call this from any thread; in the driver, from the
 * process-creation callback.
 *
 * Under the lock the record is written into the last block if it fits. If not, the budget is
 * charged for a block, the lock let go, the block allocated, and the lock taken again. An event is
 * numbered in the locked section that decides its fate, whichever that is, and never in one that
 * only finds that a block is needed: so each event gets one number, records stand in the order of
 * their numbers (skeletons, which have a block of their own, behind the others of their batch), and a
 * gap that was told has no number above the next one to come.
 *
 * Rejected: a number taken before the block is there (an extraction in between would tell a gap
 * that a later one overlaps); allocating under the lock; a lock-free ring (see queue.c).
 */
#include "core/queue_state.h"

/* One event on its way in. */
struct push {
    const struct muster_record *fixed;
    const struct muster_text *texts;
    size_t text_count;
    const char *tail;    /* of a message that is cut; else NULL */
    size_t record_bytes; /* 0: it cannot be a record, and `defect` says why */
    enum muster_cause defect;
    uint64_t source_position;
};

static enum muster_status push_refused(struct muster_queue *queue, const struct push *push)
{
    queue_count_refused_call(queue);
    if (muster_record_is_numbered(push->fixed))
        loss_outside_add(&queue->refused, push->fixed->type, push->fixed->time_ns);
    return MUSTER_REFUSED;
}

static uint64_t event_number(struct muster_queue *queue, const struct muster_record *fixed) MUSTER_REQUIRES(queue_guard)
{
    queue->produced++;
    return queue->numbered_upstream ? fixed->sequence : ++queue->last_sequence;
}

static void source_reached(struct muster_queue *queue, uint64_t position) MUSTER_REQUIRES(queue_guard)
{
    if (position > queue->source_position)
        queue->source_position = position;
}

static enum muster_status status_of_drop(enum muster_cause cause)
{
    switch (cause) {
    case MUSTER_CAUSE_CLASS_SHED:
    case MUSTER_CAUSE_QUEUE_FULL:
        return MUSTER_NO_ROOM;
    case MUSTER_CAUSE_ALLOCATION_FAILED:
        return MUSTER_NO_MEMORY;
    default:
        return MUSTER_INVALID;
    }
}

/* Whether an event is rather kept without its texts than lost for that cause: a process never starts
 * unseen for want of memory. Exits leave what is set aside to starts, while it is only full. */
static bool may_degrade(unsigned type, enum muster_cause cause)
{
    if (cause == MUSTER_CAUSE_ALLOCATION_FAILED)
        return type == MUSTER_EVENT_PROCESS_START || type == MUSTER_EVENT_PROCESS_EXIT;
    return type == MUSTER_EVENT_PROCESS_START && cause != MUSTER_CAUSE_RECORD_INVALID;
}

static uint64_t text_bits(const struct push *push)
{
    uint64_t bits = push->fixed->valid & (~0ULL << MUSTER_FIELD_FIRST_TEXT);

    for (size_t i = 0; i < push->text_count; i++)
        bits |= MUSTER_FIELD_BIT(push->texts[i].field & 63U);
    return bits;
}

/* Writes the fixed part alone into the block set aside for it; false where that is full too. */
static bool queue_degrade(struct muster_queue *queue, const struct push *push) MUSTER_REQUIRES(queue_guard)
{
    const size_t bytes = push->fixed->fixed_bytes;
    const uint64_t texts = text_bits(push);

    if (!block_fits(queue->skeleton_block, bytes))
        return false;
    struct muster_record *record = block_append(queue->skeleton_block, bytes, true);
    muster_record_encode(record, push->fixed, NULL, 0);
    record->flags |= MUSTER_RECORD_SKELETON;
    record->valid &= ~texts;
    record->unavailable |= texts;
    record->sequence = event_number(queue, push->fixed);
    queue->numbered_count++;
    queue->degraded++;
    queue->record_count++;
    queue->record_bytes += bytes;
    source_reached(queue, push->source_position);
    return true;
}

/* Whether whoever pushed still has the event, and may push it again: then it is no loss. So it is with what has
 * no number, and where an earlier hop has given the number and keeps what this one does not take. */
static bool may_come_again(const struct muster_queue *queue, const struct muster_record *fixed, enum muster_cause cause)
{
    const bool cannot_help = cause == MUSTER_CAUSE_RECORD_INVALID || cause == MUSTER_CAUSE_RECORD_TOO_LARGE;

    return !muster_record_is_numbered(fixed) || (queue->numbered_upstream && !cannot_help);
}

static enum muster_status queue_drop(struct muster_queue *queue, const struct push *push, enum muster_cause cause)
    MUSTER_REQUIRES(queue_guard)
{
    const struct muster_record *fixed = push->fixed;

    if (muster_record_is_numbered(fixed) && may_degrade(fixed->type, cause) && fixed->text_count == 0 &&
        queue_degrade(queue, push))
        return MUSTER_OK;
    if (!may_come_again(queue, fixed, cause)) {
        loss_add(&queue->loss, fixed->type, cause, event_number(queue, fixed), fixed->time_ns);
        queue->dropped[cause]++;
        source_reached(queue, push->source_position);
    }
    return status_of_drop(cause);
}

/* Of a message that is too long the first and the last half of what is kept: the record is written
 * as if it were the head alone, then the second half is put right in place. */
static void keep_tail(const struct push *push, struct muster_record *record)
{
    char *text = (char *)record + sizeof(struct muster_message) + sizeof(struct muster_text_header);

    muster_copy(text + push->texts->head_bytes, push->tail, push->texts->size_bytes - push->texts->head_bytes);
}

/* Writes the record into the last block, where it fits. */
static enum muster_status queue_write(struct muster_queue *queue, const struct push *push) MUSTER_REQUIRES(queue_guard)
{
    const bool numbered = muster_record_is_numbered(push->fixed);
    struct muster_record *record = block_append(queue->last, push->record_bytes, numbered);

    muster_record_encode(record, push->fixed, push->texts, push->text_count);
    if (push->tail != NULL)
        keep_tail(push, record);
    if (numbered) {
        record->sequence = event_number(queue, push->fixed);
        queue->numbered_count++;
        queue->degraded += (record->flags & MUSTER_RECORD_SKELETON) != 0;
    }
    queue->record_count++;
    queue->record_bytes += push->record_bytes;
    source_reached(queue, push->source_position);
    return MUSTER_OK;
}

static size_t limit_of(const struct muster_queue *queue, const struct push *push)
{
    return queue->limit_bytes[muster_event_class(push->fixed->type)];
}

static size_t charge_block(struct muster_queue *queue, const struct push *push) MUSTER_REQUIRES(queue_guard)
{
    const size_t least = sizeof(struct muster_block) + push->record_bytes;
    size_t preferred = queue->next_block_bytes;

    while (preferred < least && preferred < BLOCK_LARGEST_BYTES)
        preferred *= 2;
    return room_charge(&queue->room, limit_of(queue, push), preferred < least ? least : preferred, least);
}

/* Shed, where a start that needs as much would still have been admitted; else there is no room for
 * anybody. */
static enum muster_cause cause_of_no_room(struct muster_queue *queue, size_t needed_bytes)
{
    const size_t start_limit = queue->limit_bytes[MUSTER_CLASS_START];
    const size_t charged = room_charged(&queue->room);

    return charged <= start_limit && needed_bytes <= start_limit - charged ? MUSTER_CAUSE_CLASS_SHED
                                                                           : MUSTER_CAUSE_QUEUE_FULL;
}

/* Decides at once, or charges for a block: then *ret_block_bytes is set and the result means
 * nothing. */
static enum muster_status push_at_once(struct muster_queue *queue, const struct push *push, size_t *ret_block_bytes)
    MUSTER_REQUIRES(queue_guard)
{
    if (push->record_bytes == 0)
        return queue_drop(queue, push, push->defect);
    if (block_fits(queue->last, push->record_bytes)) {
        if (room_charged(&queue->room) <= limit_of(queue, push))
            return queue_write(queue, push);
        return queue_drop(queue, push, cause_of_no_room(queue, 0));
    }
    *ret_block_bytes = charge_block(queue, push);
    if (*ret_block_bytes != 0)
        return MUSTER_OK;
    return queue_drop(queue, push, cause_of_no_room(queue, sizeof(struct muster_block) + push->record_bytes));
}

/* Decides with the block that was allocated for it; NULL where that failed. Takes the block, or
 * leaves it where somebody else's has room. */
static enum muster_status push_with_block(struct muster_queue *queue, const struct push *push,
                                          struct muster_block **block) MUSTER_REQUIRES(queue_guard)
{
    const bool fits = block_fits(queue->last, push->record_bytes);

    if (*block == NULL && !(fits && room_charged(&queue->room) <= limit_of(queue, push)))
        return queue_drop(queue, push, MUSTER_CAUSE_ALLOCATION_FAILED);
    if (!fits) {
        if ((*block)->allocated_bytes >= queue->next_block_bytes && queue->next_block_bytes < BLOCK_LARGEST_BYTES)
            queue->next_block_bytes *= 2;
        queue_append_block(queue, *block);
        *block = NULL;
    }
    return queue_write(queue, push);
}

static enum muster_status push_slowly(struct muster_queue *queue, const struct push *push, size_t charged_bytes)
{
    struct muster_block *block = block_create(&queue->room, charged_bytes);
    enum muster_status status;

    if (queue_enter(queue)) {
        status = push_with_block(queue, push, &block);
        queue_leave(queue);
    } else {
        status = push_refused(queue, push);
    }
    block_destroy_list(block, NULL);
    return status;
}

static enum muster_status queue_push(struct muster_queue *queue, const struct push *push)
{
    size_t block_bytes = 0;

    if (!queue_enter(queue))
        return push_refused(queue, push);
    const enum muster_status status = push_at_once(queue, push, &block_bytes);
    queue_leave(queue);
    return block_bytes == 0 ? status : push_slowly(queue, push, block_bytes);
}

/* `fixed` is the caller's own copy of an event, `most_bytes` the size of its struct. */
static enum muster_status push_event(struct muster_queue *queue, struct muster_record *fixed, size_t most_bytes,
                                     const struct muster_text *texts, size_t text_count)
{
    struct push push = {.fixed = fixed, .texts = texts, .text_count = text_count};

    fixed->text_count = 0;
    fixed->reserved = 0;
    if (fixed->fixed_bytes < sizeof *fixed || fixed->fixed_bytes > most_bytes ||
        fixed->fixed_bytes % MUSTER_RECORD_ALIGNMENT != 0) {
        push.defect = MUSTER_CAUSE_RECORD_INVALID;
    } else {
        push.defect = MUSTER_CAUSE_RECORD_TOO_LARGE;
        push.record_bytes = muster_record_size(fixed, texts, text_count);
    }
    return queue_push(queue, &push);
}

enum muster_status muster_queue_push_process_start(struct muster_queue *queue, const struct muster_process_start *start,
                                                   const struct muster_text *texts, size_t text_count)
{
    struct muster_process_start copy = *start;
    return push_event(queue, &copy.record, sizeof copy, texts, text_count);
}

enum muster_status muster_queue_push_process_exit(struct muster_queue *queue, const struct muster_process_exit *exit,
                                                  const struct muster_text *texts, size_t text_count)
{
    struct muster_process_exit copy = *exit;
    return push_event(queue, &copy.record, sizeof copy, texts, text_count);
}

enum muster_status muster_queue_push_process_fork(struct muster_queue *queue, const struct muster_process_fork *fork,
                                                  const struct muster_text *texts, size_t text_count)
{
    struct muster_process_fork copy = *fork;
    return push_event(queue, &copy.record, sizeof copy, texts, text_count);
}

enum muster_status muster_queue_push_record(struct muster_queue *queue, const struct muster_record *record,
                                            uint64_t source_position)
{
    const struct push push = {
        .fixed = record,
        .record_bytes = muster_record_size(record, NULL, 0),
        .defect = MUSTER_CAUSE_RECORD_TOO_LARGE,
        .source_position = source_position,
    };
    return queue_push(queue, &push);
}

enum muster_status muster_queue_push_message(struct muster_queue *queue, uint64_t time_ns, const char *bytes,
                                             size_t size_bytes)
{
    const struct muster_message message = {
        .record = {.type = MUSTER_EVENT_MESSAGE, .time_ns = time_ns, .fixed_bytes = sizeof message},
    };
    struct muster_text text = muster_text_whole(MUSTER_FIELD_MESSAGE, bytes, (uint32_t)size_bytes);
    struct push push = {.fixed = &message.record, .texts = &text, .text_count = 1};

    if (size_bytes > MUSTER_MESSAGE_MAX_BYTES) {
        text.size_bytes = MUSTER_MESSAGE_MAX_BYTES;
        text.head_bytes = MUSTER_MESSAGE_MAX_BYTES / 2;
        push.tail = bytes + size_bytes - MUSTER_MESSAGE_MAX_BYTES / 2;
    }
    push.defect = MUSTER_CAUSE_RECORD_TOO_LARGE;
    push.record_bytes = size_bytes <= UINT32_MAX ? muster_record_size(push.fixed, &text, 1) : 0;
    return queue_push(queue, &push);
}
