/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_guard.h on mmap. A block has pages of its own and one behind it that is never accessible; freed, it
 * stays mapped and inaccessible until QUARANTINE_BLOCKS others were freed after it.
 *
 * Rejected: AddressSanitizer's poison alone, since ThreadSanitizer and plain builds have to see it too.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "simulated_nt/sim_guard.h"
#include "simulated_nt/sim_internal.h"

#define PAGE_BYTES        4096U
#define BUCKETS           4096U
#define QUARANTINE_BLOCKS 2048U
#define EDGE_PATTERN      0xE7
#define ALIGNMENT         16U

/* Of LeakSanitizer's run time, where it is there: what only a block points to is no leak. */
extern void __lsan_register_root_region(const void *begin, size_t bytes) __attribute__((weak));
extern void __lsan_unregister_root_region(const void *begin, size_t bytes) __attribute__((weak));

struct guard_block {
    struct guard_block *next_in_bucket;
    unsigned char *pages;
    size_t page_bytes; /* without the page behind */
    unsigned char *memory;
    size_t bytes;
    bool is_live;
    bool is_permitted;
    const char *freed_why;
    char name[SIM_GUARD_NAME_BYTES];
};

static pthread_mutex_t guard_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct guard_block *buckets[BUCKETS];
static struct guard_block *quarantine[QUARANTINE_BLOCKS];
static size_t quarantine_next;

static void guard_lock(void)
{
    sim_own_begin();
    (void)pthread_mutex_lock(&guard_mutex);
}

static void guard_unlock(void)
{
    (void)pthread_mutex_unlock(&guard_mutex);
    sim_own_end();
}

/* ---- faults ----------------------------------------------------------------------------------- */

static const struct guard_block *block_around(const unsigned char *address)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        for (const struct guard_block *block = buckets[i]; block != NULL; block = block->next_in_bucket)
            if (address >= block->pages && address < block->pages + block->page_bytes + PAGE_BYTES)
                return block;
    return NULL;
}

/* Without the lock: the thread that faulted may hold it, and the run ends anyway. */
static void explain_fault(const void *fault)
{
    const unsigned char *address = fault;
    const struct guard_block *block = block_around(address);

    if (block == NULL)
        return;
    if (!block->is_live)
        sim_broken("an access to memory", "byte %td of %s at %p, which %s", address - block->memory, block->name,
                   (const void *)block->memory, block->freed_why);
    if (address >= block->memory + block->bytes)
        sim_broken("an access to memory", "%td bytes behind the end of %s at %p, which has %zu bytes",
                   address - block->memory - (ptrdiff_t)block->bytes, block->name, (const void *)block->memory,
                   block->bytes);
    sim_broken("an access to memory", "byte %td of %s at %p, which is not mapped", address - block->memory, block->name,
               (const void *)block->memory);
}

/* ---- blocks ----------------------------------------------------------------------------------- */

static struct guard_block **bucket_of(const void *memory)
{
    return &buckets[((uintptr_t)memory / PAGE_BYTES) % BUCKETS];
}

static struct guard_block *find(const void *memory)
{
    struct guard_block *block = *bucket_of(memory);

    while (block != NULL && block->memory != memory)
        block = block->next_in_bucket;
    return block;
}

static void forget(struct guard_block *block)
{
    struct guard_block **link = bucket_of(block->memory);

    while (*link != block)
        link = &(*link)->next_in_bucket;
    *link = block->next_in_bucket;
    (void)munmap(block->pages, block->page_bytes + PAGE_BYTES);
    free(block);
}

static void map_block(struct guard_block *block, size_t bytes, unsigned phase)
{
    size_t start;

    block->page_bytes = (bytes + phase + ALIGNMENT + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    block->pages =
        mmap(NULL, block->page_bytes + PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block->pages == MAP_FAILED || mprotect(block->pages + block->page_bytes, PAGE_BYTES, PROT_NONE) != 0)
        sim_broken("the simulator", "the host has no pages left for %zu bytes", bytes);
    start = block->page_bytes - bytes;
    start -= (start + ALIGNMENT - phase) % ALIGNMENT;
    block->memory = block->pages + start;
    block->bytes = bytes;
    memset(block->pages, EDGE_PATTERN, block->page_bytes);
    if (__lsan_register_root_region)
        __lsan_register_root_region(block->pages, block->page_bytes);
}

void *sim_guard_allocate(size_t bytes, unsigned phase, uint8_t fill, const char *format, ...)
{
    struct guard_block *block;
    va_list arguments;

    guard_lock();
    sim_host_watch_faults(explain_fault);
    block = calloc(1, sizeof(*block));
    if (block == NULL)
        sim_broken("the simulator", "the host has no memory left");
    va_start(arguments, format);
    (void)vsnprintf(block->name, sizeof(block->name), format, arguments);
    va_end(arguments);
    map_block(block, bytes, phase % ALIGNMENT);
    memset(block->memory, fill, bytes);
    block->is_live = true;
    block->is_permitted = true;
    block->next_in_bucket = *bucket_of(block->memory);
    *bucket_of(block->memory) = block;
    guard_unlock();
    return block->memory;
}

static void check_edges(const char *call, const struct guard_block *block)
{
    for (const unsigned char *at = block->pages; at < block->memory; at++)
        if (*at != EDGE_PATTERN)
            sim_broken(call, "%s at %p was written %td bytes in front of its start", block->name,
                       (const void *)block->memory, block->memory - at);
    for (const unsigned char *at = block->memory + block->bytes; at < block->pages + block->page_bytes; at++)
        if (*at != EDGE_PATTERN)
            sim_broken(call, "%s at %p was written %td bytes behind its %zu", block->name, (const void *)block->memory,
                       at - block->memory - (ptrdiff_t)block->bytes, block->bytes);
}

void sim_guard_free(const char *call, void *memory, const char *why)
{
    struct guard_block *block;

    guard_lock();
    block = find(memory);
    if (block == NULL || !block->is_live)
        sim_broken(call, "%p is no block of memory, or not any more", memory);
    if (!block->is_permitted)
        (void)mprotect(block->pages, block->page_bytes, PROT_READ);
    check_edges(call, block);
    if (__lsan_unregister_root_region)
        __lsan_unregister_root_region(block->pages, block->page_bytes);
    block->is_live = false;
    block->freed_why = why;
    (void)madvise(block->pages, block->page_bytes, MADV_DONTNEED);
    (void)mprotect(block->pages, block->page_bytes, PROT_NONE);
    if (quarantine[quarantine_next] != NULL)
        forget(quarantine[quarantine_next]);
    quarantine[quarantine_next] = block;
    quarantine_next = (quarantine_next + 1) % QUARANTINE_BLOCKS;
    guard_unlock();
}

void sim_guard_permit(void *memory, bool permit)
{
    struct guard_block *block;

    guard_lock();
    block = find(memory);
    if (block != NULL && block->is_live) {
        (void)mprotect(block->pages, block->page_bytes, permit ? PROT_READ | PROT_WRITE : PROT_NONE);
        block->is_permitted = permit;
    }
    guard_unlock();
}

bool sim_guard_is_live(const void *memory)
{
    const struct guard_block *block;
    bool is_live;

    guard_lock();
    block = find(memory);
    is_live = block != NULL && block->is_live;
    guard_unlock();
    return is_live;
}

bool sim_guard_describe(const void *memory, char ret_name[SIM_GUARD_NAME_BYTES], const char **ret_why)
{
    const struct guard_block *block;

    guard_lock();
    block = find(memory);
    if (block != NULL) {
        (void)snprintf(ret_name, SIM_GUARD_NAME_BYTES, "%s", block->name);
        *ret_why = block->is_live ? "is in use" : block->freed_why;
    }
    guard_unlock();
    return block != NULL;
}
