/* SPDX-License-Identifier: Apache-2.0 */
/* ring.h */
#include "ring.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* include/uapi/linux/bpf.h: the header before each record, a 32-bit length with two flag bits */
#define RECORD_BUSY         (1U << 31)
#define RECORD_DISCARDED    (1U << 30)
#define RECORD_HEADER_BYTES 8U

bool ring_init(struct ring *ring, int map_fd, size_t size_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
    unsigned char *producer;

    if (consumer == MAP_FAILED)
        return false;
    producer = mmap(NULL, page + 2 * size_bytes, PROT_READ, MAP_SHARED, map_fd, (off_t)page);
    if (producer == MAP_FAILED) {
        munmap(consumer, page);
        return false;
    }
    ring->consumer_position = consumer;
    ring->producer_position = (const uint64_t *)(const void *)producer;
    ring->data = producer + page;
    ring->size_bytes = size_bytes;
    ring->page_bytes = page;
    ring->position = *ring->consumer_position;
    return true;
}

void ring_deinit(struct ring *ring)
{
    if (!ring->consumer_position)
        return;
    munmap(ring->consumer_position, ring->page_bytes);
    munmap((void *)(uintptr_t)ring->producer_position, ring->page_bytes + 2 * ring->size_bytes);
    ring->consumer_position = NULL;
}

bool ring_has_more(const struct ring *ring)
{
    return __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE) != ring->position;
}

const void *ring_next(struct ring *ring, uint32_t *ret_size_bytes)
{
    while (ring_has_more(ring)) {
        const unsigned char *header = ring->data + (ring->position & (ring->size_bytes - 1));
        uint32_t length = __atomic_load_n((const uint32_t *)(const void *)header, __ATOMIC_ACQUIRE);
        uint32_t size = length & ~(RECORD_BUSY | RECORD_DISCARDED);

        if (length & RECORD_BUSY)
            return NULL;
        ring->position += (RECORD_HEADER_BYTES + size + 7U) & ~7U;
        if (length & RECORD_DISCARDED)
            continue;
        *ret_size_bytes = size;
        return header + RECORD_HEADER_BYTES;
    }
    return NULL;
}

size_t ring_used(const struct ring *ring)
{
    uint64_t consumer, producer;

    /* Both of one moment: what is released in between may be in use again, and would count twice. */
    do {
        consumer = __atomic_load_n(ring->consumer_position, __ATOMIC_ACQUIRE);
        producer = __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE);
    } while (__atomic_load_n(ring->consumer_position, __ATOMIC_ACQUIRE) != consumer);
    return (size_t)(producer - consumer);
}

bool ring_oldest(const struct ring *ring, void *ret_bytes, size_t size_bytes)
{
    uint64_t consumer = __atomic_load_n(ring->consumer_position, __ATOMIC_ACQUIRE);
    const unsigned char *header = ring->data + (consumer & (ring->size_bytes - 1));
    uint32_t length;

    if (__atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE) == consumer)
        return false;
    length = __atomic_load_n((const uint32_t *)(const void *)header, __ATOMIC_ACQUIRE);
    if (length & (RECORD_BUSY | RECORD_DISCARDED) || length < size_bytes)
        return false;
    memcpy(ret_bytes, header + RECORD_HEADER_BYTES, size_bytes);
    /* What was released meanwhile may have been written over. */
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(ring->consumer_position, __ATOMIC_ACQUIRE) == consumer;
}

struct ring ring_between(const struct ring *ring, uint64_t from, const uint64_t *until)
{
    return (struct ring){
        .producer_position = until, .data = ring->data, .size_bytes = ring->size_bytes, .position = from};
}

void ring_ack(const struct ring *ring, uint64_t position)
{
    __atomic_store_n(ring->consumer_position, position, __ATOMIC_RELEASE);
}
