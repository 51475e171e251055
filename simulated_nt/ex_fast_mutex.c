/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FAST_MUTEX: the inlined ExInitializeFastMutex of the headers decides what is in it, and the algorithm
 * here lives on exactly that. Bit 0 of Count says free; FM_LOCK_WAITER_INC counts those that wait
 * on the embedded event; FM_LOCK_WAITER_WOKEN says that one of them is on its way. Without
 * contention only Count is touched, so a mutex that was moved works until two threads meet: that is why
 * its place is checked at each acquisition.
 */
#include <ntddk.h>

#include "simulated_nt/ke_dispatcher.h"

#define FREE       1
#define WOKEN      2
#define ONE_WAITER 4
#define IS_FREE(n) (((n)&FREE) != 0)
#define WAITERS(n) ((n) >= ONE_WAITER)

static BOOLEAN replace(PFAST_MUTEX mutex, LONG *old, LONG new)
{
    return __atomic_compare_exchange_n(&mutex->Count, old, new, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static LONG count_of(PFAST_MUTEX mutex)
{
    return __atomic_load_n(&mutex->Count, __ATOMIC_RELAXED);
}

static void require_sane(const char *call, PFAST_MUTEX mutex, LONG count)
{
    if (count < 0)
        sim_broken(call, "the FAST_MUTEX at %p has the count %d: overwritten, or never initialised", (void *)mutex,
                   count);
}

static void take(const char *call, PFAST_MUTEX mutex)
{
    LONG woken = 0; /* WOKEN while it is this thread that was woken */
    LONG old = count_of(mutex);

    for (;;) {
        require_sane(call, mutex, old);
        if (IS_FREE(old)) {
            if (replace(mutex, &old, (old & ~FREE) & ~woken))
                return;
        } else if (replace(mutex, &old, (old + ONE_WAITER) & ~woken)) {
            (void)__atomic_add_fetch(&mutex->Contention, 1, __ATOMIC_RELAXED);
            (void)KeWaitForSingleObject(&mutex->Event, WrFastMutex, KernelMode, FALSE, NULL);
            woken = WOKEN;
            old = count_of(mutex);
        }
    }
}

static BOOLEAN try_take(const char *call, PFAST_MUTEX mutex)
{
    LONG old = count_of(mutex);

    do {
        require_sane(call, mutex, old);
        if (!IS_FREE(old))
            return FALSE;
    } while (!replace(mutex, &old, old & ~FREE));
    return TRUE;
}

static void give(const char *call, PFAST_MUTEX mutex)
{
    LONG old = count_of(mutex);

    for (;;) {
        if (old < 0 || IS_FREE(old))
            sim_broken(call, "the FAST_MUTEX at %p is held, but its count is %d: overwritten", (void *)mutex, old);
        if (!WAITERS(old) || (old & WOKEN) != 0) {
            if (replace(mutex, &old, old | FREE))
                return;
        } else if (replace(mutex, &old, ((old - ONE_WAITER) | WOKEN) | FREE)) {
            (void)KeSetEvent(&mutex->Event, 0, FALSE);
            return;
        }
    }
}

/* ---- rules ---------------------------------------------------------------------------------------------- */

static void before_acquire(const char *call, PFAST_MUTEX mutex)
{
    sim_require_irql_at_most(call, APC_LEVEL);
    if (sim_lock_find(mutex) != NULL)
        sim_broken(call, "the FAST_MUTEX at %p is already held by this thread", (void *)mutex);
    sim_dispatcher_check_place(call, &mutex->Event.Header);
    sim_delay_here();
}

static void after_acquire(PFAST_MUTEX mutex, enum sim_lock_kind kind, KIRQL before, void *caller)
{
    mutex->Owner = KeGetCurrentThread();
    if (kind == SIM_LOCK_FAST_MUTEX)
        mutex->OldIrql = before;
    sim_lock_note_acquired(kind, mutex, before, caller);
    sim_delay_here();
}

static KIRQL before_release(const char *call, PFAST_MUTEX mutex, enum sim_lock_kind kind)
{
    const struct sim_lock_held *held = sim_lock_find(mutex);

    if (held == NULL)
        sim_broken(call, "the FAST_MUTEX at %p is not held by this thread (its owner is %p, this is %p)", (void *)mutex,
                   (void *)mutex->Owner, (void *)KeGetCurrentThread());
    if (held->kind != kind)
        sim_broken(call, "the %s at %p was not acquired by the function that goes with this one",
                   sim_lock_kind_name(held->kind), (void *)mutex);
    if (mutex->Owner != KeGetCurrentThread())
        sim_broken(call, "the owner of the FAST_MUTEX at %p was overwritten with %p", (void *)mutex,
                   (void *)mutex->Owner);
    sim_dispatcher_check_place(call, &mutex->Event.Header);
    sim_delay_here();
    return held->irql_before;
}

/* Whoever held two and releases the outer first would run on below what the inner one needs. */
static void lower_to(const char *call, PFAST_MUTEX mutex, KIRQL irql)
{
    const struct sim_thread *self = sim_thread_self();

    for (unsigned i = 0; irql < APC_LEVEL && i < self->lock_count; i++)
        if (self->locks[i].kind == SIM_LOCK_FAST_MUTEX)
            sim_broken(call, "releasing the FAST_MUTEX at %p lowers the IRQL to %u while the one at %p is held",
                       (void *)mutex, irql, self->locks[i].address);
    sim_irql_set(irql);
}

VOID FASTCALL ExAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    static const char call[] = "ExAcquireFastMutex";

    before_acquire(call, FastMutex);
    const KIRQL before = sim_irql();
    sim_irql_set(APC_LEVEL);
    take(call, FastMutex);
    after_acquire(FastMutex, SIM_LOCK_FAST_MUTEX, before, __builtin_return_address(0));
}

BOOLEAN FASTCALL ExTryToAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    static const char call[] = "ExTryToAcquireFastMutex";

    before_acquire(call, FastMutex);
    if (!try_take(call, FastMutex))
        return FALSE;
    const KIRQL before = sim_irql();
    sim_irql_set(APC_LEVEL);
    after_acquire(FastMutex, SIM_LOCK_FAST_MUTEX, before, __builtin_return_address(0));
    return TRUE;
}

VOID FASTCALL ExReleaseFastMutex(PFAST_MUTEX FastMutex)
{
    static const char call[] = "ExReleaseFastMutex";
    const KIRQL before = before_release(call, FastMutex, SIM_LOCK_FAST_MUTEX);

    sim_require_irql_exactly(call, APC_LEVEL);
    if (FastMutex->OldIrql != before)
        sim_broken(call, "the FAST_MUTEX at %p would restore IRQL %u; %u was saved", (void *)FastMutex,
                   FastMutex->OldIrql, before);
    sim_lock_note_released(FastMutex);
    FastMutex->Owner = NULL;
    give(call, FastMutex);
    lower_to(call, FastMutex, before);
    sim_delay_here();
}

VOID FASTCALL ExAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    static const char call[] = "ExAcquireFastMutexUnsafe";

    before_acquire(call, FastMutex);
    if (!KeAreApcsDisabled())
        sim_broken(call, "APCs are not disabled: neither APC_LEVEL nor a critical region");
    take(call, FastMutex);
    after_acquire(FastMutex, SIM_LOCK_FAST_MUTEX_UNSAFE, sim_irql(), __builtin_return_address(0));
}

VOID FASTCALL ExReleaseFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    static const char call[] = "ExReleaseFastMutexUnsafe";

    (void)before_release(call, FastMutex, SIM_LOCK_FAST_MUTEX_UNSAFE);
    sim_require_irql_at_most(call, APC_LEVEL);
    if (!KeAreApcsDisabled())
        sim_broken(call, "APCs were enabled while the FAST_MUTEX at %p was held", (void *)FastMutex);
    sim_lock_note_released(FastMutex);
    FastMutex->Owner = NULL;
    give(call, FastMutex);
    sim_delay_here();
}
