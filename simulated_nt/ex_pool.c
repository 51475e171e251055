/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pool: NT's calls and the rules for their arguments, tags and IRQL. Executable pool, tags that a
 * debugger could not show and blocks without bytes are refused; what is freed must be a live block,
 * by its own tag, with nothing in use in it.
 */
#include <ntddk.h>

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/ke_registry.h"
#include "simulated_nt/newer_nt.h"
#include "simulated_nt/sim_internal.h"
#include "simulated_nt/sim_pool.h"

/* POOL_FLAGS of ExAllocatePool2, learn.microsoft.com; in no header of mingw-w64 10. */
#define FLAG_USE_QUOTA     0x01ULL
#define FLAG_UNINITIALIZED 0x02ULL
#define FLAG_CACHE_ALIGNED 0x08ULL
#define FLAG_NON_PAGED     0x40ULL
#define FLAG_PAGED         0x100ULL

#define POOL_COLD 256 /* POOL_COLD_ALLOCATION */

static bool guard = true;
static unsigned char poison = 0xa5;

void sim_pool_guard(bool new_guard)
{
    __atomic_store_n(&guard, new_guard, __ATOMIC_RELAXED);
}

void sim_pool_poison(unsigned char byte)
{
    __atomic_store_n(&poison, byte, __ATOMIC_RELAXED);
}

static void check_tag(const char *call, ULONG tag)
{
    BOOLEAN ended = FALSE;

    if ((tag & 0xff) == 0)
        sim_broken(call, "the tag 0x%08x has no letter", tag);
    for (unsigned i = 0; i < 4; i++) {
        const ULONG letter = tag >> 8 * i & 0xff;
        ended = ended || letter == 0;
        if (ended ? letter != 0 : letter < ' ' || letter > '~')
            sim_broken(call, "the tag 0x%08x has a character that is no printable ASCII", tag);
    }
}

static void note_frames(struct sim_pool_block *block, void **frames, void *caller)
{
    if (block->guarded)
        sim_host_frames(frames, SIM_POOL_FRAMES, caller);
    else
        frames[0] = caller; /* unwinding would cost more than the allocation */
}

static PVOID allocate(const char *call, BOOLEAN paged, SIZE_T bytes, ULONG tag, unsigned char fill, void *caller)
{
    sim_require_irql_at_most(call, paged ? APC_LEVEL : DISPATCH_LEVEL);
    check_tag(call, tag);
    if (bytes == 0)
        sim_broken(call, "an allocation of 0 bytes");
    if (sim_fault_here(call, caller))
        return NULL;
    sim_own_begin();
    struct sim_pool_block *block = sim_host_allocate(sizeof *block);
    block->bytes = bytes;
    block->tag = tag;
    block->paged = paged != FALSE;
    block->guarded = __atomic_load_n(&guard, __ATOMIC_RELAXED);
    block->allocated_by = sim_thread_self()->thread_id;
    note_frames(block, block->allocated_at, caller);
    if (block->guarded)
        sim_host_watch_faults(sim_pool_fault);
    PVOID address = NULL;
    if (sim_pool_memory_make(block, fill)) {
        address = block->address;
        sim_registry_begin_anew(address, bytes);
        sim_pool_enter();
        sim_pool_blocks_add(block);
        sim_pool_leave();
    } else {
        sim_host_free(block);
    }
    sim_own_end();
    return address;
}

static BOOLEAN is_paged(const char *call, ULONG type)
{
    switch (type & ~(ULONG)POOL_COLD) {
    case PagedPool:
    case PagedPoolCacheAligned:
        return TRUE;
    case NonPagedPoolNx:
    case NonPagedPoolNxCacheAligned:
        return FALSE;
    case NonPagedPool:
    case NonPagedPoolCacheAligned:
        sim_broken(call, "executable pool (type %u); NonPagedPoolNx is the one to ask for", type);
    default:
        sim_broken(call, "pool type %u, which the simulator refuses", type);
    }
}

#undef ExAllocatePoolWithTag
PVOID NTAPI ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    static const char call[] = "ExAllocatePoolWithTag";
    return allocate(call, is_paged(call, (ULONG)PoolType), NumberOfBytes, Tag,
                    __atomic_load_n(&poison, __ATOMIC_RELAXED), __builtin_return_address(0));
}

PVOID NTAPI ExAllocatePool2(ULONG64 Flags, SIZE_T NumberOfBytes, ULONG Tag)
{
    static const char call[] = "ExAllocatePool2";
    const ULONG64 known = FLAG_USE_QUOTA | FLAG_UNINITIALIZED | FLAG_CACHE_ALIGNED | FLAG_NON_PAGED | FLAG_PAGED;
    const ULONG64 kind = Flags & (FLAG_NON_PAGED | FLAG_PAGED);

    if ((Flags & ~known) != 0)
        sim_broken(call, "flags 0x%llx, of which the simulator refuses 0x%llx", Flags, Flags & ~known);
    if (kind != FLAG_NON_PAGED && kind != FLAG_PAGED)
        sim_broken(call, "flags 0x%llx name not exactly one kind of pool", Flags);
    return allocate(call, kind == FLAG_PAGED, NumberOfBytes, Tag,
                    (Flags & FLAG_UNINITIALIZED) != 0 ? __atomic_load_n(&poison, __ATOMIC_RELAXED) : 0,
                    __builtin_return_address(0));
}

/* ---- free --------------------------------------------------------------------------------------------- */

static void require_no_lock_inside(const char *call, const struct sim_pool_block *block)
{
    const struct sim_thread *self = sim_thread_self();

    for (unsigned i = 0; i < self->lock_count; i++)
        if ((uintptr_t)self->locks[i].address - (uintptr_t)block->address < block->bytes)
            sim_pool_broken(call, block, "the %s at %p, in the block, is held", sim_lock_kind_name(self->locks[i].kind),
                            self->locks[i].address);
}

/* Checks and marks it freed in one go, so that of two threads that free it one is told. */
static struct sim_pool_block *claim(const char *call, const void *address, ULONG tag, void *caller)
{
    sim_pool_enter();
    struct sim_pool_block *block = sim_pool_blocks_find(address);
    if (block == NULL) {
        const struct sim_pool_block *around = sim_pool_blocks_around(address);
        if (around != NULL)
            sim_pool_broken(call, around, "%p is not the start of the block", address);
        sim_broken(call, "%p is not from the pool, or was freed long ago", address);
    }
    if (block->freed)
        sim_pool_broken(call, block, "the block was freed before");
    if (tag != 0 && tag != block->tag)
        sim_pool_broken(call, block, "freed with the tag 0x%08x, allocated with 0x%08x", tag, block->tag);
    if (block->paged && sim_irql() > APC_LEVEL)
        sim_pool_broken(call, block, "paged pool freed at IRQL %u", sim_irql());
    require_no_lock_inside(call, block);
    block->freed = true;
    block->freed_by = sim_thread_self()->thread_id;
    note_frames(block, block->freed_at, caller);
    sim_pool_leave();
    return block;
}

static void free_block(const char *call, PVOID address, ULONG tag, void *caller)
{
    sim_require_irql_at_most(call, DISPATCH_LEVEL);
    if (address == NULL)
        sim_broken(call, "the address is NULL");
    struct sim_pool_block *block = claim(call, address, tag, caller);
    sim_registry_forget(call, block->address, block->bytes);
    sim_memory_written(block->address, block->bytes);
    sim_own_begin();
    sim_pool_memory_check_edges(call, block);
    sim_pool_memory_forbid(block);
    sim_pool_enter();
    sim_pool_blocks_retire(block);
    sim_pool_leave();
    sim_own_end();
}

VOID NTAPI ExFreePoolWithTag(PVOID P, ULONG Tag)
{
    free_block("ExFreePoolWithTag", P, Tag, __builtin_return_address(0));
}

#undef ExFreePool
VOID NTAPI ExFreePool(PVOID P)
{
    free_block("ExFreePool", P, 0, __builtin_return_address(0));
}
