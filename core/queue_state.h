/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a queue is made of, for the two files that implement it: queue.c (life, taking out,
 * counting) and queue_push.c (putting in). Nobody else includes this, so nobody else can touch what
 * the lock guards.
 */
#ifndef MUSTER_CORE_QUEUE_STATE_H
#define MUSTER_CORE_QUEUE_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/block.h"
#include "core/loss.h"
#include "core/room.h"
#include "muster/queue.h"
#include "platform/platform.h"

#define QUEUE_MAGIC 0x4d75737465725121ULL

/* Stands for the lock of the queue at hand: in C, clang cannot name one field in another's
 * attribute. Never defined. */
extern struct muster_lock queue_guard;

struct muster_queue {
    /* Set by init, cleared by deinit, the same in between. */
    struct muster_queue *self;
    uint64_t magic;
    uint64_t epoch;
    size_t budget_bytes;
    size_t limit_bytes[MUSTER_CLASS_COUNT];
    size_t skeleton_block_bytes; /* 0: no skeletons */
    enum muster_stage stage;
    bool numbered_upstream;

    /* Atomics: any thread, with the lock or without. */
    struct muster_room room;
    struct loss_outside refused; /* numbered events that the IRQL contract refused */
    atomic_uint_least64_t refused_calls;
    atomic_bool reserve_missing; /* only a hint; the truth is gap_block and skeleton_block */

    struct muster_lock lock;

    /* Content. */
    struct muster_block *first MUSTER_GUARDED_BY(queue_guard);
    struct muster_block *last MUSTER_GUARDED_BY(queue_guard);
    size_t next_block_bytes MUSTER_GUARDED_BY(queue_guard);
    uint64_t record_count MUSTER_GUARDED_BY(queue_guard);
    uint64_t record_bytes MUSTER_GUARDED_BY(queue_guard);
    uint64_t numbered_count MUSTER_GUARDED_BY(queue_guard);
    uint64_t source_position MUSTER_GUARDED_BY(queue_guard);

    /* Counters since init. */
    uint64_t last_sequence MUSTER_GUARDED_BY(queue_guard);
    uint64_t produced MUSTER_GUARDED_BY(queue_guard);
    uint64_t delivered MUSTER_GUARDED_BY(queue_guard);
    uint64_t degraded MUSTER_GUARDED_BY(queue_guard);
    uint64_t dropped[MUSTER_CAUSE_COUNT] MUSTER_GUARDED_BY(queue_guard);

    /* What was lost and is not told yet, and the reserved block to tell it in. */
    struct loss loss MUSTER_GUARDED_BY(queue_guard);
    struct loss loss_refused MUSTER_GUARDED_BY(queue_guard);
    uint64_t refused_collected MUSTER_GUARDED_BY(queue_guard);
    struct muster_block *gap_block MUSTER_GUARDED_BY(queue_guard);

    /* Reserved too: starts that found no other room stand here, behind the other content when it is
     * taken out. NULL until there is memory for a new one. */
    struct muster_block *skeleton_block MUSTER_GUARDED_BY(queue_guard);
};

MUSTER_STATIC_ASSERT(sizeof(struct muster_queue) <= MUSTER_QUEUE_STORAGE_BYTES, "the storage holds a queue");
MUSTER_STATIC_ASSERT(_Alignof(struct muster_queue) <= MUSTER_QUEUE_STORAGE_ALIGNMENT, "and is aligned for it");

/* False, and nothing held, where the IRQL contract forbids it. Panics where the queue is not where
 * it was made. */
static inline bool queue_enter(struct muster_queue *queue)
    MUSTER_TRY_ACQUIRES(true, queue_guard) MUSTER_NO_THREAD_SAFETY_ANALYSIS;
static inline void queue_leave(struct muster_queue *queue)
    MUSTER_RELEASES(queue_guard) MUSTER_NO_THREAD_SAFETY_ANALYSIS;

static inline bool queue_enter(struct muster_queue *queue)
{
    if (queue->self != queue || queue->magic != QUEUE_MAGIC)
        muster_platform_panic("queue moved, or used outside its life");
    if (muster_platform_irql() != MUSTER_IRQL_PASSIVE)
        return false;
    muster_platform_lock_acquire(&queue->lock);
    if (muster_platform_irql() > MUSTER_IRQL_APC) {
        muster_platform_lock_release(&queue->lock);
        return false;
    }
    return true;
}

static inline void queue_leave(struct muster_queue *queue)
{
    muster_platform_lock_release(&queue->lock);
}

static inline void queue_count_refused_call(struct muster_queue *queue)
{
    atomic_fetch_add_explicit(&queue->refused_calls, 1, memory_order_relaxed);
}

static inline void queue_append_block(struct muster_queue *queue, struct muster_block *block)
    MUSTER_REQUIRES(queue_guard);

static inline void queue_append_block(struct muster_queue *queue, struct muster_block *block)
{
    if (queue->last == NULL)
        queue->first = block;
    else
        queue->last->next = block;
    queue->last = block;
}

#endif
