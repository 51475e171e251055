/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events. A KEVENT's wait list points at itself, so an event has one address for life: every call
 * checks that it stands where KeInitializeEvent found it.
 */
#include "simulated_nt/ke_dispatcher.h"

static void enter(const char *call, PRKEVENT event)
{
    sim_require_irql_at_most(call, DISPATCH_LEVEL);
    sim_dispatcher_enter();
    sim_dispatcher_check(call, &event->Header, SIM_TYPES_EVENT);
}

VOID NTAPI KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State)
{
    if (Type != NotificationEvent && Type != SynchronizationEvent)
        sim_broken("KeInitializeEvent", "there is no event type %d", (int)Type);
    if ((uintptr_t)Event % _Alignof(KEVENT) != 0)
        sim_broken("KeInitializeEvent", "the event at %p is not aligned", (void *)Event);
    sim_dispatcher_init(&Event->Header, Type == NotificationEvent ? SIM_NOTIFICATION_EVENT : SIM_SYNCHRONIZATION_EVENT,
                        sizeof *Event, State ? 1 : 0);
}

LONG NTAPI KeSetEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    if (Increment < 0)
        sim_broken("KeSetEvent", "a priority increment of %d", (int)Increment);
    if (Wait)
        sim_require_irql_at_most("KeSetEvent with Wait", APC_LEVEL);
    sim_delay_here();
    sim_sync_release(Event);
    enter("KeSetEvent", Event);
    const LONG before = Event->Header.SignalState;
    Event->Header.SignalState = 1;
    sim_dispatcher_wake(&Event->Header);
    sim_dispatcher_leave();
    sim_delay_here();
    return before;
}

LONG NTAPI KePulseEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    (void)Increment;
    if (Wait)
        sim_require_irql_at_most("KePulseEvent with Wait", APC_LEVEL);
    sim_sync_release(Event);
    enter("KePulseEvent", Event);
    const LONG before = Event->Header.SignalState;
    Event->Header.SignalState = 1;
    sim_dispatcher_wake(&Event->Header);
    Event->Header.SignalState = 0;
    sim_dispatcher_leave();
    return before;
}

LONG NTAPI KeResetEvent(PRKEVENT Event)
{
    enter("KeResetEvent", Event);
    const LONG before = Event->Header.SignalState;
    Event->Header.SignalState = 0;
    sim_dispatcher_leave();
    return before;
}

VOID NTAPI KeClearEvent(PRKEVENT Event)
{
    enter("KeClearEvent", Event);
    Event->Header.SignalState = 0;
    sim_dispatcher_leave();
}

LONG NTAPI KeReadStateEvent(PRKEVENT Event)
{
    enter("KeReadStateEvent", Event);
    const LONG state = Event->Header.SignalState;
    sim_dispatcher_leave();
    if (state != 0)
        sim_sync_acquire(Event);
    return state;
}
