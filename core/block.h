/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block: some whole records, one behind the other, and the link to the next block. Records are
 * written into it once and stay there until they are freed; what moves from queue to batch to
 * cache is the list.
 *
 * Belongs to whoever holds the list that it is in. Made and freed outside every lock. One
 * allocation a record was rejected (a list that long cannot be counted or skipped by the block),
 * and so was one array that grows (it copies, and needs its double at once).
 */
#ifndef MUSTER_CORE_BLOCK_H
#define MUSTER_CORE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/room.h"
#include "muster/wire.h"

/* Allocations, header included. Blocks double from the first after an empty queue to the largest,
 * so that many small batches do not eat the budget; a larger record has a block of its own. */
#define BLOCK_FIRST_BYTES   ((size_t)4 * 1024)
#define BLOCK_LARGEST_BYTES ((size_t)64 * 1024)

struct muster_block {
    struct muster_block *next;
    struct muster_room *room; /* charged for it */
    uint32_t allocated_bytes; /* and charged */
    uint32_t used_bytes;      /* of records */
    uint32_t record_count;
    uint32_t numbered_count;
    uint64_t source_position; /* of the batch that ends with this block; else 0 */
    uint64_t reserved;
    unsigned char records[];
};

MUSTER_STATIC_ASSERT(offsetof(struct muster_block, records) == sizeof(struct muster_block), "no hole before records");
MUSTER_STATIC_ASSERT(sizeof(struct muster_block) % MUSTER_RECORD_ALIGNMENT == 0, "records are aligned");

/* An empty block of `charged_bytes`, which have been charged already and are uncharged again where
 * it returns NULL. Not under a lock. */
struct muster_block *block_create(struct muster_room *room, size_t charged_bytes);

/* Frees the blocks from `first` up to, not including, `end`, and gives their bytes back. Not under
 * a lock. */
void block_destroy_list(struct muster_block *first, const struct muster_block *end);

/* Whether one more record fits. NULL is a block that is full. */
static inline bool block_fits(const struct muster_block *block, size_t record_bytes)
{
    return block != NULL && block->allocated_bytes - sizeof *block - block->used_bytes >= record_bytes;
}

/* Room for one record that fits, to be written before anybody else sees the block. */
static inline void *block_append(struct muster_block *block, size_t record_bytes, bool numbered)
{
    void *place = block->records + block->used_bytes;

    block->used_bytes += (uint32_t)record_bytes;
    block->record_count++;
    block->numbered_count += numbered;
    return place;
}

#endif
