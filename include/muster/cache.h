/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cached queue: batches that were taken out of the live queue wait here until a reader has
 * acknowledged them. Absorbing is a splice of block lists, whether the cache is empty or not.
 *
 * A lease is the reader's hold on the oldest records. While it is open the same records are served
 * again to a reader that asks again, whatever has been absorbed meanwhile; acknowledging its id
 * releases them at once. What is leased is never freed or changed before that.
 *
 * Holds a lock, so it is opaque and never moves, and the IRQL rules of queue.h hold. Lock order:
 * the cache's lock is never held together with a queue's.
 */
#ifndef MUSTER_CACHE_H
#define MUSTER_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/annotations.h"
#include "muster/queue.h"
#include "muster/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct muster_cache; /* defined in core only */

#define MUSTER_CACHE_STORAGE_BYTES     512
#define MUSTER_CACHE_STORAGE_ALIGNMENT 16

union muster_cache_storage {
    unsigned char bytes[MUSTER_CACHE_STORAGE_BYTES];
    uint64_t alignment[MUSTER_CACHE_STORAGE_BYTES / 8];
} __attribute__((aligned(MUSTER_CACHE_STORAGE_ALIGNMENT)));

/* A plain value. Its records may be read in place, without a lock, until the lease is acknowledged. */
struct muster_lease {
    uint64_t id; /* not 0 */
    const struct muster_block *first;
    uint64_t first_offset; /* of the first record in that block */
    uint64_t record_count;
    uint64_t record_bytes;
    uint64_t numbered_count;
    /* Everything the source had handed over up to here is in this lease or was acknowledged
     * before. 0 where the lease ends in the middle of a batch, or the source gave no position. */
    uint64_t source_position;
};

struct muster_cache_counts {
    uint64_t record_count; /* leased ones included */
    uint64_t record_bytes;
    uint64_t numbered_count;
    uint64_t leased_count;
    uint64_t lease_id;           /* of the open lease, else 0 */
    uint64_t acknowledged_count; /* numbered records, ever */
    uint64_t refused_calls;
};

enum muster_status muster_cache_init(union muster_cache_storage *storage,
                                     struct muster_cache **ret_cache) MUSTER_MUST_CHECK;

/* Frees what is still cached. No other call may be under way. Before the queue's deinit. */
void muster_cache_deinit(struct muster_cache *cache);

/*
 * Takes over the batch's records behind those it has: MUSTER_OK, and *batch becomes empty. O(1),
 * nothing copied or allocated; an empty batch is fine. MUSTER_REFUSED (IRQL): *batch is as it was.
 */
enum muster_status muster_cache_absorb(struct muster_cache *cache, struct muster_batch *batch) MUSTER_MUST_CHECK;

/*
 * Leases the oldest records, as many whole ones as fit into max_bytes (SIZE_MAX: all). While a
 * lease is open: that same lease; if max_bytes is less than it has, it is cut to what fits (it
 * keeps its id and never grows again).
 * MUSTER_EMPTY; MUSTER_TOO_SMALL, with *ret_needed_bytes (may be NULL) what the first record takes,
 * the cache as it was; MUSTER_REFUSED.
 */
enum muster_status muster_cache_lease(struct muster_cache *cache, size_t max_bytes, struct muster_lease *ret_lease,
                                      size_t *ret_needed_bytes) MUSTER_MUST_CHECK;

/* Releases the records of the open lease. MUSTER_WRONG_STATE, with nothing changed, where `lease_id`
 * is not the open one's. */
enum muster_status muster_cache_ack(struct muster_cache *cache, uint64_t lease_id) MUSTER_MUST_CHECK;

/* Gives the open lease back without acknowledging it: its records stay, for the next lease, which has
 * another id. MUSTER_OK also where none is open; MUSTER_REFUSED. */
enum muster_status muster_cache_unlease(struct muster_cache *cache) MUSTER_MUST_CHECK;

/* False where the IRQL contract refuses. O(1). */
bool muster_cache_counts(struct muster_cache *cache, struct muster_cache_counts *ret_counts);

/* Walks the records of an open lease: zero the cursor, then call until NULL. */
struct muster_lease_cursor {
    const struct muster_block *block;
    uint64_t offset;
    uint64_t done_count;
};

const struct muster_record *muster_lease_next(const struct muster_lease *lease, struct muster_lease_cursor *cursor);

/* Copies all records of an open lease to `buffer`, one behind the other; it has record_bytes. */
void muster_lease_copy(const struct muster_lease *lease, void *buffer);

#ifdef __cplusplus
}
#endif

#endif
