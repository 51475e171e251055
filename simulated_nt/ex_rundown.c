/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rundown protection: uses are counted in steps of EX_RUNDOWN_COUNT_INC, EX_RUNDOWN_ACTIVE says that no
 * more are given. Whoever waits for the release of all sees everything that users did before theirs.
 */
#include <ntddk.h>

#include "simulated_nt/sim_internal.h"

static struct sim_host_lock release_lock;
static struct sim_host_condition released;

VOID FASTCALL ExInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    sim_require_irql_at_most("ExInitializeRundownProtection", DISPATCH_LEVEL);
    __atomic_store_n(&RunRef->Count, 0, __ATOMIC_RELEASE);
}

BOOLEAN FASTCALL ExAcquireRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    ULONG_PTR count = __atomic_load_n(&RunRef->Count, __ATOMIC_RELAXED);

    sim_require_irql_at_most("ExAcquireRundownProtection", DISPATCH_LEVEL);
    sim_delay_here();
    do {
        if ((count & EX_RUNDOWN_ACTIVE) != 0)
            return FALSE;
    } while (!__atomic_compare_exchange_n(&RunRef->Count, &count, count + EX_RUNDOWN_COUNT_INC, FALSE, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    sim_delay_here();
    return TRUE;
}

VOID FASTCALL ExReleaseRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    static const char call[] = "ExReleaseRundownProtection";

    sim_require_irql_at_most(call, DISPATCH_LEVEL);
    sim_delay_here();
    /* Under the lock, so that a waiter that frees the reference does not do so under our hands. */
    sim_own_begin();
    sim_host_lock_acquire(&release_lock);
    sim_own_end();
    const ULONG_PTR before = __atomic_fetch_sub(&RunRef->Count, EX_RUNDOWN_COUNT_INC, __ATOMIC_ACQ_REL);
    sim_own_begin();
    if (before < EX_RUNDOWN_COUNT_INC)
        sim_broken(call, "the rundown reference at %p is released more often than acquired", (void *)RunRef);
    sim_host_condition_wake_all(&released);
    sim_host_lock_release(&release_lock);
    sim_own_end();
}

VOID FASTCALL ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef)
{
    static const char call[] = "ExWaitForRundownProtectionRelease";

    sim_block_thread_begin(call);
    (void)__atomic_fetch_or(&RunRef->Count, EX_RUNDOWN_ACTIVE, __ATOMIC_ACQ_REL);
    sim_delay_here();
    sim_own_begin();
    sim_host_lock_acquire(&release_lock);
    while (__atomic_load_n(&RunRef->Count, __ATOMIC_ACQUIRE) != EX_RUNDOWN_ACTIVE)
        sim_host_condition_wait(&released, &release_lock);
    sim_host_lock_release(&release_lock);
    sim_own_end();
    (void)__atomic_load_n(&RunRef->Count, __ATOMIC_ACQUIRE); /* the one that ThreadSanitizer sees */
    sim_block_thread_end();
}

VOID FASTCALL ExRundownCompleted(PEX_RUNDOWN_REF RunRef)
{
    sim_require_irql_at_most("ExRundownCompleted", APC_LEVEL);
    __atomic_store_n(&RunRef->Count, EX_RUNDOWN_ACTIVE, __ATOMIC_RELEASE);
}

VOID FASTCALL ExReInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    static const char call[] = "ExReInitializeRundownProtection";

    sim_require_irql_at_most(call, APC_LEVEL);
    if (__atomic_load_n(&RunRef->Count, __ATOMIC_ACQUIRE) != EX_RUNDOWN_ACTIVE)
        sim_broken(call, "the rundown of %p is not complete", (void *)RunRef);
    __atomic_store_n(&RunRef->Count, 0, __ATOMIC_RELEASE);
}
