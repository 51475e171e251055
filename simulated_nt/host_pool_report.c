/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said of pool blocks: leaks by tag, what a broken rule's block is, and whose guard page a
 * fault hit.
 */
#include <stdarg.h>
#include <stdio.h>

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/sim_internal.h"
#include "simulated_nt/sim_pool.h"

#define TEXT_BYTES 256

static void tag_text(uint32_t tag, char text[5])
{
    for (unsigned i = 0; i < 4; i++) {
        const char letter = (char)(tag >> 8 * i);
        text[i] = '.';
        if (letter >= ' ' && letter <= '~')
            text[i] = letter;
    }
    text[4] = '\0';
}

static void print_frames(const char *what, uint64_t thread_id, void *const *frames)
{
    sim_host_print("    %s by thread %llu at\n", what, (unsigned long long)thread_id);
    for (unsigned i = 0; i < SIM_POOL_FRAMES && frames[i] != NULL; i++) {
        sim_host_print("      ");
        sim_host_print_code(frames[i]);
    }
}

void sim_pool_print_block(const struct sim_pool_block *block)
{
    char tag[5];

    tag_text(block->tag, tag);
    sim_host_print("  the block at %p: %zu bytes of %s pool, tag '%s'%s\n", (void *)block->address, block->bytes,
                   block->paged ? "paged" : "non-paged", tag, block->freed ? ", freed" : "");
    print_frames("allocated", block->allocated_by, block->allocated_at);
    if (block->freed)
        print_frames("freed", block->freed_by, block->freed_at);
}

_Noreturn void sim_pool_broken(const char *call, const struct sim_pool_block *block, const char *format, ...)
{
    char text[TEXT_BYTES], tag[5];
    va_list arguments;

    sim_own_begin();
    tag_text(block->tag, tag);
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sim_pool_print_block(block);
    sim_broken(call, "%s (block at %p, %zu bytes, tag '%s')", text, (void *)block->address, block->bytes, tag);
}

/* The books are read without their lock: this thread may hold it, and the run ends here. */
void sim_pool_fault(const void *address)
{
    sim_own_begin();
    const struct sim_pool_block *block = sim_pool_blocks_around(address);
    if (block == NULL) {
        sim_own_end();
        return;
    }
    const char *call = "a memory access";
    const unsigned char *at = address;
    if (block->freed)
        sim_pool_broken(call, block, "byte %lld was touched after the block was freed",
                        (long long)(at - block->address));
    sim_pool_broken(call, block, "byte %lld was touched, outside the block: its guard page",
                    (long long)(at - block->address));
}

/* ---- leaks ------------------------------------------------------------------------------------------------ */

struct count {
    uint32_t tag;
    bool print;
    size_t blocks, bytes;
};

static void count_live(struct sim_pool_block *block, void *context)
{
    struct count *count = context;

    if (block->freed || (count->tag != 0 && block->tag != count->tag))
        return;
    count->blocks++;
    count->bytes += block->bytes;
    if (!count->print)
        return;
    sim_host_print("simulated_nt: leaked pool:\n");
    sim_pool_print_block(block);
}

static struct count count_of(uint32_t tag, bool print)
{
    struct count count = {.tag = tag, .print = print};

    sim_pool_enter();
    sim_pool_blocks_each(count_live, &count);
    sim_pool_leave();
    return count;
}

size_t sim_pool_live_bytes(uint32_t tag)
{
    return count_of(tag, false).bytes;
}

size_t sim_pool_live_blocks(uint32_t tag)
{
    return count_of(tag, false).blocks;
}

size_t sim_pool_check_leaks(uint32_t tag)
{
    return count_of(tag, true).blocks;
}

void sim_pool_require_no_leaks(const char *call, uint32_t tag)
{
    const struct count count = count_of(tag, true);
    char text[5];

    tag_text(tag, text);
    if (count.blocks != 0)
        sim_broken(call, "%zu blocks of pool (%zu bytes, tag '%s') were not freed", count.blocks, count.bytes,
                   tag == 0 ? "any" : text);
}

static void check_block(struct sim_pool_block *block, void *context)
{
    (void)context;
    if (block->quarantined)
        sim_pool_memory_check_freed(block);
    else if (!block->freed) /* else another thread is at it */
        sim_pool_memory_check_edges("sim_pool_check_all", block);
}

void sim_pool_check_all(void)
{
    sim_pool_enter();
    sim_pool_blocks_each(check_block, NULL);
    sim_pool_leave();
}
