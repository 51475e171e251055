/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers: one thread of the simulator, started with the first, signals those that are due and queues their
 * DPCs. A timer that is set may not go away: the pool refuses to free it.
 */
#include "simulated_nt/ke_dispatcher.h"
#include "simulated_nt/ke_dpc.h"

#define NS_PER_MS 1000000ULL

static LIST_ENTRY timers = {&timers, &timers};
static struct sim_host_condition changed;
static uint64_t worker_process_id;

static PKTIMER earliest(void)
{
    PKTIMER first = NULL;

    for (LIST_ENTRY *entry = timers.Flink; entry != &timers; entry = entry->Flink) {
        PKTIMER timer = CONTAINING_RECORD(entry, KTIMER, TimerListEntry);
        if (first == NULL || timer->DueTime.QuadPart < first->DueTime.QuadPart)
            first = timer;
    }
    return first;
}

static BOOLEAN take_out(PKTIMER timer)
{
    const BOOLEAN was = timer->Header.Inserted != 0;

    if (was)
        (void)RemoveEntryList(&timer->TimerListEntry);
    timer->Header.Inserted = 0;
    return was;
}

static void put_in(PKTIMER timer, uint64_t due_ns)
{
    timer->DueTime.QuadPart = due_ns;
    timer->Header.Inserted = 1;
    InsertTailList(&timers, &timer->TimerListEntry);
}

static void expire(PKTIMER timer)
{
    (void)take_out(timer);
    if (timer->Period != 0)
        put_in(timer, timer->DueTime.QuadPart + timer->Period * NS_PER_MS);
    timer->Header.SignalState = 1;
    sim_dispatcher_wake(&timer->Header);
    if (timer->Dpc != NULL)
        (void)sim_dpc_queue("the expiry of a timer", timer->Dpc, NULL, NULL);
}

static void *worker(void *context)
{
    (void)context;
    sim_dispatcher_enter();
    for (;;) {
        PKTIMER timer = earliest();
        if (timer == NULL)
            sim_host_condition_wait(&changed, sim_dispatcher_lock());
        else if (timer->DueTime.QuadPart <= sim_host_monotonic_ns())
            expire(timer);
        else
            (void)sim_host_condition_wait_until(&changed, sim_dispatcher_lock(), timer->DueTime.QuadPart);
    }
    return NULL;
}

static void start_worker(void)
{
    if (worker_process_id == sim_host_process_id())
        return;
    worker_process_id = sim_host_process_id();
    if (sim_host_thread_start_detached(worker, NULL) != 0)
        sim_broken("the simulator", "the host makes no thread for timers");
}

VOID NTAPI KeInitializeTimerEx(PKTIMER Timer, TIMER_TYPE Type)
{
    if (Type != NotificationTimer && Type != SynchronizationTimer)
        sim_broken("KeInitializeTimerEx", "there is no timer type %d", (int)Type);
    *Timer = (KTIMER){.Period = 0};
    sim_dispatcher_init(&Timer->Header, Type == NotificationTimer ? SIM_NOTIFICATION_TIMER : SIM_SYNCHRONIZATION_TIMER,
                        sizeof *Timer, 0);
}

VOID NTAPI KeInitializeTimer(PKTIMER Timer)
{
    KeInitializeTimerEx(Timer, NotificationTimer);
}

static void enter(const char *call, PKTIMER timer)
{
    sim_require_irql_at_most(call, DISPATCH_LEVEL);
    sim_dispatcher_enter();
    sim_dispatcher_check(call, &timer->Header, SIM_TYPES_TIMER);
}

BOOLEAN NTAPI KeSetTimerEx(PKTIMER Timer, LARGE_INTEGER DueTime, LONG Period, PKDPC Dpc)
{
    static const char call[] = "KeSetTimer";

    if (Period < 0)
        sim_broken(call, "a period of %d ms", Period);
    sim_sync_release(Timer);
    if (Dpc != NULL)
        sim_sync_release(Dpc);
    enter(call, Timer);
    const BOOLEAN was = take_out(Timer);
    Timer->Header.SignalState = 0;
    Timer->Period = (ULONG)Period;
    Timer->Dpc = Dpc;
    put_in(Timer, sim_timeout_end_ns(&DueTime));
    start_worker();
    sim_host_condition_wake_all(&changed);
    sim_dispatcher_leave();
    return was;
}

BOOLEAN NTAPI KeSetTimer(PKTIMER Timer, LARGE_INTEGER DueTime, PKDPC Dpc)
{
    return KeSetTimerEx(Timer, DueTime, 0, Dpc);
}

BOOLEAN NTAPI KeCancelTimer(PKTIMER Timer)
{
    enter("KeCancelTimer", Timer);
    const BOOLEAN was = take_out(Timer);
    sim_dispatcher_leave();
    return was;
}

BOOLEAN NTAPI KeReadStateTimer(PKTIMER Timer)
{
    enter("KeReadStateTimer", Timer);
    const BOOLEAN state = Timer->Header.SignalState != 0;
    sim_dispatcher_leave();
    return state;
}
