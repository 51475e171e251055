/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for dispatcher objects, and delays. A wait really stands in each object's list, with a
 * KWAIT_BLOCK on the waiter's stack; whoever raises an object's state decides who is woken.
 */
#include "simulated_nt/ke_dispatcher.h"
#include "simulated_nt/ke_registry.h"
#include "simulated_nt/ps_thread.h"

#define NS_PER_TICK 100

uint64_t sim_timeout_end_ns(const LARGE_INTEGER *timeout)
{
    const uint64_t now = sim_host_monotonic_ns();
    LARGE_INTEGER system_time;

    if (timeout->QuadPart < 0) {
        const uint64_t ticks = 0 - (uint64_t)timeout->QuadPart;
        return ticks > (UINT64_MAX - now) / NS_PER_TICK ? UINT64_MAX : now + ticks * NS_PER_TICK;
    }
    KeQuerySystemTime(&system_time);
    if (timeout->QuadPart <= system_time.QuadPart)
        return now;
    const uint64_t ticks = (uint64_t)(timeout->QuadPart - system_time.QuadPart);
    return ticks > (UINT64_MAX - now) / NS_PER_TICK ? UINT64_MAX : now + ticks * NS_PER_TICK;
}

static void check_arguments(const char *call, KWAIT_REASON reason, KPROCESSOR_MODE mode, BOOLEAN alertable)
{
    if (reason < Executive || reason >= MaximumWaitReason)
        sim_broken(call, "there is no wait reason %d", (int)reason);
    if (mode != KernelMode && mode != UserMode)
        sim_broken(call, "there is no processor mode %d", (int)mode);
    if (alertable != FALSE && alertable != TRUE)
        sim_broken(call, "Alertable is %u", alertable);
}

/* A block may stand on the stack where an event once did: that is forgotten. */
static void insert_blocks(struct sim_wait *wait)
{
    for (ULONG i = 0; i < wait->count; i++) {
        DISPATCHER_HEADER *header = wait->blocks[i].Object;
        sim_registry_remove(SIM_REGISTERED_DISPATCHER,
                            CONTAINING_RECORD(&wait->blocks[i].WaitListEntry, DISPATCHER_HEADER, WaitListHead));
        InsertTailList(&header->WaitListHead, &wait->blocks[i].WaitListEntry);
    }
}

static void remove_blocks(struct sim_wait *wait)
{
    for (ULONG i = 0; i < wait->count; i++)
        (void)RemoveEntryList(&wait->blocks[i].WaitListEntry);
}

/* Under the dispatcher lock. A signal that comes with the timeout wins. */
static void sleep_until(struct sim_wait *wait, uint64_t end_ns)
{
    while (!wait->done) {
        if (end_ns == UINT64_MAX) {
            sim_host_condition_wait(&wait->condition, sim_dispatcher_lock());
        } else if (!sim_host_condition_wait_until(&wait->condition, sim_dispatcher_lock(), end_ns) && !wait->done) {
            remove_blocks(wait);
            wait->status = STATUS_TIMEOUT;
            return;
        }
    }
}

static void check_objects(const char *call, const struct sim_wait *wait)
{
    for (ULONG i = 0; i < wait->count; i++)
        sim_dispatcher_check(call, wait->blocks[i].Object, SIM_TYPES_ANY);
}

static void wait_blocked(const char *call, struct sim_wait *wait, const LARGE_INTEGER *timeout)
{
    const uint64_t end_ns = timeout == NULL ? UINT64_MAX : sim_timeout_end_ns(timeout);

    sim_block_thread_begin(call);
    insert_blocks(wait);
    sleep_until(wait, end_ns);
    sim_block_thread_end();
    if (wait->status != STATUS_TIMEOUT)
        check_objects(call, wait);
}

static void note_order(const struct sim_wait *wait)
{
    if (wait->status == STATUS_TIMEOUT)
        return;
    for (ULONG i = 0; i < wait->count; i++)
        if (wait->all || (ULONG)(wait->status - STATUS_WAIT_0) == i)
            sim_sync_acquire(wait->blocks[i].Object);
}

static NTSTATUS wait_for(const char *call, struct sim_wait *wait, const LARGE_INTEGER *timeout)
{
    const BOOLEAN may_block = timeout == NULL || timeout->QuadPart != 0;

    sim_require_irql_at_most(call, may_block ? APC_LEVEL : DISPATCH_LEVEL);
    if (may_block) { /* also where it need not wait this time */
        sim_block_thread_begin(call);
        sim_block_thread_end();
    }
    wait->thread = KeGetCurrentThread();
    wait->thread_state = sim_thread_self();
    for (ULONG i = 0; i < wait->count; i++) {
        wait->blocks[i].Thread = (PKTHREAD)(void *)wait;
        wait->blocks[i].WaitKey = (USHORT)i;
    }
    sim_delay_here();
    sim_dispatcher_enter();
    check_objects(call, wait);
    if (!sim_wait_try(wait)) {
        wait->status = STATUS_TIMEOUT;
        if (may_block)
            wait_blocked(call, wait, timeout);
    }
    sim_dispatcher_leave();
    note_order(wait);
    sim_delay_here();
    return wait->status;
}

NTSTATUS NTAPI KeWaitForSingleObject(PVOID Object, KWAIT_REASON WaitReason, KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                                     PLARGE_INTEGER Timeout)
{
    KWAIT_BLOCK block = {.Object = Object};
    struct sim_wait wait = {.blocks = &block, .count = 1, .status = STATUS_WAIT_0};

    check_arguments("KeWaitForSingleObject", WaitReason, WaitMode, Alertable);
    return wait_for("KeWaitForSingleObject", &wait, Timeout);
}

NTSTATUS NTAPI KeWaitForMultipleObjects(ULONG Count, PVOID Object[], WAIT_TYPE WaitType, KWAIT_REASON WaitReason,
                                        KPROCESSOR_MODE WaitMode, BOOLEAN Alertable, PLARGE_INTEGER Timeout,
                                        PKWAIT_BLOCK WaitBlockArray)
{
    static const char call[] = "KeWaitForMultipleObjects";
    KWAIT_BLOCK own_blocks[THREAD_WAIT_OBJECTS];
    struct sim_wait wait = {.count = Count, .all = WaitType == WaitAll};

    check_arguments(call, WaitReason, WaitMode, Alertable);
    if (Count == 0 || Count > MAXIMUM_WAIT_OBJECTS)
        sim_broken(call, "%u objects; 1 to %d are allowed", Count, MAXIMUM_WAIT_OBJECTS);
    if (WaitBlockArray == NULL && Count > THREAD_WAIT_OBJECTS)
        sim_broken(call, "%u objects and no array of wait blocks; that serves for %d", Count, THREAD_WAIT_OBJECTS);
    if (WaitType != WaitAll && WaitType != WaitAny)
        sim_broken(call, "there is no wait type %d", (int)WaitType);
    wait.blocks = WaitBlockArray != NULL ? WaitBlockArray : own_blocks;
    for (ULONG i = 0; i < Count; i++)
        wait.blocks[i] = (KWAIT_BLOCK){.Object = Object[i]};
    return wait_for(call, &wait, Timeout);
}

NTSTATUS NTAPI KeDelayExecutionThread(KPROCESSOR_MODE WaitMode, BOOLEAN Alertable, PLARGE_INTEGER Interval)
{
    static const char call[] = "KeDelayExecutionThread";

    check_arguments(call, Executive, WaitMode, Alertable);
    if (Interval == NULL)
        sim_broken(call, "there is no interval");
    sim_block_thread_begin(call);
    const uint64_t end_ns = sim_timeout_end_ns(Interval);
    const uint64_t now_ns = sim_host_monotonic_ns();
    if (end_ns > now_ns)
        sim_host_sleep_ns(end_ns - now_ns);
    else
        sim_host_yield();
    sim_block_thread_end();
    return STATUS_SUCCESS;
}
