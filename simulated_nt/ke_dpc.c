/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deferred procedure calls: one thread of the simulator runs them in turn, at DISPATCH_LEVEL, started
 * with the first. A DPC is out of the queue before its routine runs, so the routine may queue or free it.
 */
#include "simulated_nt/ke_dpc.h"
#include "simulated_nt/ke_registry.h"
#include "simulated_nt/sim_internal.h"

#define DPC_OBJECT 19 /* KDPC.Type, as the kernel's own KOBJECTS */

static struct sim_host_lock queue_lock;
static struct sim_host_condition changed;
static LIST_ENTRY queue = {&queue, &queue};
static BOOLEAN running;            /* a routine is under way */
static uint64_t worker_process_id; /* whose worker runs: a fork has none */

static void enter(void)
{
    sim_own_begin();
    sim_host_lock_acquire(&queue_lock);
}

static void leave(void)
{
    sim_host_lock_release(&queue_lock);
    sim_own_end();
}

static const char *use_of(const void *object)
{
    return ((const KDPC *)object)->DpcData != NULL ? "the DPC is queued" : NULL;
}

static void run(const KDPC *dpc, PRKDPC original)
{
    sim_sync_acquire(original);
    sim_irql_set(DISPATCH_LEVEL);
    dpc->DeferredRoutine(original, dpc->DeferredContext, dpc->SystemArgument1, dpc->SystemArgument2);
    sim_require_as_before("the return from a DPC routine", DISPATCH_LEVEL);
    sim_irql_set(PASSIVE_LEVEL);
    sim_sync_release(&queue); /* for KeFlushQueuedDpcs */
}

static void *worker(void *context)
{
    (void)context;
    enter();
    for (;;) {
        while (IsListEmpty(&queue))
            sim_host_condition_wait(&changed, &queue_lock);
        PRKDPC dpc = CONTAINING_RECORD(RemoveHeadList(&queue), KDPC, DpcListEntry);
        const KDPC copy = *dpc;
        dpc->DpcData = NULL;
        running = TRUE;
        leave();
        sim_delay_here();
        run(&copy, dpc);
        enter();
        running = FALSE;
        sim_host_condition_wake_all(&changed);
    }
    return NULL;
}

static void start_worker(void)
{
    if (worker_process_id == sim_host_process_id())
        return;
    worker_process_id = sim_host_process_id();
    if (sim_host_thread_start_detached(worker, NULL) != 0)
        sim_broken("the simulator", "the host makes no thread for DPCs");
}

VOID NTAPI KeInitializeDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext)
{
    if (DeferredRoutine == NULL)
        sim_broken("KeInitializeDpc", "there is no routine");
    *Dpc = (KDPC){.Type = DPC_OBJECT,
                  .Importance = MediumImportance,
                  .DeferredRoutine = DeferredRoutine,
                  .DeferredContext = DeferredContext};
    sim_registry_add(SIM_REGISTERED_DPC, Dpc, use_of);
}

static void check(const char *call, PRKDPC dpc)
{
    if (!sim_registry_has(SIM_REGISTERED_DPC, dpc))
        sim_broken(call, "the DPC at %p was not initialised there by KeInitializeDpc", (void *)dpc);
}

BOOLEAN sim_dpc_queue(const char *call, PRKDPC dpc, PVOID argument1, PVOID argument2)
{
    check(call, dpc);
    sim_host_lock_acquire(&queue_lock);
    const BOOLEAN fresh = dpc->DpcData == NULL;
    if (fresh) {
        dpc->SystemArgument1 = argument1;
        dpc->SystemArgument2 = argument2;
        dpc->DpcData = &queue;
        InsertTailList(&queue, &dpc->DpcListEntry);
        start_worker();
        sim_host_condition_wake_all(&changed);
    }
    sim_host_lock_release(&queue_lock);
    return fresh;
}

BOOLEAN NTAPI KeInsertQueueDpc(PRKDPC Dpc, PVOID SystemArgument1, PVOID SystemArgument2)
{
    sim_sync_release(Dpc);
    sim_own_begin();
    const BOOLEAN queued = sim_dpc_queue("KeInsertQueueDpc", Dpc, SystemArgument1, SystemArgument2);
    sim_own_end();
    return queued;
}

BOOLEAN NTAPI KeRemoveQueueDpc(PRKDPC Dpc)
{
    check("KeRemoveQueueDpc", Dpc);
    enter();
    const BOOLEAN queued = Dpc->DpcData != NULL;
    if (queued) {
        (void)RemoveEntryList(&Dpc->DpcListEntry);
        Dpc->DpcData = NULL;
    }
    leave();
    return queued;
}

VOID NTAPI KeFlushQueuedDpcs(VOID)
{
    static const char call[] = "KeFlushQueuedDpcs";

    sim_require_irql_exactly(call, PASSIVE_LEVEL);
    sim_block_thread_begin(call);
    enter();
    while (running || !IsListEmpty(&queue))
        sim_host_condition_wait(&changed, &queue_lock);
    leave();
    sim_sync_acquire(&queue);
    sim_block_thread_end();
}
