/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a pool block and what stands around them.
 *
 * Guarded: pages of its own between two without access. The block ends at the guard (blocks of a page
 * and more begin at a page, as NT promises, and end before it); what alignment leaves over is filled and
 * checked at free. Once freed, the pages have no access until quarantine is left.
 *
 * Not guarded: the host's heap with filled edges on both sides; once freed, filled too, and looked at when
 * quarantine is left. AddressSanitizer is told of the edges and of the freed bytes.
 */
#include "simulated_nt/sim_internal.h"
#include "simulated_nt/sim_pool.h"

#define PAGE_BYTES    4096U
#define ALIGNMENT     16U
#define EDGE_BYTES    32U
#define FRONT_BYTES   128U /* looked at before a small guarded block */
#define EDGE_PATTERN  0xbeU
#define FREED_PATTERN 0xddU

static size_t round_up(size_t bytes, size_t to)
{
    return (bytes + to - 1) / to * to;
}

static unsigned char *end_of(const struct sim_pool_block *block)
{
    return block->address + block->bytes;
}

/* What stands before and behind the block's bytes, and can be written to. */
static size_t bytes_before(const struct sim_pool_block *block)
{
    const unsigned char *start = block->guarded ? block->whole + PAGE_BYTES : block->whole;
    const size_t all = (size_t)(block->address - start);
    return block->guarded && all > FRONT_BYTES ? FRONT_BYTES : all;
}

static size_t bytes_behind(const struct sim_pool_block *block)
{
    const unsigned char *end = block->whole + block->whole_bytes - (block->guarded ? PAGE_BYTES : 0);
    return (size_t)(end - end_of(block));
}

static bool make_guarded(struct sim_pool_block *block)
{
    const size_t room = round_up(block->bytes, ALIGNMENT);
    const size_t data = round_up(room, PAGE_BYTES);

    block->whole_bytes = data + 2 * (size_t)PAGE_BYTES;
    block->whole = sim_host_pages_map(block->whole_bytes);
    if (block->whole == NULL)
        return false;
    if (!sim_host_pages_permit(block->whole + PAGE_BYTES, data, true)) {
        sim_host_pages_unmap(block->whole, block->whole_bytes);
        return false;
    }
    block->address = block->whole + PAGE_BYTES + (block->bytes >= PAGE_BYTES ? 0 : data - room);
    return true;
}

static bool make_from_heap(struct sim_pool_block *block)
{
    const size_t alignment = block->bytes >= PAGE_BYTES ? PAGE_BYTES : EDGE_BYTES;

    block->whole_bytes = round_up(alignment + block->bytes + EDGE_BYTES, alignment);
    block->whole = sim_host_heap(alignment, block->whole_bytes);
    if (block->whole == NULL)
        return false;
    block->address = block->whole + alignment;
    return true;
}

bool sim_pool_memory_make(struct sim_pool_block *block, unsigned char fill)
{
    if (block->bytes > SIZE_MAX / 2)
        return false;
    if (!(block->guarded ? make_guarded(block) : make_from_heap(block)))
        return false;
    const size_t before = bytes_before(block);
    const size_t behind = bytes_behind(block);
    __builtin_memset(block->address - before, EDGE_PATTERN, before);
    __builtin_memset(end_of(block), EDGE_PATTERN, behind);
    __builtin_memset(block->address, fill, block->bytes);
    sim_memory_forbid(block->address - before, before);
    sim_memory_forbid(end_of(block), behind);
    return true;
}

/* The first byte that differs, or NULL. */
static const unsigned char *first_other(const unsigned char *bytes, size_t count, unsigned char pattern)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != pattern)
            return &bytes[i];
    return NULL;
}

void sim_pool_memory_check_edges(const char *call, const struct sim_pool_block *block)
{
    const size_t before = bytes_before(block);
    const size_t behind = bytes_behind(block);

    sim_memory_permit(block->address - before, before);
    sim_memory_permit(end_of(block), behind);
    const unsigned char *under = first_other(block->address - before, before, EDGE_PATTERN);
    const unsigned char *over = first_other(end_of(block), behind, EDGE_PATTERN);
    if (under != NULL)
        sim_pool_broken(call, block, "byte -%zu, before the block, was written", (size_t)(block->address - under));
    if (over != NULL)
        sim_pool_broken(call, block, "byte %zu, behind the block's end, was written", (size_t)(over - block->address));
    sim_memory_forbid(block->address - before, before);
    sim_memory_forbid(end_of(block), behind);
}

void sim_pool_memory_forbid(struct sim_pool_block *block)
{
    if (block->guarded) {
        unsigned char *data = block->whole + PAGE_BYTES;
        const size_t data_bytes = block->whole_bytes - 2 * (size_t)PAGE_BYTES;
        sim_memory_permit(data, data_bytes); /* the pages' own protection says it now */
        (void)sim_host_pages_permit(data, data_bytes, false);
        sim_host_pages_drop(data, data_bytes);
        return;
    }
    __builtin_memset(block->address, FREED_PATTERN, block->bytes);
    sim_memory_forbid(block->address, block->bytes);
}

void sim_pool_memory_check_freed(const struct sim_pool_block *block)
{
    if (block->guarded)
        return;
    sim_memory_permit(block->address, block->bytes);
    const unsigned char *changed = first_other(block->address, block->bytes, FREED_PATTERN);
    if (changed != NULL)
        sim_pool_broken("the pool's quarantine", block, "byte %zu was written after the block was freed",
                        (size_t)(changed - block->address));
    sim_memory_forbid(block->address, block->bytes);
}

void sim_pool_memory_drop(struct sim_pool_block *block)
{
    if (block->guarded) {
        sim_host_pages_unmap(block->whole, block->whole_bytes);
        return;
    }
    sim_memory_permit(block->whole, block->whole_bytes);
    sim_host_free(block->whole);
}
