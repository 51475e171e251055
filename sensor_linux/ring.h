/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a BPF ring buffer in place. libbpf's own reader moves the consumer position as it
 * returns; here reading and releasing are two things, because the position is a lease: what was
 * read and not acknowledged stays.
 *
 * Layout of the mapping: Linux, kernel/bpf/ringbuf.c, struct bpf_ringbuf.
 */
#ifndef MUSTER_RING_H
#define MUSTER_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    uint64_t *consumer_position;       /* ours to write */
    const uint64_t *producer_position; /* the kernel's */
    const unsigned char *data;         /* mapped twice in a row: a record never wraps */
    size_t size_bytes;                 /* a power of two */
    size_t page_bytes;
    uint64_t position; /* of the next record to read */
};

/* Maps the ring. False with errno set. */
bool ring_init(struct ring *ring, int map_fd, size_t size_bytes);
void ring_deinit(struct ring *ring);

/*
 * The next record that is complete, or NULL. Never passes one that is still being written. Steps
 * over discarded ones. ring->position is then behind it.
 */
const void *ring_next(struct ring *ring, uint32_t *ret_size_bytes);

/* For walking the same memory from one position to another, *until, apart from who reads it. Neither to be acknowledged
 * nor unmapped. */
struct ring ring_between(const struct ring *ring, uint64_t from, const uint64_t *until);

/* Releases everything before `position`. From any one thread. */
void ring_ack(const struct ring *ring, uint64_t position);

/* Whether something has been reserved behind what was read: complete or not. */
bool ring_has_more(const struct ring *ring);

/* How many bytes are not released yet. */
size_t ring_used(const struct ring *ring);

/* Copies the beginning of the oldest record that is not released, while another thread may release it. False where
 * there is none, or it is still being written, or was just released. */
bool ring_oldest(const struct ring *ring, void *ret_bytes, size_t size_bytes);

#endif
