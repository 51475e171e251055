/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mm: MDLs for direct I/O. The I/O manager locks a program's buffer and describes it by an MDL; a driver
 * reaches it through MmGetSystemAddressForMdlSafe alone. So the memory behind an MDL cannot be touched before
 * it is mapped, and has a guard page behind its last byte; the page that Windows would map beyond the buffer
 * is nothing to rely on.
 */
#include "simulated_nt/io_internal.h"

struct mdl_block {
    PVOID memory; /* guarded */
    size_t bytes;
    uint32_t is_mapped; /* atomic */
    MDL mdl;
};

static struct mdl_block *block_of(const char *call, MDL *mdl)
{
    struct mdl_block *block = CONTAINING_RECORD(mdl, struct mdl_block, mdl);

    if (!sim_guard_is_live(block))
        sim_broken(call, "%p is not an MDL, or not any more", (void *)mdl);
    return block;
}

MDL *sim_mdl_create(const char *name, void *buffer, size_t bytes)
{
    struct mdl_block *block = sim_guard_allocate(sizeof(*block), 0, 0, "the MDL of %s", name);

    block->memory = sim_guard_allocate(bytes, (unsigned)((ULONG_PTR)buffer % 16), 0, "the direct buffer of %s", name);
    block->bytes = bytes;
    __builtin_memcpy(block->memory, buffer, bytes);
    sim_guard_permit(block->memory, false);
    block->mdl.Size = sizeof(MDL);
    block->mdl.MdlFlags = MDL_PAGES_LOCKED;
    block->mdl.StartVa = (PVOID)((ULONG_PTR)block->memory & ~(ULONG_PTR)0xfff);
    block->mdl.ByteOffset = (ULONG)((ULONG_PTR)block->memory & 0xfff);
    block->mdl.ByteCount = (ULONG)bytes;
    return &block->mdl;
}

void sim_mdl_finish(MDL *mdl, void *buffer)
{
    struct mdl_block *block = block_of("IoCompleteRequest", mdl);
    void *memory = block->memory;

    if (__atomic_load_n(&block->is_mapped, __ATOMIC_ACQUIRE) != 0)
        __builtin_memcpy(buffer, memory, block->bytes);
    sim_guard_free("IoCompleteRequest", memory, "is unmapped: its IRP was completed");
    sim_guard_free("IoCompleteRequest", block, "is gone: its IRP was completed");
}

PVOID NTAPI MmMapLockedPagesSpecifyCache(IN PMDLX MemoryDescriptorList, IN KPROCESSOR_MODE AccessMode,
                                         IN MEMORY_CACHING_TYPE CacheType, IN PVOID BaseAddress OPTIONAL,
                                         IN ULONG BugCheckOnFailure, IN MM_PAGE_PRIORITY Priority)
{
    static const char call[] = "MmMapLockedPagesSpecifyCache";
    struct mdl_block *block;

    sim_require_irql_at_most(call, DISPATCH_LEVEL);
    block = block_of(call, MemoryDescriptorList);
    (void)BaseAddress;
    (void)Priority;
    if (AccessMode != KernelMode || CacheType != MmCached)
        sim_broken(call, "MDL %p: mode %d, cache type %d: only a cached mapping for the kernel is safe here",
                   (void *)MemoryDescriptorList, AccessMode, (int)CacheType);
    if (BugCheckOnFailure)
        sim_broken(call, "MDL %p: BugCheckOnFailure is set", (void *)MemoryDescriptorList);
    if (sim_fault_here(call, __builtin_return_address(0)))
        return NULL;
    if (__atomic_exchange_n(&block->is_mapped, 1, __ATOMIC_ACQ_REL) != 0)
        sim_broken(call, "MDL %p is mapped already", (void *)MemoryDescriptorList);
    sim_guard_permit(block->memory, true);
    MemoryDescriptorList->MappedSystemVa = block->memory;
    MemoryDescriptorList->MdlFlags |= MDL_MAPPED_TO_SYSTEM_VA;
    return block->memory;
}

VOID NTAPI MmUnmapLockedPages(IN PVOID BaseAddress, IN PMDL MemoryDescriptorList)
{
    struct mdl_block *block;

    sim_require_irql_at_most("MmUnmapLockedPages", DISPATCH_LEVEL);
    block = block_of("MmUnmapLockedPages", MemoryDescriptorList);
    sim_broken("MmUnmapLockedPages", "MDL %p at %p is the I/O manager's, which unmaps it when the IRP completes (%p)",
               (void *)MemoryDescriptorList, block->memory, BaseAddress);
}
