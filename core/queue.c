/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live queue: its life, taking everything out of it, and its counts. One reader extracts, from
 * a thread that may wait; anybody may count. queue_push.c puts events in.
 *
 * Extraction moves two pointers and six numbers out of the queue under the lock, and appends the
 * reserved blocks: the one with skeletons, if there are any, and the one with the gap records, if
 * anything was lost. What allocates comes behind it: new reserved blocks, without the lock. If that
 * fails there are no skeletons, and the next gap stays open, until there is one.
 *
 * Rejected: a lock-free ring (wintun's needed two race fixes years after its release); a gap record
 * in the last block (it may be full, and the block it then needs may not be had).
 */
#include "core/queue_state.h"

#define GAP_BLOCK_BYTES (sizeof(struct muster_block) + 2 * sizeof(struct muster_gap))

/* ---- life ------------------------------------------------------------------------------------- */

static const uint8_t default_share[MUSTER_CLASS_COUNT] = {
    [MUSTER_CLASS_MESSAGE] = MUSTER_SHARE_MESSAGE, [MUSTER_CLASS_FORK] = MUSTER_SHARE_FORK,
    [MUSTER_CLASS_EXIT] = MUSTER_SHARE_EXIT,       [MUSTER_CLASS_START] = MUSTER_SHARE_START,
    [MUSTER_CLASS_GAP] = MUSTER_SHARE_GAP,
};

static bool config_is_sound(const struct muster_queue_config *config)
{
    for (unsigned i = 0; i < MUSTER_CLASS_COUNT; i++)
        if (config->class_share[i] > MUSTER_SHARE_UNIT)
            return false;
    if (config->skeleton_bytes % MUSTER_RECORD_ALIGNMENT != 0 || config->skeleton_bytes > config->budget_bytes / 4)
        return false;
    return config->budget_bytes >= MUSTER_QUEUE_BUDGET_MIN && config->stage >= MUSTER_STAGE_KERNEL_RING &&
           config->stage <= MUSTER_STAGE_AGENT_QUEUE;
}

static void set_limits(struct muster_queue *queue, const struct muster_queue_config *config)
{
    const uint8_t *share = default_share;
    const size_t unit = config->budget_bytes / MUSTER_SHARE_UNIT;
    const size_t rest = config->budget_bytes % MUSTER_SHARE_UNIT;

    for (unsigned i = 0; i < MUSTER_CLASS_COUNT; i++)
        if (config->class_share[i] != 0)
            share = config->class_share;
    for (unsigned i = 0; i < MUSTER_CLASS_COUNT; i++)
        queue->limit_bytes[i] = unit * share[i] + rest * share[i] / MUSTER_SHARE_UNIT;
    queue->budget_bytes = config->budget_bytes;
}

/* Of that size, or NULL. */
static struct muster_block *create_reserved(struct muster_queue *queue, size_t bytes)
{
    const size_t charged = bytes != 0 ? room_charge(&queue->room, queue->budget_bytes, bytes, bytes) : 0;
    return charged != 0 ? block_create(&queue->room, charged) : NULL;
}

enum muster_status muster_queue_init(union muster_queue_storage *storage, const struct muster_queue_config *config,
                                     struct muster_queue **ret_queue) MUSTER_NO_THREAD_SAFETY_ANALYSIS
{
    struct muster_queue *queue = (struct muster_queue *)(void *)storage;

    if ((uintptr_t)storage % MUSTER_QUEUE_STORAGE_ALIGNMENT != 0 || !config_is_sound(config))
        return MUSTER_INVALID;
    muster_clear(queue, sizeof *queue);
    set_limits(queue, config);
    queue->epoch = config->epoch;
    queue->stage = config->stage;
    queue->numbered_upstream = config->numbered_upstream;
    queue->next_block_bytes = BLOCK_FIRST_BYTES;
    loss_init(&queue->loss);
    loss_init(&queue->loss_refused);
    loss_outside_init(&queue->refused);
    queue->skeleton_block_bytes =
        config->skeleton_bytes != 0 ? sizeof(struct muster_block) + config->skeleton_bytes : 0;
    queue->gap_block = create_reserved(queue, GAP_BLOCK_BYTES);
    queue->skeleton_block = create_reserved(queue, queue->skeleton_block_bytes);
    if (queue->gap_block == NULL || (queue->skeleton_block == NULL && queue->skeleton_block_bytes != 0)) {
        block_destroy_list(queue->gap_block, NULL);
        block_destroy_list(queue->skeleton_block, NULL);
        return MUSTER_NO_MEMORY;
    }
    muster_platform_lock_init(&queue->lock);
    queue->magic = QUEUE_MAGIC;
    queue->self = queue;
    *ret_queue = queue;
    return MUSTER_OK;
}

void muster_queue_deinit(struct muster_queue *queue) MUSTER_NO_THREAD_SAFETY_ANALYSIS
{
    if (queue->self != queue || queue->magic != QUEUE_MAGIC)
        muster_platform_panic("queue moved, or used outside its life");
    block_destroy_list(queue->first, NULL);
    block_destroy_list(queue->gap_block, NULL);
    block_destroy_list(queue->skeleton_block, NULL);
    /* A batch that is released later would give its bytes back to what is no longer a queue. */
    if (room_charged(&queue->room) != 0)
        muster_platform_panic("queue deinitialised before all of its batches were released");
    muster_platform_lock_deinit(&queue->lock);
    queue->magic = 0;
    queue->self = NULL;
}

/* ---- taking out ------------------------------------------------------------------------------- */

static bool reserve_missing(struct muster_queue *queue)
{
    return atomic_load_explicit(&queue->reserve_missing, memory_order_relaxed);
}

/* Puts *block where there is none, and leaves NULL in *block. */
static void put_reserved(struct muster_block **place, struct muster_block **block)
{
    if (*place != NULL)
        return;
    *place = *block;
    *block = NULL;
}

static bool reserve_is_whole(const struct muster_queue *queue) MUSTER_REQUIRES(queue_guard)
{
    return queue->gap_block != NULL && (queue->skeleton_block != NULL || queue->skeleton_block_bytes == 0);
}

/* Without one of the reserved blocks: tries to have them again. The gap's comes first, where there is
 * little room. */
static void queue_replenish(struct muster_queue *queue)
{
    struct muster_block *gap = create_reserved(queue, GAP_BLOCK_BYTES);
    struct muster_block *skeleton = create_reserved(queue, queue->skeleton_block_bytes);

    if ((gap != NULL || skeleton != NULL) && queue_enter(queue)) {
        put_reserved(&queue->gap_block, &gap);
        put_reserved(&queue->skeleton_block, &skeleton);
        if (reserve_is_whole(queue))
            atomic_store_explicit(&queue->reserve_missing, false, memory_order_relaxed);
        queue_leave(queue);
    }
    block_destroy_list(gap, NULL);
    block_destroy_list(skeleton, NULL);
}

/* Hands a reserved block with records over to the content. */
static void append_reserved(struct muster_queue *queue, struct muster_block **place) MUSTER_REQUIRES(queue_guard)
{
    if (*place == NULL || (*place)->record_count == 0)
        return;
    queue_append_block(queue, *place);
    *place = NULL;
    atomic_store_explicit(&queue->reserve_missing, true, memory_order_relaxed);
}

static void tell_loss(struct muster_queue *queue, struct loss *loss) MUSTER_REQUIRES(queue_guard)
{
    loss_encode(loss, queue->stage, block_append(queue->gap_block, sizeof(struct muster_gap), false));
    loss_init(loss);
    queue->record_count++;
    queue->record_bytes += sizeof(struct muster_gap);
}

/* Appends the reserved block with what is to be told, if anything is. */
static void tell_losses(struct muster_queue *queue) MUSTER_REQUIRES(queue_guard)
{
    const bool whole = loss_outside_collect(&queue->refused, &queue->loss_refused, &queue->refused_collected);

    if (queue->gap_block == NULL)
        return;
    if (loss_is_open(&queue->loss))
        tell_loss(queue, &queue->loss);
    if (whole && loss_is_open(&queue->loss_refused))
        tell_loss(queue, &queue->loss_refused);
    append_reserved(queue, &queue->gap_block);
}

static struct muster_batch take_content(struct muster_queue *queue) MUSTER_REQUIRES(queue_guard)
{
    const struct muster_batch batch = {
        .first = queue->first,
        .last = queue->last,
        .room = &queue->room,
        .record_count = queue->record_count,
        .record_bytes = queue->record_bytes,
        .numbered_count = queue->numbered_count,
        .source_position = queue->source_position,
    };

    queue->delivered += queue->numbered_count;
    queue->first = NULL;
    queue->last = NULL;
    queue->next_block_bytes = BLOCK_FIRST_BYTES;
    queue->record_count = 0;
    queue->record_bytes = 0;
    queue->numbered_count = 0;
    return batch;
}

enum muster_status muster_queue_extract_all(struct muster_queue *queue, struct muster_batch *ret_batch)
{
    if (reserve_missing(queue) && muster_platform_irql() == MUSTER_IRQL_PASSIVE)
        queue_replenish(queue);
    if (!queue_enter(queue)) {
        queue_count_refused_call(queue);
        return MUSTER_REFUSED;
    }
    append_reserved(queue, &queue->skeleton_block);
    tell_losses(queue);
    const struct muster_batch batch = take_content(queue);
    queue_leave(queue);

    if (reserve_missing(queue))
        queue_replenish(queue);
    if (batch.record_count == 0)
        return MUSTER_EMPTY;
    *ret_batch = batch;
    return MUSTER_OK;
}

/* ---- asking ----------------------------------------------------------------------------------- */

bool muster_queue_is_empty(struct muster_queue *queue)
{
    if (!queue_enter(queue)) {
        queue_count_refused_call(queue);
        return true;
    }
    const bool empty = queue->record_count == 0 && !loss_is_open(&queue->loss) && !loss_is_open(&queue->loss_refused) &&
                       !loss_outside_is_open(&queue->refused);
    queue_leave(queue);
    return empty;
}

bool muster_queue_would_admit(struct muster_queue *queue, enum muster_class class_of_record, size_t record_bytes)
{
    /* Neither the last block nor the reserved one counts on being there when the push comes: an
     * extraction in between takes the first away and may charge for the second twice. */
    const size_t needed = sizeof(struct muster_block) + record_bytes + 2 * GAP_BLOCK_BYTES;

    if ((unsigned)class_of_record >= MUSTER_CLASS_COUNT || record_bytes > MUSTER_RECORD_MAX_BYTES)
        return false;
    if (!queue_enter(queue)) {
        queue_count_refused_call(queue);
        return false;
    }
    const size_t limit = queue->limit_bytes[class_of_record];
    const size_t charged = room_charged(&queue->room);
    queue_leave(queue);
    return charged <= limit && needed <= limit - charged;
}

static void fill_counts(struct muster_queue *queue, struct muster_queue_counts *counts) MUSTER_REQUIRES(queue_guard)
{
    const uint64_t refused = atomic_load_explicit(&queue->refused.begun, memory_order_relaxed);
    struct muster_ledger *ledger = &counts->ledger;

    counts->record_count = queue->record_count;
    counts->record_bytes = queue->record_bytes;
    counts->last_sequence = queue->last_sequence;
    ledger->produced = queue->produced + refused;
    ledger->delivered = queue->delivered;
    ledger->held = queue->numbered_count;
    ledger->degraded = queue->degraded;
    muster_copy(ledger->dropped, queue->dropped, sizeof ledger->dropped);
    ledger->dropped[MUSTER_CAUSE_IRQL_REFUSED] += refused;
}

bool muster_queue_counts(struct muster_queue *queue, struct muster_queue_counts *ret_counts)
{
    struct muster_queue_counts counts = {
        .budget_bytes = queue->budget_bytes,
        .ledger.epoch = queue->epoch,
    };

    if (!queue_enter(queue)) {
        queue_count_refused_call(queue);
        return false;
    }
    fill_counts(queue, &counts);
    queue_leave(queue);
    counts.charged_bytes = room_charged(&queue->room);
    counts.charged_peak_bytes = atomic_load_explicit(&queue->room.peak_bytes, memory_order_relaxed);
    counts.refused_calls = atomic_load_explicit(&queue->refused_calls, memory_order_relaxed);
    *ret_counts = counts;
    return true;
}
