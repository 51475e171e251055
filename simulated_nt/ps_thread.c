/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads: the object of whichever thread asks, and system threads, which a driver makes, which end
 * themselves, and whose objects can be waited for. A thread may not end with a lock held.
 */
#include <ntifs.h>

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/ps_thread.h"
#include "simulated_nt/sim_object.h"

#define SYSTEM_PROCESS_ID 4

static struct sim_kthread *kthread_create(void)
{
    struct sim_kthread *thread = sim_object_create(SIM_OBJECT_THREAD, sizeof *thread, NULL);
    sim_dispatcher_init(&thread->header, SIM_THREAD, sizeof *thread, 0);
    return thread;
}

static struct sim_kthread *adopt(struct sim_kthread *thread)
{
    struct sim_thread *self = sim_thread_self();

    thread->thread_id = self->thread_id;
    thread->process_id = self->process_id;
    self->object = thread;
    return thread;
}

struct sim_kthread *sim_kthread_self(void)
{
    struct sim_thread *self = sim_thread_self();
    return self->object != NULL ? self->object : adopt(kthread_create());
}

/* From the host, when a thread goes that had asked for its object. */
void sim_thread_ended(struct sim_thread *self)
{
    void *object = self->object;

    self->object = NULL;
    if (object != NULL)
        sim_object_dereference("the end of a thread", object);
}

unsigned long long sim_gs_read(unsigned long offset)
{
    switch (offset) {
    case 0x184: /* KPCR: the processor's number */
        return sim_thread_self()->thread_id / 4 % 64;
    case 0x188: /* KPCR: the thread */
        return (uintptr_t)sim_kthread_self();
    default:
        sim_broken("an inlined function", "reads gs:[0x%lx], which the simulator does not have", offset);
    }
}

/* ---- system threads ---------------------------------------------------------------------------------- */

_Noreturn static void end_thread(const char *call, NTSTATUS status)
{
    struct sim_kthread *thread = sim_kthread_self();

    sim_require_as_before(call, PASSIVE_LEVEL);
    sim_sync_release(thread);
    sim_dispatcher_enter();
    thread->exit_status = status;
    thread->header.SignalState = 1;
    sim_dispatcher_wake(&thread->header);
    sim_dispatcher_leave();
    sim_host_thread_exit();
}

static void *run_system_thread(void *context)
{
    struct sim_kthread *thread = adopt(context);

    sim_thread_self()->is_system_thread = true;
    thread->routine(thread->context);
    end_thread("the end of a system thread", STATUS_SUCCESS);
}

static void require_kernel_handle(const char *call, const OBJECT_ATTRIBUTES *attributes)
{
    const BOOLEAN kernel = attributes != NULL && (attributes->Attributes & OBJ_KERNEL_HANDLE) != 0;

    if (!kernel && sim_thread_self()->process_id != SYSTEM_PROCESS_ID)
        sim_broken(call, "without OBJ_KERNEL_HANDLE in the context of process %llu, which gets the handle",
                   (unsigned long long)sim_thread_self()->process_id);
}

NTSTATUS NTAPI PsCreateSystemThread(PHANDLE ThreadHandle, ULONG DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                                    HANDLE ProcessHandle, PCLIENT_ID ClientId, PKSTART_ROUTINE StartRoutine,
                                    PVOID StartContext)
{
    static const char call[] = "PsCreateSystemThread";

    (void)DesiredAccess;
    sim_require_irql_exactly(call, PASSIVE_LEVEL);
    require_kernel_handle(call, ObjectAttributes);
    if (ThreadHandle == NULL || StartRoutine == NULL)
        sim_broken(call, "no room for the handle, or no routine");
    if (ProcessHandle != NULL)
        sim_broken(call, "the simulator makes system threads in the system process only");
    if (sim_fault_here(call, __builtin_return_address(0)))
        return STATUS_INSUFFICIENT_RESOURCES;
    struct sim_kthread *thread = kthread_create(); /* this reference is the running thread's */
    thread->routine = StartRoutine;
    thread->context = StartContext;
    const HANDLE handle = sim_handle_create(thread, false);
    if (ClientId != NULL) /* no identifier before it runs; drivers of today pass NULL */
        *ClientId = (CLIENT_ID){.UniqueProcess = (HANDLE)(ULONG_PTR)SYSTEM_PROCESS_ID};
    *ThreadHandle = handle;
    if (sim_host_thread_start_detached(run_system_thread, thread) != 0)
        sim_broken(call, "the host makes no more threads");
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI PsTerminateSystemThread(NTSTATUS ExitStatus)
{
    static const char call[] = "PsTerminateSystemThread";

    sim_require_irql_exactly(call, PASSIVE_LEVEL);
    if (!sim_thread_self()->is_system_thread)
        sim_broken(call, "this thread was not made by PsCreateSystemThread");
    end_thread(call, ExitStatus);
}

/* ---- identifiers -------------------------------------------------------------------------------------- */

HANDLE NTAPI PsGetCurrentThreadId(VOID)
{
    return (HANDLE)(ULONG_PTR)sim_thread_self()->thread_id;
}

HANDLE NTAPI PsGetCurrentProcessId(VOID)
{
    return (HANDLE)(ULONG_PTR)sim_thread_self()->process_id;
}

HANDLE NTAPI PsGetThreadId(PETHREAD Thread)
{
    return (HANDLE)(ULONG_PTR)((const struct sim_kthread *)(void *)Thread)->thread_id;
}

HANDLE NTAPI PsGetThreadProcessId(PETHREAD Thread)
{
    return (HANDLE)(ULONG_PTR)((const struct sim_kthread *)(void *)Thread)->process_id;
}

void sim_thread_process_set(uint64_t process_id)
{
    struct sim_thread *self = sim_thread_self();

    self->process_id = process_id;
    if (self->object != NULL)
        ((struct sim_kthread *)self->object)->process_id = process_id;
}
