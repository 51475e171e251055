/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool's blocks, for the files that make it: ex_pool.c (NT's calls and their rules),
 * ex_pool_blocks.c (the books), ex_pool_memory.c (bytes and guards), host_pool_report.c (leaks, faults).
 */
#ifndef SIMULATED_NT_SIM_POOL_H
#define SIMULATED_NT_SIM_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_POOL_FRAMES 8

struct sim_pool_block {
    struct sim_pool_block *next_in_bucket;
    struct sim_pool_block *next_freed; /* in quarantine, oldest first */
    unsigned char *address;            /* what the driver has */
    size_t bytes;
    uint32_t tag;
    bool paged;
    bool guarded; /* pages of its own; else the host's heap */
    bool freed;
    bool quarantined;                /* freed, and made unusable */
    uint64_t allocated_by, freed_by; /* thread ids */
    void *allocated_at[SIM_POOL_FRAMES];
    void *freed_at[SIM_POOL_FRAMES];
    /* ex_pool_memory.c's: everything that was taken from the host for it. */
    unsigned char *whole;
    size_t whole_bytes;
};

/* ---- ex_pool_memory.c ---------------------------------------------------------------------------------- */

/* Makes the block's bytes, filled with `fill`; bytes, guarded and paged are set. False: no memory. */
bool sim_pool_memory_make(struct sim_pool_block *block, unsigned char fill);
/* The edges are as they were made; else a broken rule in `call`. */
void sim_pool_memory_check_edges(const char *call, const struct sim_pool_block *block);
/* Makes the bytes unusable, so that a later use is seen: at once, or when quarantine is left. */
void sim_pool_memory_forbid(struct sim_pool_block *block);
/* Nobody wrote to it since; else a broken rule. */
void sim_pool_memory_check_freed(const struct sim_pool_block *block);
void sim_pool_memory_drop(struct sim_pool_block *block);

/* ---- ex_pool_blocks.c: all under the pool's lock, which they take ---------------------------------------- */

void sim_pool_enter(void);
void sim_pool_leave(void);
/* Between enter and leave. */
void sim_pool_blocks_add(struct sim_pool_block *block);
struct sim_pool_block *sim_pool_blocks_find(const void *address);
/* The block whose bytes or guards have this address, or NULL. */
struct sim_pool_block *sim_pool_blocks_around(const void *address);
/* Into quarantine; the oldest leave it, and are dropped. */
void sim_pool_blocks_retire(struct sim_pool_block *block);
/* Calls for each block, live and freed. */
void sim_pool_blocks_each(void (*visit)(struct sim_pool_block *block, void *context), void *context);

/* ---- host_pool_report.c ---------------------------------------------------------------------------------- */

/* The text of one block: size, tag, who and where. For messages, behind the call's own line. */
void sim_pool_print_block(const struct sim_pool_block *block);
_Noreturn void sim_pool_broken(const char *call, const struct sim_pool_block *block, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* From the host: a fault there. Comes back only where it is not the pool's. */
void sim_pool_fault(const void *address);

/* ---- host_memory.c --------------------------------------------------------------------------------------- */

/* Pages without access, or NULL. */
void *sim_host_pages_map(size_t bytes);
bool sim_host_pages_permit(void *pages, size_t bytes, bool permit);
void sim_host_pages_drop(void *pages, size_t bytes); /* the content may go */
void sim_host_pages_unmap(void *pages, size_t bytes);
void *sim_host_heap(size_t alignment, size_t bytes); /* not cleared, or NULL; sim_host_free */
/* Code addresses from `first` outwards, which is a return address of a caller; NULL where there are no more. */
void sim_host_frames(void **ret_frames, int count, void *first);
void sim_host_print_code(void *address); /* its name, and the end of the line */

#endif
