/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The locks that each thread holds, in the order it took them: for the owner's rules, for the end
 * of a callback or a thread, and for the report of a broken rule.
 */
#include <ntddk.h>

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/sim_internal.h"

const char *sim_lock_kind_name(enum sim_lock_kind kind)
{
    switch (kind) {
    case SIM_LOCK_FAST_MUTEX:
        return "FAST_MUTEX";
    case SIM_LOCK_FAST_MUTEX_UNSAFE:
        return "FAST_MUTEX (taken by ExAcquireFastMutexUnsafe)";
    case SIM_LOCK_SPIN:
        return "spin lock";
    }
    return "lock";
}

void sim_lock_note_acquired(enum sim_lock_kind kind, const void *lock, unsigned char irql_before, void *acquired_at)
{
    struct sim_thread *self = sim_thread_self();

    if (self->lock_count == SIM_LOCKS_HELD_MAX)
        sim_broken("the simulator", "a thread holds more than %u locks", (unsigned)SIM_LOCKS_HELD_MAX);
    self->locks[self->lock_count++] =
        (struct sim_lock_held){.kind = kind, .address = lock, .acquired_at = acquired_at, .irql_before = irql_before};
}

const struct sim_lock_held *sim_lock_find(const void *lock)
{
    const struct sim_thread *self = sim_thread_self();

    for (unsigned i = self->lock_count; i-- > 0;)
        if (self->locks[i].address == lock)
            return &self->locks[i];
    return NULL;
}

void sim_lock_note_released(const void *lock)
{
    struct sim_thread *self = sim_thread_self();

    for (unsigned i = self->lock_count; i-- > 0;) {
        if (self->locks[i].address != lock)
            continue;
        for (unsigned j = i + 1; j < self->lock_count; j++)
            self->locks[j - 1] = self->locks[j];
        self->lock_count--;
        return;
    }
}

void sim_require_no_locks(const char *call)
{
    const struct sim_thread *self = sim_thread_self();

    if (self->lock_count != 0) {
        const struct sim_lock_held *held = &self->locks[self->lock_count - 1];
        sim_broken(call, "the %s at %p is still held", sim_lock_kind_name(held->kind), held->address);
    }
    if (self->mutexes_owned != 0)
        sim_broken(call, "%u mutexes (KMUTEX) are still owned", self->mutexes_owned);
    if (self->critical_regions != 0)
        sim_broken(call, "%u critical regions are still open", self->critical_regions);
}

void sim_require_as_before(const char *call, unsigned char irql)
{
    sim_require_no_locks(call);
    if (sim_irql() != irql)
        sim_broken(call, "came back at IRQL %u; it was called at %u", sim_irql(), irql);
}

void sim_thread_require_clean(const char *call)
{
    sim_require_as_before(call, PASSIVE_LEVEL);
}
