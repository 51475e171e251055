/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_events.h: the callback of PsSetCreateProcessNotifyRoutineEx. The kernel calls it at PASSIVE_LEVEL:
 * for a start in the thread that creates the process, before its first instruction; for an exit in the last
 * thread of the process (learn.microsoft.com, PCREATE_PROCESS_NOTIFY_ROUTINE_EX).
 *
 * Whoever starts a process waits for it, so it reads what is at hand, copies it into the queue, and wakes
 * the reader's thread. It never changes CreationStatus, opens no handle, and takes no lock but the queue's.
 * Whatever cannot be read is left out and named; no failure makes a process invisible.
 */
#include "driver_nt/process_events.h"

#include "driver_nt/event_texts.h"
#include "driver_nt/process_facts.h"
#include "platform/nt_platform.h"
#include "platform/platform.h"

/* The callback is given no context, so this is where it finds the driver. Written while it is not
 * registered. */
static _Atomic(struct driver *) live_driver;

static void start_report(struct driver *driver, PEPROCESS process, uint32_t pid, const PS_CREATE_NOTIFY_INFO *info)
{
    struct muster_process_start start = {
        .record =
            {
                .type = MUSTER_EVENT_PROCESS_START,
                .flags = MUSTER_RECORD_WTF8,
                .fixed_bytes = sizeof start,
                .time_ns = muster_nt_platform_time_ns(),
            },
    };
    struct event_texts texts;

    process_facts_of_start(&start, process, pid, info);
    event_texts_init(&texts, &start, info, process);
    (void)muster_queue_push_process_start(driver->queue, &start, texts.texts, texts.count);
    event_texts_deinit(&texts);
}

static void exit_report(struct driver *driver, PEPROCESS process, uint32_t pid)
{
    struct muster_process_exit exit = {
        .record =
            {
                .type = MUSTER_EVENT_PROCESS_EXIT,
                .flags = MUSTER_RECORD_WTF8,
                .fixed_bytes = sizeof exit,
                .time_ns = muster_nt_platform_time_ns(),
            },
    };

    process_facts_of_exit(&exit, process, pid);
    (void)muster_queue_push_process_exit(driver->queue, &exit, NULL, 0);
}

static void NTAPI process_notify(PEPROCESS process, HANDLE process_id, PPS_CREATE_NOTIFY_INFO info)
{
    struct driver *driver = atomic_load_explicit(&live_driver, memory_order_acquire);
    const uint32_t pid = (uint32_t)(ULONG_PTR)process_id;

    if (info != NULL)
        start_report(driver, process, pid, info);
    else
        exit_report(driver, process, pid);
    reader_wake(&driver->reader);
}

NTSTATUS process_events_start(struct driver *driver)
{
    NTSTATUS status;

    atomic_store_explicit(&live_driver, driver, memory_order_release);
    status = PsSetCreateProcessNotifyRoutineEx(process_notify, FALSE);
    if (!NT_SUCCESS(status))
        atomic_store_explicit(&live_driver, NULL, memory_order_release);
    driver->process_events = NT_SUCCESS(status);
    return status;
}

void process_events_stop(struct driver *driver)
{
    if (!NT_SUCCESS(PsSetCreateProcessNotifyRoutineEx(process_notify, TRUE)))
        muster_platform_panic("process callback could not be removed; going on would unload code that is called");
    driver->process_events = false;
    atomic_store_explicit(&live_driver, NULL, memory_order_release);
}
