/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KMUTEX and KSEMAPHORE: dispatcher objects whose state is a count. A mutex has an owner, may be taken
 * again by it, and may not outlive its thread's work.
 */
#include "simulated_nt/ke_dispatcher.h"

static void enter(const char *call, DISPATCHER_HEADER *header, enum sim_dispatcher_type type, BOOLEAN wait)
{
    sim_require_irql_at_most(call, wait ? APC_LEVEL : DISPATCH_LEVEL);
    sim_dispatcher_enter();
    sim_dispatcher_check(call, header, SIM_TYPE_BIT(type));
}

VOID NTAPI KeInitializeMutex(PRKMUTEX Mutex, ULONG Level)
{
    (void)Level;
    *Mutex = (KMUTEX){.ApcDisable = 1};
    sim_dispatcher_init(&Mutex->Header, SIM_MUTANT, sizeof *Mutex, 1);
}

LONG NTAPI KeReleaseMutex(PRKMUTEX Mutex, BOOLEAN Wait)
{
    static const char call[] = "KeReleaseMutex";
    const PKTHREAD self = KeGetCurrentThread();

    sim_delay_here();
    sim_sync_release(Mutex);
    enter(call, &Mutex->Header, SIM_MUTANT, Wait);
    if (Mutex->OwnerThread != self)
        sim_broken(call, "the mutex at %p is not owned by this thread", (void *)Mutex);
    const LONG before = Mutex->Header.SignalState++;
    if (before == 0) {
        Mutex->OwnerThread = NULL;
        sim_thread_self()->mutexes_owned--;
        sim_dispatcher_wake(&Mutex->Header);
    }
    sim_dispatcher_leave();
    sim_delay_here();
    return before;
}

LONG NTAPI KeReadStateMutex(PRKMUTEX Mutex)
{
    enter("KeReadStateMutex", &Mutex->Header, SIM_MUTANT, FALSE);
    const LONG state = Mutex->Header.SignalState;
    sim_dispatcher_leave();
    return state;
}

VOID NTAPI KeInitializeSemaphore(PRKSEMAPHORE Semaphore, LONG Count, LONG Limit)
{
    if (Count < 0 || Limit <= 0 || Count > Limit)
        sim_broken("KeInitializeSemaphore", "a count of %d and a limit of %d", Count, Limit);
    *Semaphore = (KSEMAPHORE){.Limit = Limit};
    sim_dispatcher_init(&Semaphore->Header, SIM_SEMAPHORE, sizeof *Semaphore, Count);
}

LONG NTAPI KeReleaseSemaphore(PRKSEMAPHORE Semaphore, KPRIORITY Increment, LONG Adjustment, BOOLEAN Wait)
{
    static const char call[] = "KeReleaseSemaphore";

    (void)Increment;
    sim_delay_here();
    sim_sync_release(Semaphore);
    enter(call, &Semaphore->Header, SIM_SEMAPHORE, Wait);
    const LONG before = Semaphore->Header.SignalState;
    if (Adjustment <= 0 || Adjustment > Semaphore->Limit - before)
        sim_broken(call, "the semaphore at %p has the count %d of %d; %d more cannot be", (void *)Semaphore, before,
                   Semaphore->Limit, Adjustment);
    Semaphore->Header.SignalState = before + Adjustment;
    sim_dispatcher_wake(&Semaphore->Header);
    sim_dispatcher_leave();
    sim_delay_here();
    return before;
}

LONG NTAPI KeReadStateSemaphore(PRKSEMAPHORE Semaphore)
{
    enter("KeReadStateSemaphore", &Semaphore->Header, SIM_SEMAPHORE, FALSE);
    const LONG state = Semaphore->Header.SignalState;
    sim_dispatcher_leave();
    return state;
}
