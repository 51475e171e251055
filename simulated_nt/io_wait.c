/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io: what senders do with their requests: wait, cancel, free. A cancel may come at any moment and from any
 * thread; the IRP's memory stays for as long as a canceller is inside IoCancelIrp, as Windows sees to by
 * other means.
 */
#include "simulated_nt/io_internal.h"

#define NS_PER_MS 1000000ULL

static KSPIN_LOCK cancel_spin_lock;
static unsigned grace_ms = 10000; /* atomic */

unsigned sim_cleanup_grace_now(void)
{
    return __atomic_load_n(&grace_ms, __ATOMIC_RELAXED);
}

void sim_cleanup_grace_ms(unsigned ms)
{
    __atomic_store_n(&grace_ms, ms, __ATOMIC_RELAXED);
}

/* ---- waiting ---------------------------------------------------------------------------------- */

sim_status sim_request_wait(struct sim_request *request, unsigned timeout_ms, uint64_t *ret_information)
{
    uint64_t until_ns = sim_host_monotonic_ns() + timeout_ms * NS_PER_MS;
    bool is_complete = true;

    sim_block_thread_begin("sim_request_wait");
    sim_io_lock();
    while (request->state != SIM_REQUEST_COMPLETE && is_complete) {
        if (timeout_ms == SIM_WAIT_FOREVER)
            sim_io_wait_for(&request->completed);
        else
            is_complete = sim_io_wait_for_until(&request->completed, until_ns);
    }
    is_complete = request->state == SIM_REQUEST_COMPLETE;
    sim_io_unlock();
    sim_block_thread_end();
    if (!is_complete)
        return STATUS_TIMEOUT;
    (void)__atomic_load_n(&request->is_complete, __ATOMIC_ACQUIRE);
    if (ret_information != NULL)
        *ret_information = request->information;
    return request->status;
}

bool sim_request_is_pending(struct sim_request *request)
{
    bool is_pending;

    sim_io_lock();
    is_pending = request->state != SIM_REQUEST_COMPLETE;
    sim_io_unlock();
    return is_pending;
}

static void unlink_request(struct sim_request *request)
{
    struct sim_request *first = sim_request_first();

    if (request->before != NULL)
        request->before->next = request->next;
    else if (first == request)
        sim_request_set_first(request->next);
    if (request->next != NULL)
        request->next->before = request->before;
}

void sim_request_free(struct sim_request *request)
{
    FILE_OBJECT *file = request->major == IRP_MJ_CLOSE ? NULL : request->file;

    (void)__atomic_load_n(&request->is_complete, __ATOMIC_ACQUIRE);
    sim_io_lock();
    if (request->state != SIM_REQUEST_COMPLETE)
        sim_broken("sim_request_free", "%s is not complete", request->name);
    while (request->cancellers != 0)
        sim_io_wait_for(&sim_io_changed);
    unlink_request(request);
    sim_io_unlock();
    sim_host_free(request);
    if (file != NULL)
        sim_object_dereference("a request", file);
}

NTSTATUS sim_request_run(struct sim_request *request, ULONG_PTR *ret_information)
{
    uint64_t information;
    NTSTATUS status;

    sim_request_send(request);
    status = sim_request_wait(request, SIM_WAIT_FOREVER, &information);
    sim_request_free(request);
    if (ret_information != NULL)
        *ret_information = (ULONG_PTR)information;
    return status;
}

size_t sim_requests_outstanding(void)
{
    size_t count = 0;

    sim_io_lock();
    for (struct sim_request *request = sim_request_first(); request != NULL; request = request->next)
        count += request->state == SIM_REQUEST_SENT;
    sim_io_unlock();
    return count;
}

void sim_request_check_leaks(const char *call)
{
    sim_io_lock();
    for (struct sim_request *request = sim_request_first(); request != NULL; request = request->next)
        if (request->state == SIM_REQUEST_SENT)
            sim_broken(call, "IRP %p of %s was never completed", (void *)request->irp, request->name);
    sim_io_unlock();
}

/* ---- cancelling ------------------------------------------------------------------------------- */

VOID NTAPI IoAcquireCancelSpinLock(OUT PKIRQL Irql)
{
    sim_require_irql_at_most("IoAcquireCancelSpinLock", DISPATCH_LEVEL);
    KeAcquireSpinLock(&cancel_spin_lock, Irql);
}

VOID NTAPI IoReleaseCancelSpinLock(IN KIRQL Irql)
{
    if (sim_lock_find(&cancel_spin_lock) == NULL)
        sim_broken("IoReleaseCancelSpinLock", "this thread does not hold the cancel spin lock");
    KeReleaseSpinLock(&cancel_spin_lock, Irql);
}

void sim_cancel_init(void)
{
    KeInitializeSpinLock(&cancel_spin_lock);
}

static void call_cancel_routine(PDRIVER_CANCEL routine, IRP *irp, KIRQL irql)
{
    struct sim_request *request = sim_request_of("IoCancelIrp", irp);
    IO_STACK_LOCATION *stack = irp->Tail.Overlay.CurrentStackLocation;
    unsigned lock_count = sim_thread_self()->lock_count;

    irp->CancelIrql = irql;
    routine(stack->DeviceObject, irp);
    if (sim_lock_find(&cancel_spin_lock) != NULL)
        sim_broken("a cancel routine", "came back from %s with the cancel spin lock held", request->name);
    if (sim_thread_self()->lock_count != lock_count - 1)
        sim_broken("a cancel routine", "came back from %s with other locks held than before", request->name);
    if (sim_irql() != irql)
        sim_broken("a cancel routine", "came back from %s at IRQL %u, and Irp->CancelIrql was %u", request->name,
                   sim_irql(), irql);
}

BOOLEAN NTAPI IoCancelIrp(IN PIRP Irp)
{
    PDRIVER_CANCEL routine;
    KIRQL irql;

    sim_require_irql_at_most("IoCancelIrp", DISPATCH_LEVEL);
    (void)sim_request_of("IoCancelIrp", Irp);
    IoAcquireCancelSpinLock(&irql);
    sim_own_begin(); /* drivers read it without a lock, by design: the exchange that follows decides */
    *(volatile BOOLEAN *)&Irp->Cancel = TRUE;
    sim_own_end();
    sim_delay_here();
    routine = IoSetCancelRoutine(Irp, NULL);
    if (routine == NULL) {
        IoReleaseCancelSpinLock(irql);
        return FALSE;
    }
    call_cancel_routine(routine, Irp, irql);
    return TRUE;
}

/* With io_lock; NULL where it is too late. */
static IRP *cancel_begin(struct sim_request *request)
{
    request->was_cancelled = true;
    if (request->state != SIM_REQUEST_SENT || request->is_completing)
        return NULL;
    request->cancellers++;
    return request->irp;
}

static bool cancel_run(struct sim_request *request, IRP *irp)
{
    bool was_called;

    sim_delay_here();
    was_called = IoCancelIrp(irp);
    sim_io_lock();
    request->cancellers--;
    sim_request_drop_irp(request);
    sim_host_condition_wake_all(&sim_io_changed);
    sim_io_unlock();
    return was_called;
}

bool sim_request_cancel(struct sim_request *request)
{
    IRP *irp;

    sim_io_lock();
    irp = cancel_begin(request);
    sim_io_unlock();
    return irp != NULL && cancel_run(request, irp);
}

/* With io_lock. */
static struct sim_request *own_request(uint64_t thread_id, bool uncancelled)
{
    struct sim_request *request = sim_request_first();

    while (request != NULL && (request->thread_id != thread_id || request->state != SIM_REQUEST_SENT ||
                               (uncancelled && request->was_cancelled)))
        request = request->next;
    return request;
}

void sim_thread_cancel_requests(void)
{
    uint64_t thread_id = sim_thread_self()->thread_id;
    uint64_t until_ns = sim_host_monotonic_ns() + sim_cleanup_grace_now() * NS_PER_MS;
    struct sim_request *request;

    sim_io_lock();
    while ((request = own_request(thread_id, true)) != NULL) {
        IRP *irp = cancel_begin(request);

        sim_io_unlock();
        if (irp != NULL)
            (void)cancel_run(request, irp);
        sim_io_lock();
    }
    while ((request = own_request(thread_id, false)) != NULL)
        if (!sim_io_wait_until(until_ns))
            sim_broken("a thread's end", "IRP %p of %s was cancelled and is still pending", (void *)request->irp,
                       request->name);
    sim_io_unlock();
}

/* With io_lock. */
static struct sim_request *uncancelled_of(const FILE_OBJECT *object)
{
    struct sim_request *request = sim_request_first();

    while (request != NULL && (request->file != object || !request->counts || request->state != SIM_REQUEST_SENT ||
                               request->was_cancelled))
        request = request->next;
    return request;
}

size_t sim_file_cancel_requests(struct sim_file *file)
{
    uint32_t granted;
    FILE_OBJECT *object = sim_file_reference(file, &granted);
    struct sim_request *request;
    size_t count = 0;

    if (object == NULL)
        return 0;
    sim_io_lock();
    while ((request = uncancelled_of(object)) != NULL) {
        IRP *irp = cancel_begin(request);

        sim_io_unlock();
        count += irp != NULL && cancel_run(request, irp);
        sim_io_lock();
    }
    sim_io_unlock();
    sim_object_dereference("sim_file_cancel_requests", object);
    return count;
}
