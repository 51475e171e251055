/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A BPF ring buffer in plain memory, byte for byte as a reader of the mapping finds it: kernel/bpf/ringbuf.c of
 * Linux 6.1, and what 6.12 looks at beside it. The data is mapped twice in a row.
 */
#ifndef MUSTER_SIM_RING_H
#define MUSTER_SIM_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_ring {
    uint64_t consumer_position; /* the reader's to write */
    uint64_t producer_position;
    uint64_t pending_position; /* of the oldest record that is not complete */
    unsigned char *data;
    size_t size_bytes;
    bool looks_at_pending;
    uint64_t used_peak_bytes; /* since somebody set it */
};

/* Empty, at that position: as it is after as many bytes. */
void sim_ring_begin(struct sim_ring *ring, size_t size_bytes, bool looks_at_pending, uint64_t position);

/* NULL where there is no room. *ret_position is that of the header. */
unsigned char *sim_ring_reserve(struct sim_ring *ring, uint32_t size_bytes, uint64_t *ret_position);

/* The record there is complete. */
void sim_ring_commit(struct sim_ring *ring, uint64_t position, bool discard);

uint64_t sim_ring_end_of(const struct sim_ring *ring, uint64_t position);

#endif
