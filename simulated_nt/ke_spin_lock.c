/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spin locks. The word holds the owner's thread, with bit 0 set; the holder is at DISPATCH_LEVEL. A lock
 * has to have been initialised where it stands, has one owner, and goes back to the IRQL it came from.
 */
#include <ntddk.h>

#include "simulated_nt/ke_registry.h"
#include "simulated_nt/sim_internal.h"

#define AT_DPC_LEVEL 0xff /* irql_before of a lock whose acquire raised nothing */

static const char *use_of(const void *object)
{
    return __atomic_load_n((const KSPIN_LOCK *)object, __ATOMIC_RELAXED) != 0 ? "the spin lock is held" : NULL;
}

VOID NTAPI KeInitializeSpinLock(PKSPIN_LOCK SpinLock)
{
    __atomic_store_n(SpinLock, 0, __ATOMIC_RELEASE);
    sim_registry_add(SIM_REGISTERED_SPIN_LOCK, SpinLock, use_of);
}

static void before_acquire(const char *call, PKSPIN_LOCK lock)
{
    if (sim_lock_find(lock) != NULL)
        sim_broken(call, "the spin lock at %p is already held by this thread", (void *)lock);
    if (!sim_registry_has(SIM_REGISTERED_SPIN_LOCK, lock))
        sim_broken(call, "the spin lock at %p was not initialised there by KeInitializeSpinLock", (void *)lock);
    sim_delay_here();
}

static BOOLEAN try_take(PKSPIN_LOCK lock)
{
    KSPIN_LOCK free = 0;
    return __atomic_compare_exchange_n(lock, &free, (KSPIN_LOCK)(ULONG_PTR)KeGetCurrentThread() | 1, FALSE,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void take(PKSPIN_LOCK lock, KIRQL before, void *caller)
{
    while (!try_take(lock))
        sim_host_yield();
    sim_lock_note_acquired(SIM_LOCK_SPIN, lock, before, caller);
    sim_delay_here();
}

static KIRQL before_release(const char *call, PKSPIN_LOCK lock)
{
    const struct sim_lock_held *held = sim_lock_find(lock);

    if (held == NULL)
        sim_broken(call, "the spin lock at %p is not held by this thread (the lock's word is 0x%llx)", (void *)lock,
                   (unsigned long long)__atomic_load_n(lock, __ATOMIC_RELAXED));
    if (__atomic_load_n(lock, __ATOMIC_RELAXED) != ((KSPIN_LOCK)(ULONG_PTR)KeGetCurrentThread() | 1))
        sim_broken(call, "the spin lock at %p was overwritten while it was held", (void *)lock);
    sim_require_irql_exactly(call, DISPATCH_LEVEL);
    sim_delay_here();
    return held->irql_before;
}

static void give(PKSPIN_LOCK lock)
{
    sim_lock_note_released(lock);
    __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
    sim_delay_here();
}

KIRQL NTAPI KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock)
{
    static const char call[] = "KeAcquireSpinLock";

    sim_require_irql_at_most(call, DISPATCH_LEVEL);
    before_acquire(call, SpinLock);
    const KIRQL before = sim_irql();
    sim_irql_set(DISPATCH_LEVEL);
    take(SpinLock, before, __builtin_return_address(0));
    return before;
}

static void require_no_spin_lock(const char *call, KIRQL irql)
{
    const struct sim_thread *self = sim_thread_self();

    for (unsigned i = 0; irql < DISPATCH_LEVEL && i < self->lock_count; i++)
        if (self->locks[i].kind == SIM_LOCK_SPIN)
            sim_broken(call, "lowers the IRQL to %u while the spin lock at %p is held", irql, self->locks[i].address);
}

VOID NTAPI KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql)
{
    static const char call[] = "KeReleaseSpinLock";
    const KIRQL before = before_release(call, SpinLock);

    if (before == AT_DPC_LEVEL)
        sim_broken(call, "the spin lock at %p was acquired by KeAcquireSpinLockAtDpcLevel", (void *)SpinLock);
    if (NewIrql != before)
        sim_broken(call, "the spin lock at %p restores IRQL %u; it was acquired at %u", (void *)SpinLock, NewIrql,
                   before);
    give(SpinLock);
    require_no_spin_lock(call, NewIrql);
    sim_irql_set(NewIrql);
}

VOID NTAPI KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    static const char call[] = "KeAcquireSpinLockAtDpcLevel";

    sim_require_irql_exactly(call, DISPATCH_LEVEL);
    before_acquire(call, SpinLock);
    take(SpinLock, AT_DPC_LEVEL, __builtin_return_address(0));
}

BOOLEAN FASTCALL KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    static const char call[] = "KeTryToAcquireSpinLockAtDpcLevel";

    sim_require_irql_exactly(call, DISPATCH_LEVEL);
    before_acquire(call, SpinLock);
    if (!try_take(SpinLock))
        return FALSE;
    sim_lock_note_acquired(SIM_LOCK_SPIN, SpinLock, AT_DPC_LEVEL, __builtin_return_address(0));
    return TRUE;
}

VOID NTAPI KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock)
{
    static const char call[] = "KeReleaseSpinLockFromDpcLevel";

    if (before_release(call, SpinLock) != AT_DPC_LEVEL)
        sim_broken(call, "the spin lock at %p was acquired by KeAcquireSpinLock", (void *)SpinLock);
    give(SpinLock);
}
