/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of the question that this project comes from, rebuilt in C for docs/origin.md, faithful in what
 * moves and when: a Rust value that is returned or boxed is copied byte by byte to where it goes, and so it
 * is here. Nothing of it ships.
 */
#ifndef MUSTER_TESTS_ORIGIN_QUEUE_H
#define MUSTER_TESTS_ORIGIN_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum origin_variant {
    ORIGIN_SWAP,       /* the mutex made in a local and moved; extract_all swaps `data` with an empty value */
    ORIGIN_TAKE,       /* the same, but mem::take of `data` */
    ORIGIN_TAKE_WHOLE, /* the same, but mem::take of all of it, lock included, while the lock is held */
    ORIGIN_IN_PLACE,   /* the mutex made where it stays; swap */
};

struct origin_queue;

/* DriverMessagesWithMutex::new(), Box::new, Box::into_raw. */
struct origin_queue *origin_queue_new(enum origin_variant variant);
void origin_queue_free(struct origin_queue *queue);

/* add_message_to_queue, without the text: what counts is the lock. */
void origin_add_message(struct origin_queue *queue);

/* extract_all: how many messages there were; false for None. `inside` (may be NULL) is called with the lock
 * held, in the place of whatever may happen on a machine in that time. */
bool origin_extract_all(struct origin_queue *queue, void (*inside)(void *context), void *context, size_t *ret_count);

/* Where the wait list of the lock's event really is, where its first link points, and how many threads met
 * at the lock so far. */
uintptr_t origin_list_head(const struct origin_queue *queue);
uintptr_t origin_list_points_to(const struct origin_queue *queue);
unsigned origin_contention(const struct origin_queue *queue);

/* What swap and take of `data` do to the bytes of the same queue. */
struct origin_comparison {
    bool same_queue;     /* its bytes are the same after either */
    bool same_result;    /* so are those of what was taken out */
    bool lock_untouched; /* and those of the mutex are as before */
};
struct origin_comparison origin_compare_swap_and_take(void);

#endif
