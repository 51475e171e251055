/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IRQL of each thread, which Windows keeps in CR8, and critical regions. There is one simulated
 * processor a thread, so a raise keeps nobody else from running: what is enforced is who may call what.
 */
#include <ntddk.h>

#include "simulated_nt/sim_internal.h"

unsigned char sim_irql(void)
{
    return sim_thread_self()->irql;
}

void sim_irql_set(unsigned char irql)
{
    sim_thread_self()->irql = irql;
}

void sim_require_irql_at_most(const char *call, unsigned char max)
{
    const unsigned char irql = sim_irql();
    if (irql > max)
        sim_broken(call, "called at IRQL %u; at most %u is allowed", irql, max);
}

void sim_require_irql_exactly(const char *call, unsigned char irql)
{
    if (sim_irql() != irql)
        sim_broken(call, "called at IRQL %u; it has to be %u", sim_irql(), irql);
}

unsigned long long sim_cr8_read(void)
{
    return sim_irql();
}

static bool is_called(const char *caller, const char *name)
{
    while (*caller != '\0' && *caller == *name) {
        caller++;
        name++;
    }
    return *caller == *name;
}

/* A spin lock's holder stays at DISPATCH_LEVEL, a fast mutex's at APC_LEVEL, until it releases. */
static void require_locks_allow(const char *caller, unsigned long long irql)
{
    const struct sim_thread *self = sim_thread_self();

    for (unsigned i = 0; i < self->lock_count; i++) {
        const struct sim_lock_held *held = &self->locks[i];
        const unsigned least = held->kind == SIM_LOCK_SPIN ? DISPATCH_LEVEL : APC_LEVEL;
        if (irql < least && held->kind != SIM_LOCK_FAST_MUTEX_UNSAFE)
            sim_broken(caller, "lowers the IRQL to %llu while the %s at %p is held", irql,
                       sim_lock_kind_name(held->kind), held->address);
    }
}

void sim_cr8_write(const char *caller, unsigned long long irql)
{
    const unsigned char now = sim_irql();

    if (irql > HIGH_LEVEL)
        sim_broken(caller, "there is no IRQL %llu", irql);
    if (is_called(caller, "KfRaiseIrql") && irql < now)
        sim_broken("KeRaiseIrql", "raises the IRQL from %u to %llu, which is lower", now, irql);
    if (is_called(caller, "KeLowerIrql") && irql > now)
        sim_broken(caller, "lowers the IRQL from %u to %llu, which is higher", now, irql);
    if (irql < now)
        require_locks_allow(caller, irql);
    sim_irql_set((unsigned char)irql);
}

VOID NTAPI KeEnterCriticalRegion(VOID)
{
    sim_require_irql_at_most("KeEnterCriticalRegion", APC_LEVEL);
    sim_thread_self()->critical_regions++;
}

VOID NTAPI KeLeaveCriticalRegion(VOID)
{
    sim_require_irql_at_most("KeLeaveCriticalRegion", APC_LEVEL);
    if (sim_thread_self()->critical_regions == 0)
        sim_broken("KeLeaveCriticalRegion", "this thread is in no critical region");
    sim_thread_self()->critical_regions--;
}

BOOLEAN NTAPI KeAreApcsDisabled(VOID)
{
    const struct sim_thread *self = sim_thread_self();
    return self->critical_regions != 0 || self->irql >= APC_LEVEL;
}

void sim_block_thread_begin(const char *call)
{
    struct sim_thread *self = sim_thread_self();

    sim_require_irql_at_most(call, APC_LEVEL);
    for (unsigned i = 0; i < self->lock_count; i++)
        if (self->locks[i].kind == SIM_LOCK_SPIN)
            sim_broken(call, "waits while the spin lock at %p is held", self->locks[i].address);
    self->blocked_in = call;
}

void sim_block_thread_end(void)
{
    sim_thread_self()->blocked_in = NULL;
}
