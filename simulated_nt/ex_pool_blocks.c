/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool's books: every live block and every freed one in quarantine, found by address. They stand
 * outside the pool, so that whatever the driver overwrites, they stay.
 */
#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/sim_internal.h"
#include "simulated_nt/sim_pool.h"

#define BUCKETS               8192U
#define QUARANTINE_BLOCKS_MAX 1024U
#define QUARANTINE_BYTES_MAX  ((size_t)16 << 20)

static struct sim_host_lock pool_lock;
static struct sim_pool_block *buckets[BUCKETS];
static struct {
    struct sim_pool_block *oldest, *newest;
    size_t block_count, bytes;
} quarantine;
static size_t live_bytes, peak_bytes;

void sim_pool_enter(void)
{
    sim_own_begin();
    sim_host_lock_acquire(&pool_lock);
}

void sim_pool_leave(void)
{
    sim_host_lock_release(&pool_lock);
    sim_own_end();
}

static struct sim_pool_block **bucket_of(const void *address)
{
    const uint64_t mixed = ((uint64_t)(uintptr_t)address >> 4) * 0x9e3779b97f4a7c15ULL;
    return &buckets[mixed >> 51 & (BUCKETS - 1)];
}

void sim_pool_blocks_add(struct sim_pool_block *block)
{
    struct sim_pool_block **bucket = bucket_of(block->address);

    block->next_in_bucket = *bucket;
    *bucket = block;
    live_bytes += block->bytes;
    if (live_bytes > peak_bytes)
        peak_bytes = live_bytes;
}

struct sim_pool_block *sim_pool_blocks_find(const void *address)
{
    struct sim_pool_block *block = *bucket_of(address);
    while (block != NULL && block->address != address)
        block = block->next_in_bucket;
    return block;
}

struct sim_pool_block *sim_pool_blocks_around(const void *address)
{
    const uintptr_t wanted = (uintptr_t)address;

    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct sim_pool_block *block = buckets[i]; block != NULL; block = block->next_in_bucket)
            if (wanted - (uintptr_t)block->whole < block->whole_bytes)
                return block;
    return NULL;
}

static void forget(struct sim_pool_block *block)
{
    struct sim_pool_block **link = bucket_of(block->address);
    while (*link != block)
        link = &(*link)->next_in_bucket;
    *link = block->next_in_bucket;
    sim_host_free(block);
}

static void release_oldest(void)
{
    struct sim_pool_block *block = quarantine.oldest;

    quarantine.oldest = block->next_freed;
    if (quarantine.oldest == NULL)
        quarantine.newest = NULL;
    quarantine.block_count--;
    quarantine.bytes -= block->bytes;
    sim_pool_memory_check_freed(block);
    sim_pool_memory_drop(block);
    forget(block);
}

void sim_pool_blocks_retire(struct sim_pool_block *block)
{
    live_bytes -= block->bytes;
    block->quarantined = true;
    block->next_freed = NULL;
    if (quarantine.newest != NULL)
        quarantine.newest->next_freed = block;
    else
        quarantine.oldest = block;
    quarantine.newest = block;
    quarantine.block_count++;
    quarantine.bytes += block->bytes;
    while (quarantine.block_count > QUARANTINE_BLOCKS_MAX || quarantine.bytes > QUARANTINE_BYTES_MAX)
        release_oldest();
}

void sim_pool_blocks_each(void (*visit)(struct sim_pool_block *block, void *context), void *context)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct sim_pool_block *block = buckets[i]; block != NULL; block = block->next_in_bucket)
            visit(block, context);
}

size_t sim_pool_peak_bytes(void)
{
    sim_pool_enter();
    const size_t bytes = peak_bytes;
    sim_pool_leave();
    return bytes;
}

void sim_pool_peak_reset(void)
{
    sim_pool_enter();
    peak_bytes = live_bytes;
    sim_pool_leave();
}
