/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io: requests and their IRPs, from the making over the dispatch routine to IoCompleteRequest. The rules of an
 * IRP's life are enforced here: completed once, and not touched after that; STATUS_PENDING returned where, and
 * only where, it was marked pending; what the dispatch routine returns is what it completed with.
 *
 * An IRP has guarded memory of its own, which becomes untouchable in IoCompleteRequest. What is remembered of it
 * stands in the request, which the sender frees.
 */
#include "simulated_nt/io_internal.h"
#include "simulated_nt/ps_thread.h"

#define PREFIX_MAGIC 0x7172695f6d69735fULL

struct irp_prefix {
    ULONG64 magic;
    struct sim_request *request;
    IRP irp;
    IO_STACK_LOCATION stack[1];
};

static struct sim_request *requests; /* io_lock */

static const char *const major_names[IRP_MJ_MAXIMUM_FUNCTION + 1] = {
    [IRP_MJ_CREATE] = "IRP_MJ_CREATE",
    [IRP_MJ_CLOSE] = "IRP_MJ_CLOSE",
    [IRP_MJ_READ] = "IRP_MJ_READ",
    [IRP_MJ_WRITE] = "IRP_MJ_WRITE",
    [IRP_MJ_FLUSH_BUFFERS] = "IRP_MJ_FLUSH_BUFFERS",
    [IRP_MJ_DEVICE_CONTROL] = "IRP_MJ_DEVICE_CONTROL",
    [IRP_MJ_INTERNAL_DEVICE_CONTROL] = "IRP_MJ_INTERNAL_DEVICE_CONTROL",
    [IRP_MJ_SHUTDOWN] = "IRP_MJ_SHUTDOWN",
    [IRP_MJ_CLEANUP] = "IRP_MJ_CLEANUP",
    [IRP_MJ_POWER] = "IRP_MJ_POWER",
    [IRP_MJ_PNP] = "IRP_MJ_PNP",
};

const char *sim_major_name(UCHAR major)
{
    return major <= IRP_MJ_MAXIMUM_FUNCTION && major_names[major] != NULL ? major_names[major] : "an IRP";
}

/* ---- making ----------------------------------------------------------------------------------- */

static IRP *irp_create(struct sim_request *request, UCHAR major, UCHAR minor)
{
    struct irp_prefix *prefix = sim_guard_allocate(sizeof(*prefix), 0, 0, "the IRP of %s", request->name);
    IO_STACK_LOCATION *stack = &prefix->stack[0];
    IRP *irp = &prefix->irp;

    prefix->magic = PREFIX_MAGIC;
    prefix->request = request;
    irp->Type = IO_TYPE_IRP;
    irp->Size = (USHORT)(sizeof(*prefix) - __builtin_offsetof(struct irp_prefix, irp));
    irp->StackCount = 1;
    irp->CurrentLocation = 2;
    irp->RequestorMode = UserMode;
    irp->Tail.Overlay.CurrentStackLocation = stack + 1;
    irp->Tail.Overlay.OriginalFileObject = request->file;
    irp->Tail.Overlay.Thread = (PETHREAD)(void *)sim_kthread_self();
    stack->MajorFunction = major;
    stack->MinorFunction = minor;
    stack->FileObject = request->file;
    stack->DeviceObject = request->file->DeviceObject;
    return irp;
}

static void copy_text(char *to, size_t bytes, const char *from)
{
    size_t i;

    for (i = 0; from[i] != 0 && i + 1 < bytes; i++)
        to[i] = from[i];
    to[i] = 0;
}

struct sim_request *sim_request_create(FILE_OBJECT *file, UCHAR major, UCHAR minor, const char *what)
{
    struct sim_request *request = sim_host_allocate(sizeof(*request));

    copy_text(request->name, sizeof(request->name), what != NULL ? what : sim_major_name(major));
    request->file = file;
    request->major = major;
    request->thread_id = sim_thread_self()->thread_id;
    request->process_id = sim_thread_self()->process_id;
    request->process = IoGetCurrentProcess();
    request->counts = major != IRP_MJ_CREATE && major != IRP_MJ_CLEANUP && major != IRP_MJ_CLOSE;
    if (major != IRP_MJ_CLOSE)
        sim_object_reference("a request", file);
    request->irp = irp_create(request, major, minor);
    return request;
}

IO_STACK_LOCATION *sim_request_stack(struct sim_request *request)
{
    return request->irp->Tail.Overlay.CurrentStackLocation - 1;
}

struct sim_request *sim_request_refused(NTSTATUS status)
{
    struct sim_request *request = sim_host_allocate(sizeof(*request));

    request->status = status;
    request->state = SIM_REQUEST_COMPLETE;
    request->is_complete = 1;
    return request;
}

/* ---- sending ---------------------------------------------------------------------------------- */

static void note_sent(struct sim_request *request)
{
    sim_io_lock();
    request->state = SIM_REQUEST_SENT;
    request->next = requests;
    if (requests != NULL)
        requests->before = request;
    requests = request;
    if (request->counts)
        sim_file_state_of(request->file)->outstanding_count++;
    sim_io_unlock();
}

struct sim_request *sim_request_first(void)
{
    return requests;
}

void sim_request_set_first(struct sim_request *request)
{
    requests = request;
}

/* The dispatch routine came back with `returned`. The IRP may be gone, the request is not. */
static void check_returned(struct sim_request *request, NTSTATUS returned)
{
    IRP *irp = request->irp;
    bool is_done, is_marked;

    sim_io_lock();
    is_done = request->is_completing;
    is_marked =
        is_done ? request->was_marked : (irp->Tail.Overlay.CurrentStackLocation->Control & SL_PENDING_RETURNED) != 0;
    if (returned == STATUS_PENDING && !is_marked)
        sim_broken(request->name, "IRP %p: STATUS_PENDING was returned, and IoMarkIrpPending was not called",
                   (void *)irp);
    if (returned != STATUS_PENDING && is_marked)
        sim_broken(request->name, "IRP %p: IoMarkIrpPending was called, and 0x%08x was returned", (void *)irp,
                   (unsigned)returned);
    if (returned != STATUS_PENDING && !is_done)
        sim_broken(request->name, "IRP %p: 0x%08x was returned, and the IRP was not completed", (void *)irp,
                   (unsigned)returned);
    if (returned != STATUS_PENDING && returned != request->status)
        sim_broken(request->name, "IRP %p: 0x%08x was returned, and it was completed with 0x%08x", (void *)irp,
                   (unsigned)returned, (unsigned)request->status);
    sim_io_unlock();
}

void sim_request_send(struct sim_request *request)
{
    IRP *irp = request->irp;
    DEVICE_OBJECT *device = request->file->DeviceObject;
    PDRIVER_DISPATCH routine = device->DriverObject->MajorFunction[request->major];
    struct sim_call call;
    NTSTATUS returned;

    if (routine == NULL)
        sim_broken(request->name, "the driver has set MajorFunction[%u] to NULL", request->major);
    irp->CurrentLocation--;
    irp->Tail.Overlay.CurrentStackLocation--;
    note_sent(request);
    sim_delay_here();
    sim_call_begin(&call, request->name, UserMode);
    returned = routine(device, irp);
    sim_call_end(&call);
    check_returned(request, returned);
    sim_delay_here();
}

/* ---- completing ------------------------------------------------------------------------------- */

struct sim_request *sim_request_of(const char *call, IRP *irp)
{
    struct irp_prefix *prefix = CONTAINING_RECORD(irp, struct irp_prefix, irp);
    char name[SIM_GUARD_NAME_BYTES];
    struct sim_request *request;
    const char *why;

    if (!sim_guard_is_live(prefix)) {
        if (irp != NULL && sim_guard_describe(prefix, name, &why))
            sim_broken(call, "IRP %p, %s, %s", (void *)irp, name, why);
        sim_broken(call, "%p is not an IRP", (void *)irp);
    }
    sim_own_begin(); /* written before the IRP was sent, and stays */
    request = prefix->magic == PREFIX_MAGIC ? prefix->request : NULL;
    sim_own_end();
    if (request == NULL)
        sim_broken(call, "%p is not an IRP", (void *)irp);
    return request;
}

/* One completer goes on from here. */
static void claim(struct sim_request *request, const IO_STATUS_BLOCK *result)
{
    IRP *irp = request->irp;

    sim_io_lock();
    if (request->is_completing)
        sim_broken("IoCompleteRequest", "IRP %p of %s was completed already", (void *)irp, request->name);
    request->is_completing = true;
    request->was_marked = (irp->Tail.Overlay.CurrentStackLocation->Control & SL_PENDING_RETURNED) != 0;
    request->status = result->Status;
    request->information = result->Information;
    sim_io_unlock();
}

static void finish(struct sim_request *request)
{
    __atomic_store_n(&request->is_complete, 1, __ATOMIC_RELEASE);
    sim_io_lock();
    request->state = SIM_REQUEST_COMPLETE;
    request->irp_is_done = true;
    if (request->counts)
        sim_file_state_of(request->file)->outstanding_count--;
    sim_request_drop_irp(request);
    sim_host_condition_wake_all(&request->completed);
    sim_host_condition_wake_all(&sim_io_changed);
    sim_io_unlock();
}

void sim_request_drop_irp(struct sim_request *request)
{
    if (request->irp == NULL || !request->irp_is_done || request->cancellers != 0)
        return;
    sim_guard_free("IoCompleteRequest", CONTAINING_RECORD(request->irp, struct irp_prefix, irp), "was completed");
    request->irp = NULL;
}

/* "Never call IoCompleteRequest while holding a spin lock", says its page. */
static void require_no_spin_lock(const IRP *irp, const struct sim_request *request)
{
    const struct sim_thread *self = sim_thread_self();

    for (unsigned i = 0; i < self->lock_count; i++)
        if (self->locks[i].kind == SIM_LOCK_SPIN)
            sim_broken("IoCompleteRequest", "IRP %p of %s is completed with spin lock %p held", (const void *)irp,
                       request->name, self->locks[i].address);
}

VOID FASTCALL IofCompleteRequest(IN PIRP Irp, IN CCHAR PriorityBoost)
{
    struct sim_request *request;
    PDRIVER_CANCEL routine;
    IO_STATUS_BLOCK result;

    (void)PriorityBoost;
    sim_require_irql_at_most("IoCompleteRequest", DISPATCH_LEVEL);
    if (sim_sweep_completed(Irp))
        return;
    request = sim_request_of("IoCompleteRequest", Irp);
    require_no_spin_lock(Irp, request);
    sim_delay_here();
    routine = __atomic_load_n(&Irp->CancelRoutine, __ATOMIC_ACQUIRE);
    if (routine != NULL)
        sim_broken("IoCompleteRequest", "IRP %p of %s still has a cancel routine", (void *)Irp, request->name);
    result = Irp->IoStatus;
    if (result.Status == STATUS_PENDING || result.Status == -1)
        sim_broken("IoCompleteRequest", "IRP %p of %s is completed with status 0x%08x", (void *)Irp, request->name,
                   (unsigned)result.Status);
    claim(request, &result);
    sim_buffers_finish(request, &result);
    finish(request);
    sim_delay_here();
}

/* What MajorFunction holds until the driver sets it. */
NTSTATUS sim_invalid_device_request(DEVICE_OBJECT *device, IRP *irp)
{
    (void)device;
    irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
    irp->IoStatus.Information = 0;
    IofCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_INVALID_DEVICE_REQUEST;
}
