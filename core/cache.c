/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cached queue: the blocks of the batches that were absorbed, and the one lease on the oldest
 * records. A reader's thread leases and acknowledges; whoever drains the live queue absorbs.
 *
 * Whole blocks are counted by their headers, so measuring a lease costs a step a block and, in the
 * last one, a step a record; a lease of everything costs nothing. Acknowledging moves the head of
 * the list past what was leased, under the lock, and frees it without the lock. A lease that ends
 * inside a block leaves the block where it is until the rest of it has been acknowledged too.
 *
 * Rejected: copying what is leased into a buffer of its own (memory outside the budget, and each
 * record copied twice); a reference count on each block (one lease at a time needs none).
 */
#include "muster/cache.h"

#include <stdatomic.h>

#include "core/block.h"
#include "platform/platform.h"

#define CACHE_MAGIC 0x4d75737465724321ULL

/* Stands for the lock of the cache at hand, see queue_state.h. Never defined. */
extern struct muster_lock cache_guard;

/* A place between two records. */
struct place {
    struct muster_block *block;
    uint32_t offset;       /* of the next record in the block */
    uint32_t passed_count; /* records of this block before it */
    uint32_t passed_numbered;
};

struct extent {
    struct place end;
    uint64_t record_count;
    uint64_t record_bytes;
    uint64_t numbered_count;
};

struct muster_cache {
    /* Set by init, cleared by deinit, the same in between. */
    struct muster_cache *self;
    uint64_t magic;

    atomic_uint_least64_t refused_calls;

    struct muster_lock lock;

    struct place begin MUSTER_GUARDED_BY(cache_guard); /* block NULL: empty */
    struct muster_block *last MUSTER_GUARDED_BY(cache_guard);
    uint64_t record_count MUSTER_GUARDED_BY(cache_guard);
    uint64_t record_bytes MUSTER_GUARDED_BY(cache_guard);
    uint64_t numbered_count MUSTER_GUARDED_BY(cache_guard);

    uint64_t acknowledged_count MUSTER_GUARDED_BY(cache_guard); /* numbered, ever */

    uint64_t lease_id MUSTER_GUARDED_BY(cache_guard); /* 0: none is open */
    uint64_t last_lease_id MUSTER_GUARDED_BY(cache_guard);
    struct extent leased MUSTER_GUARDED_BY(cache_guard);
};

MUSTER_STATIC_ASSERT(sizeof(struct muster_cache) <= MUSTER_CACHE_STORAGE_BYTES, "the storage holds a cache");
MUSTER_STATIC_ASSERT(_Alignof(struct muster_cache) <= MUSTER_CACHE_STORAGE_ALIGNMENT, "and is aligned for it");

/* ---- the lock --------------------------------------------------------------------------------- */

static bool cache_enter(struct muster_cache *cache)
    MUSTER_TRY_ACQUIRES(true, cache_guard) MUSTER_NO_THREAD_SAFETY_ANALYSIS;
static void cache_leave(struct muster_cache *cache) MUSTER_RELEASES(cache_guard) MUSTER_NO_THREAD_SAFETY_ANALYSIS;

static void check_place(const struct muster_cache *cache)
{
    if (cache->self != cache || cache->magic != CACHE_MAGIC)
        muster_platform_panic("cache moved, or used outside its life");
}

/* False, nothing held, and counted, where the IRQL contract forbids it. */
static bool cache_enter(struct muster_cache *cache)
{
    check_place(cache);
    if (muster_platform_irql() == MUSTER_IRQL_PASSIVE) {
        muster_platform_lock_acquire(&cache->lock);
        if (muster_platform_irql() <= MUSTER_IRQL_APC)
            return true;
        muster_platform_lock_release(&cache->lock);
    }
    atomic_fetch_add_explicit(&cache->refused_calls, 1, memory_order_relaxed);
    return false;
}

static void cache_leave(struct muster_cache *cache)
{
    muster_platform_lock_release(&cache->lock);
}

/* ---- life ------------------------------------------------------------------------------------- */

enum muster_status muster_cache_init(union muster_cache_storage *storage, struct muster_cache **ret_cache)
{
    struct muster_cache *cache = (struct muster_cache *)(void *)storage;

    if ((uintptr_t)storage % MUSTER_CACHE_STORAGE_ALIGNMENT != 0)
        return MUSTER_INVALID;
    muster_clear(cache, sizeof *cache);
    muster_platform_lock_init(&cache->lock);
    cache->magic = CACHE_MAGIC;
    cache->self = cache;
    *ret_cache = cache;
    return MUSTER_OK;
}

void muster_cache_deinit(struct muster_cache *cache) MUSTER_NO_THREAD_SAFETY_ANALYSIS
{
    check_place(cache);
    block_destroy_list(cache->begin.block, NULL);
    muster_platform_lock_deinit(&cache->lock);
    cache->magic = 0;
    cache->self = NULL;
}

/* ---- absorb ----------------------------------------------------------------------------------- */

static void splice(struct muster_cache *cache, const struct muster_batch *batch) MUSTER_REQUIRES(cache_guard)
{
    if (cache->last == NULL)
        cache->begin = (struct place){.block = batch->first};
    else
        cache->last->next = batch->first;
    cache->last = batch->last;
    cache->record_count += batch->record_count;
    cache->record_bytes += batch->record_bytes;
    cache->numbered_count += batch->numbered_count;
}

enum muster_status muster_cache_absorb(struct muster_cache *cache, struct muster_batch *batch)
{
    if (!cache_enter(cache))
        return MUSTER_REFUSED;
    if (batch->first != NULL) {
        batch->last->source_position = batch->source_position;
        splice(cache, batch);
    }
    cache_leave(cache);
    muster_clear(batch, sizeof *batch);
    return MUSTER_OK;
}

/* ---- lease ------------------------------------------------------------------------------------ */

/* Widens the extent to what of its last block fits, record by record. */
static void measure_in_block(struct extent *extent, size_t max_bytes)
{
    struct place *end = &extent->end;

    while (end->offset < end->block->used_bytes) {
        const struct muster_record *record = (const void *)(end->block->records + end->offset);
        const bool numbered = muster_record_is_numbered(record);
        if (record->size_bytes > max_bytes - extent->record_bytes)
            return;
        end->offset += record->size_bytes;
        end->passed_count++;
        end->passed_numbered += numbered;
        extent->record_count++;
        extent->record_bytes += record->size_bytes;
        extent->numbered_count += numbered;
    }
}

static uint32_t record_bytes_at(const struct muster_block *block, uint32_t offset)
{
    const struct muster_record *record = (const void *)(block->records + offset);
    return record->size_bytes;
}

/* As many whole records as fit, from the first on. Ends behind a record, never before the first one
 * of a block: that a lease takes the whole of a batch is seen by its ending with the last block. */
static struct extent measure(const struct place *begin, size_t max_bytes)
{
    struct extent extent = {.end = *begin};
    struct place *end = &extent.end;

    for (;;) {
        const struct muster_block *block = end->block;
        if (block->used_bytes - end->offset > max_bytes - extent.record_bytes) {
            measure_in_block(&extent, max_bytes);
            return extent;
        }
        extent.record_count += block->record_count - end->passed_count;
        extent.record_bytes += block->used_bytes - end->offset;
        extent.numbered_count += block->numbered_count - end->passed_numbered;
        end->offset = block->used_bytes;
        end->passed_count = block->record_count;
        end->passed_numbered = block->numbered_count;
        if (block->next == NULL || record_bytes_at(block->next, 0) > max_bytes - extent.record_bytes)
            return extent;
        *end = (struct place){.block = block->next};
    }
}

static struct extent everything(const struct muster_cache *cache) MUSTER_REQUIRES(cache_guard)
{
    return (struct extent){
        .end =
            {
                .block = cache->last,
                .offset = cache->last->used_bytes,
                .passed_count = cache->last->record_count,
                .passed_numbered = cache->last->numbered_count,
            },
        .record_count = cache->record_count,
        .record_bytes = cache->record_bytes,
        .numbered_count = cache->numbered_count,
    };
}

static bool ends_block(const struct place *place)
{
    return place->offset == place->block->used_bytes;
}

static struct muster_lease describe(const struct muster_cache *cache) MUSTER_REQUIRES(cache_guard)
{
    const struct extent *leased = &cache->leased;

    return (struct muster_lease){
        .id = cache->lease_id,
        .first = cache->begin.block,
        .first_offset = cache->begin.offset,
        .record_count = leased->record_count,
        .record_bytes = leased->record_bytes,
        .numbered_count = leased->numbered_count,
        .source_position = ends_block(&leased->end) ? leased->end.block->source_position : 0,
    };
}

static size_t first_record_bytes(const struct muster_cache *cache) MUSTER_REQUIRES(cache_guard)
{
    return record_bytes_at(cache->begin.block, cache->begin.offset);
}

/* Opens a lease, or cuts the one that is open, so that it holds no more than max_bytes. */
static void lease_up_to(struct muster_cache *cache, size_t max_bytes) MUSTER_REQUIRES(cache_guard)
{
    if (cache->lease_id == 0) {
        cache->leased = max_bytes >= cache->record_bytes ? everything(cache) : measure(&cache->begin, max_bytes);
        cache->lease_id = ++cache->last_lease_id;
    } else if (max_bytes < cache->leased.record_bytes) {
        cache->leased = measure(&cache->begin, max_bytes);
    }
}

enum muster_status muster_cache_lease(struct muster_cache *cache, size_t max_bytes, struct muster_lease *ret_lease,
                                      size_t *ret_needed_bytes)
{
    enum muster_status status = MUSTER_OK;

    if (!cache_enter(cache))
        return MUSTER_REFUSED;
    if (cache->begin.block == NULL) {
        status = MUSTER_EMPTY;
    } else if (max_bytes < first_record_bytes(cache)) {
        status = MUSTER_TOO_SMALL;
        if (ret_needed_bytes != NULL)
            *ret_needed_bytes = first_record_bytes(cache);
    } else {
        lease_up_to(cache, max_bytes);
        *ret_lease = describe(cache);
    }
    cache_leave(cache);
    return status;
}

/* ---- ack -------------------------------------------------------------------------------------- */

/* Moves the head of the list behind what was leased. */
static void pass_leased(struct muster_cache *cache) MUSTER_REQUIRES(cache_guard)
{
    const struct extent *leased = &cache->leased;

    cache->begin = leased->end;
    if (ends_block(&leased->end))
        cache->begin = (struct place){.block = leased->end.block->next};
    if (cache->begin.block == NULL)
        cache->last = NULL;
    cache->record_count -= leased->record_count;
    cache->record_bytes -= leased->record_bytes;
    cache->numbered_count -= leased->numbered_count;
    cache->acknowledged_count += leased->numbered_count;
    cache->leased = (struct extent){0};
    cache->lease_id = 0;
}

enum muster_status muster_cache_ack(struct muster_cache *cache, uint64_t lease_id)
{
    if (!cache_enter(cache))
        return MUSTER_REFUSED;
    if (lease_id == 0 || lease_id != cache->lease_id) {
        cache_leave(cache);
        return MUSTER_WRONG_STATE;
    }
    struct muster_block *first = cache->begin.block;
    pass_leased(cache);
    const struct muster_block *end = cache->begin.block;
    cache_leave(cache);
    block_destroy_list(first, end);
    return MUSTER_OK;
}

enum muster_status muster_cache_unlease(struct muster_cache *cache)
{
    if (!cache_enter(cache))
        return MUSTER_REFUSED;
    cache->leased = (struct extent){0};
    cache->lease_id = 0;
    cache_leave(cache);
    return MUSTER_OK;
}

bool muster_cache_counts(struct muster_cache *cache, struct muster_cache_counts *ret_counts)
{
    if (!cache_enter(cache))
        return false;
    *ret_counts = (struct muster_cache_counts){
        .record_count = cache->record_count,
        .record_bytes = cache->record_bytes,
        .numbered_count = cache->numbered_count,
        .leased_count = cache->leased.record_count,
        .lease_id = cache->lease_id,
        .acknowledged_count = cache->acknowledged_count,
        .refused_calls = atomic_load_explicit(&cache->refused_calls, memory_order_relaxed),
    };
    cache_leave(cache);
    return true;
}
