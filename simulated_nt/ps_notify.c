/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps: the routines that are told of processes. A routine runs in the creator's thread, at PASSIVE_LEVEL inside
 * a critical region, and in as many threads at once as create processes. Its removal waits until it has come
 * back everywhere; so a routine that removes itself would wait for ever.
 *
 * The list's lock is invisible to ThreadSanitizer. What orders routines and the rest of the driver is what
 * orders them on Windows: a registration comes before each call, each call before the end of the removal.
 */
#include "simulated_nt/io_internal.h"
#include "simulated_nt/ps_internal.h"

#define ROUTINES_MAX  64U
#define REMOVAL_MAX_S 60U

struct slot {
    PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine; /* notify_lock */
    bool is_removed;                           /* notify_lock: no new calls */
    unsigned in_flight;                        /* notify_lock */
    uint32_t published;                        /* atomic: registration before calls */
    uint32_t returned;                         /* atomic: calls before the removal's end */
};

static struct sim_host_lock notify_lock;
static struct sim_host_condition notify_returned;
static struct slot slots[ROUTINES_MAX];
static __thread struct slot *running; /* the routine that this thread is in */

static void lock(void)
{
    sim_own_begin();
    sim_host_lock_acquire(&notify_lock);
}

static void unlock(void)
{
    sim_host_lock_release(&notify_lock);
    sim_own_end();
}

/* With the lock; a routine that is being removed is not there any more. NULL as routine: a free slot. */
static struct slot *find(PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine)
{
    for (unsigned i = 0; i < ROUTINES_MAX; i++)
        if (slots[i].routine == routine && !slots[i].is_removed)
            return &slots[i];
    return NULL;
}

/* ---- registering ------------------------------------------------------------------------------ */

static NTSTATUS routine_add(PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine)
{
    NTSTATUS status = STATUS_INVALID_PARAMETER;
    struct slot *slot;

    lock();
    slot = find(NULL);
    if (find(routine) == NULL && slot != NULL) {
        sim_own_end();
        __atomic_store_n(&slot->published, 1, __ATOMIC_RELEASE);
        sim_own_begin();
        slot->routine = routine;
        status = STATUS_SUCCESS;
    }
    unlock();
    return status;
}

static void wait_until_returned(struct slot *slot)
{
    uint64_t until_ns = sim_host_monotonic_ns() + REMOVAL_MAX_S * 1000000000ULL;

    while (slot->in_flight != 0)
        if (!sim_host_condition_wait_until(&notify_returned, &notify_lock, until_ns) && slot->in_flight != 0)
            sim_broken("PsSetCreateProcessNotifyRoutineEx", "the routine is still in flight in %u thread(s) after %u s",
                       slot->in_flight, REMOVAL_MAX_S);
}

static NTSTATUS routine_remove(PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine)
{
    struct slot *slot;

    sim_block_thread_begin("PsSetCreateProcessNotifyRoutineEx");
    lock();
    slot = find(routine);
    if (slot != NULL && running == slot)
        sim_broken("PsSetCreateProcessNotifyRoutineEx", "the routine removes itself: this waits for ever");
    if (slot != NULL) {
        slot->is_removed = true;
        wait_until_returned(slot);
        slot->routine = NULL;
        slot->is_removed = false;
    }
    unlock();
    sim_block_thread_end();
    if (slot == NULL)
        return STATUS_PROCEDURE_NOT_FOUND;
    (void)__atomic_load_n(&slot->returned, __ATOMIC_ACQUIRE);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI PsSetCreateProcessNotifyRoutineEx(IN PCREATE_PROCESS_NOTIFY_ROUTINE_EX NotifyRoutine, IN BOOLEAN Remove)
{
    NTSTATUS status;

    sim_require_irql_at_most("PsSetCreateProcessNotifyRoutineEx", PASSIVE_LEVEL);
    if (NotifyRoutine == NULL)
        sim_broken("PsSetCreateProcessNotifyRoutineEx", "the routine is NULL");
    sim_delay_here();
    if (Remove)
        return routine_remove(NotifyRoutine);
    if (!sim_driver_has_integrity())
        return STATUS_ACCESS_DENIED;
    if (sim_fault_here("PsSetCreateProcessNotifyRoutineEx", __builtin_return_address(0)))
        return STATUS_INVALID_PARAMETER;
    status = routine_add(NotifyRoutine);
    /* The routine may well run before its registration returns: time for it to. */
    for (unsigned i = 0; i < 20; i++)
        sim_delay_here();
    return status;
}

/* ---- calling ---------------------------------------------------------------------------------- */

static PCREATE_PROCESS_NOTIFY_ROUTINE_EX enter(struct slot *slot)
{
    PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine = NULL;

    lock();
    if (slot->routine != NULL && !slot->is_removed) {
        routine = slot->routine;
        slot->in_flight++;
    }
    unlock();
    if (routine != NULL)
        (void)__atomic_load_n(&slot->published, __ATOMIC_ACQUIRE);
    return routine;
}

static void leave(struct slot *slot)
{
    (void)__atomic_fetch_add(&slot->returned, 1, __ATOMIC_RELEASE);
    lock();
    slot->in_flight--;
    sim_host_condition_wake_all(&notify_returned);
    unlock();
}

static void call_routine(PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine, struct sim_process *process,
                         PS_CREATE_NOTIFY_INFO *info)
{
    struct sim_call call;

    sim_delay_here();
    sim_thread_self()->critical_regions++;
    sim_call_begin(&call, info != NULL ? "a notify routine (creation)" : "a notify routine (exit)", UserMode);
    routine((PEPROCESS)(void *)process, (HANDLE)process->process_id, info);
    sim_call_end(&call);
    sim_thread_self()->critical_regions--;
    sim_delay_here();
}

void sim_notify_call(struct sim_process *process, PS_CREATE_NOTIFY_INFO *info)
{
    struct slot *outer = running;

    sim_require_irql_at_most("sim_process_create", PASSIVE_LEVEL);
    for (unsigned i = 0; i < ROUTINES_MAX; i++) {
        PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine = enter(&slots[i]);

        if (routine == NULL)
            continue;
        running = &slots[i];
        call_routine(routine, process, info);
        running = outer;
        leave(&slots[i]);
    }
}

size_t sim_notify_routines(void)
{
    size_t count = 0;

    lock();
    for (unsigned i = 0; i < ROUTINES_MAX; i++)
        count += slots[i].routine != NULL;
    unlock();
    return count;
}

void sim_notify_check_leaks(const char *call)
{
    lock();
    for (unsigned i = 0; i < ROUTINES_MAX; i++)
        if (slots[i].routine != NULL)
            sim_broken(call, "notify routine %p is still registered", (void *)(ULONG_PTR)slots[i].routine);
    unlock();
}
