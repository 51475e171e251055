/* SPDX-License-Identifier: Apache-2.0 */
/* sim_ring.h */
#include "sim_ring.h"

#include <sys/mman.h>
#include <unistd.h>

#include "sim_journal.h"

#define HEADER_BYTES  8U
#define BUSY          (1U << 31)
#define DISCARDED     (1U << 30)
#define SIZE_LOG_MOST 20

/* One mapping a size, kept from one seed to the next. */
static unsigned char *mapping_of(size_t size_bytes)
{
    static unsigned char *mappings[SIZE_LOG_MOST + 1];
    const unsigned log = (unsigned)__builtin_ctzl(size_bytes);
    unsigned char *twice;
    int fd;

    if (log > SIZE_LOG_MOST)
        sim_fail("a ring of %zu bytes", size_bytes);
    if (mappings[log])
        return mappings[log];
    fd = memfd_create("ring", MFD_CLOEXEC);
    twice = mmap(NULL, 2 * size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fd < 0 || ftruncate(fd, (off_t)size_bytes) != 0 || twice == MAP_FAILED ||
        mmap(twice, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
        mmap(twice + size_bytes, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
        sim_fail("no memory for a ring");
    close(fd);
    mappings[log] = twice;
    return twice;
}

void sim_ring_begin(struct sim_ring *ring, size_t size_bytes, bool looks_at_pending, uint64_t position)
{
    *ring = (struct sim_ring){
        .data = mapping_of(size_bytes),
        .size_bytes = size_bytes,
        .looks_at_pending = looks_at_pending,
        .consumer_position = position,
        .producer_position = position,
        .pending_position = position,
    };
}

static uint32_t *header_at(const struct sim_ring *ring, uint64_t position)
{
    return (uint32_t *)(void *)(ring->data + (position & (ring->size_bytes - 1)));
}

uint64_t sim_ring_end_of(const struct sim_ring *ring, uint64_t position)
{
    const uint32_t size = *header_at(ring, position) & ~(BUSY | DISCARDED);

    return position + ((HEADER_BYTES + size + 7U) & ~7U);
}

unsigned char *sim_ring_reserve(struct sim_ring *ring, uint32_t size_bytes, uint64_t *ret_position)
{
    const uint64_t position = ring->producer_position;
    const uint64_t end = position + ((HEADER_BYTES + size_bytes + 7U) & ~7U);

    while (ring->pending_position < position && !(*header_at(ring, ring->pending_position) & BUSY))
        ring->pending_position = sim_ring_end_of(ring, ring->pending_position);
    if (end - ring->consumer_position > ring->size_bytes - 1 ||
        (ring->looks_at_pending && end - ring->pending_position > ring->size_bytes - 1))
        return NULL;
    *header_at(ring, position) = size_bytes | BUSY;
    ring->producer_position = end;
    if (end - ring->consumer_position > ring->used_peak_bytes)
        ring->used_peak_bytes = end - ring->consumer_position;
    *ret_position = position;
    return ring->data + (position & (ring->size_bytes - 1)) + HEADER_BYTES;
}

void sim_ring_commit(struct sim_ring *ring, uint64_t position, bool discard)
{
    uint32_t *header = header_at(ring, position);

    *header = (*header & ~BUSY) | (discard ? DISCARDED : 0);
}
