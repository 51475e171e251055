/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live queue, and the batch that is taken out of it.
 *
 *     struct muster_queue   owns the lock; has one address for life; opaque
 *     struct muster_batch   the content alone, no lock in it; this is what moves
 *
 * Producers push from any thread (Windows: from the process-creation callback). A reader takes all
 * content at once, by ownership: muster_queue_extract_all moves the list of blocks that the records
 * stand in, whatever their number, and copies and allocates nothing. A record is written once, at
 * push, straight into the queue's current block.
 *
 * What holds a lock never moves: the type is incomplete, so it cannot be assigned or passed by
 * value, it is made in place in storage that the caller provides, and it checks at every lock that
 * it still stands where it was made (muster_platform_panic if not).
 *
 * IRQL (Windows; elsewhere always 0): every function here that takes the lock wants PASSIVE_LEVEL
 * before it, and at most APC_LEVEL under it. Above, it refuses, releases what it holds, counts the
 * refusal, and a push that is refused counts as a dropped event (MUSTER_CAUSE_IRQL_REFUSED).
 */
#ifndef MUSTER_QUEUE_H
#define MUSTER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/annotations.h"
#include "muster/ledger.h"
#include "muster/record.h"
#include "muster/status.h"
#include "muster/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

struct muster_queue; /* defined in core only */
struct muster_block; /* likewise: some records that stand one behind the other */
struct muster_room;  /* likewise: the byte budget that queue, cache and lease share */

#define MUSTER_QUEUE_STORAGE_BYTES     1536
#define MUSTER_QUEUE_STORAGE_ALIGNMENT 16 /* what malloc and kernel pool give */

/* Room for a queue, at its final address: a global, or a member of something that never moves. */
union muster_queue_storage {
    unsigned char bytes[MUSTER_QUEUE_STORAGE_BYTES];
    uint64_t alignment[MUSTER_QUEUE_STORAGE_BYTES / 8];
} __attribute__((aligned(MUSTER_QUEUE_STORAGE_ALIGNMENT)));

struct muster_queue_config {
    uint64_t epoch;
    /* Cap on all memory for records, allocated for the queue, for batches taken out of it, and for
     * the cache that absorbed them; at least MUSTER_QUEUE_BUDGET_MIN. */
    size_t budget_bytes;
    /* How full the budget may be for a class to be admitted, in sixteenths; all 0 for the defaults
     * MUSTER_SHARE_*. */
    uint8_t class_share[MUSTER_CLASS_COUNT];
    /* False: the queue gives sequence numbers, from 1. True: records come with the number that an
     * earlier hop gave, and the queue keeps it; one that finds no room or no memory stays the caller's, to be
     * pushed again, and is counted nowhere. */
    bool numbered_upstream;
    /* Set aside at init, and charged: a start that finds no room or no memory is kept there without its
     * texts, as a skeleton (MUSTER_RECORD_SKELETON), before it is dropped; so is an exit that finds no
     * memory. A multiple of 8, at most a quarter of the budget; 0: no skeletons. */
    size_t skeleton_bytes;
    /* Put into gap records of events that this queue dropped. */
    enum muster_stage stage;
};

#define MUSTER_QUEUE_BUDGET_MIN (64U * 1024U)

/* Content taken out of a queue. May be copied and moved as a plain value; only the last copy is
 * used. Empty when zeroed. Belongs to whoever holds it: absorb it into a cache, or release it. */
struct muster_batch {
    struct muster_block *first;
    struct muster_block *last;
    struct muster_room *room;
    uint64_t record_count;
    uint64_t record_bytes;
    uint64_t numbered_count;  /* of the records, how many count in a ledger */
    uint64_t source_position; /* the highest that was pushed, see muster_queue_push_record */
};

struct muster_queue_counts {
    uint64_t record_count; /* in the live queue now */
    uint64_t record_bytes;
    uint64_t charged_bytes; /* of the budget: live queue, batches, cache, lease */
    uint64_t charged_peak_bytes;
    uint64_t budget_bytes;
    uint64_t refused_calls;      /* by the IRQL contract, pushes and others */
    uint64_t last_sequence;      /* given so far, where the queue gives them */
    struct muster_ledger ledger; /* of this hop: delivered is what was extracted */
};

/*
 * Makes a queue in `storage`. Allocates the reserved room for gap records. PASSIVE_LEVEL.
 * MUSTER_INVALID for a bad configuration, MUSTER_NO_MEMORY. *ret_queue points into storage.
 */
enum muster_status muster_queue_init(union muster_queue_storage *storage, const struct muster_queue_config *config,
                                     struct muster_queue **ret_queue) MUSTER_MUST_CHECK;

/* Frees what is still in the queue. No other call may be under way, and every batch taken out of
 * it must have been released or acknowledged. */
void muster_queue_deinit(struct muster_queue *queue);

/* Pushes an event: `start->record` has type, fixed_bytes, flags, time_ns, valid and unavailable
 * set; the queue sets the rest. `texts` in ascending order of field. Everything is copied. A skeleton that
 * was kept in its place is MUSTER_OK too. */
enum muster_status muster_queue_push_process_start(struct muster_queue *queue, const struct muster_process_start *start,
                                                   const struct muster_text *texts, size_t text_count);
enum muster_status muster_queue_push_process_exit(struct muster_queue *queue, const struct muster_process_exit *exit,
                                                  const struct muster_text *texts, size_t text_count);
enum muster_status muster_queue_push_process_fork(struct muster_queue *queue, const struct muster_process_fork *fork,
                                                  const struct muster_text *texts, size_t text_count);

/* Pushes free text, in the lowest class; more than MUSTER_MESSAGE_MAX_BYTES keeps head and tail. */
enum muster_status muster_queue_push_message(struct muster_queue *queue, uint64_t time_ns, const char *bytes,
                                             size_t size_bytes);

#define MUSTER_MESSAGE_MAX_BYTES 4096U

/*
 * Pushes a record that is already made, and already numbered if its type is a numbered one and the
 * queue does not give numbers. It has been validated. `source_position` is where the source stands
 * behind this record (Linux: the ring's position), 0 if that means nothing; a lease gives back the
 * highest, so that an acknowledgement can be passed on to the source.
 */
enum muster_status muster_queue_push_record(struct muster_queue *queue, const struct muster_record *record,
                                            uint64_t source_position);

/*
 * Whether a record of that class and size would be admitted now. With one producer the answer
 * stays true until it pushes; so a producer that can wait (Linux: the ring keeps the record) asks
 * first, and loses nothing.
 */
bool muster_queue_would_admit(struct muster_queue *queue, enum muster_class class_of_record, size_t record_bytes);

/*
 * Takes everything: MUSTER_OK, MUSTER_EMPTY, or MUSTER_REFUSED. O(1). If events were dropped since
 * the last time, the batch ends with a gap record for them, from reserved memory.
 */
enum muster_status muster_queue_extract_all(struct muster_queue *queue,
                                            struct muster_batch *ret_batch) MUSTER_MUST_CHECK;

/* Whether muster_queue_extract_all would find nothing, not even a gap to tell. */
bool muster_queue_is_empty(struct muster_queue *queue);

/* False where the IRQL contract refuses. O(1). */
bool muster_queue_counts(struct muster_queue *queue, struct muster_queue_counts *ret_counts);

/* Frees the batch's records and gives their bytes back to the budget; *batch becomes empty. */
void muster_batch_release(struct muster_batch *batch);

#ifdef __cplusplus
}
#endif

#endif
