/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pending_read.h. A READ is pended with its cancel routine set and marked pending before the lock is let
 * go, so nobody can complete it half-way. Whoever gets a routine back from IoSetCancelRoutine(irp, NULL)
 * owns the IRP; who gets NULL has lost it to the cancel routine, which is under way.
 *
 * A request that got hold of the file while another thread closed its last handle may come after CLEANUP. Nobody
 * would cancel it any more, so that CLEANUP came stands in the file, under the lock.
 *
 * IoCsq was rejected: Wine has stubs in its place, and one slot is less than what it takes to call it.
 */
#include "driver_nt/pending_read.h"

#include "driver_nt/driver.h"
#include "platform/platform.h"

#define TICKS_PER_MS 10000U /* of 100 ns */

static void cancel_complete(IRP *irp)
{
    irp->IoStatus.Status = STATUS_CANCELLED;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
}

/* The I/O manager calls it with the system's cancel lock held, at DISPATCH_LEVEL. */
static void NTAPI cancel_routine(DEVICE_OBJECT *device, IRP *irp)
{
    struct driver *driver = *(struct driver **)device->DeviceExtension;
    struct reader *reader = &driver->reader;
    KIRQL irql;

    IoReleaseCancelSpinLock(irp->CancelIrql);
    KeAcquireSpinLock(&reader->lock, &irql);
    if (reader->pending.irp == irp)
        reader->pending.irp = NULL;
    KeReleaseSpinLock(&reader->lock, irql);
    cancel_complete(irp);
}

static uint64_t deadline_of(uint32_t timeout_ms)
{
    if (timeout_ms == MUSTER_NT_WAIT_FOREVER)
        return UINT64_MAX;
    return KeQueryInterruptTime() + (uint64_t)timeout_ms * TICKS_PER_MS;
}

static FILE_OBJECT *file_of(IRP *irp)
{
    return IoGetCurrentIrpStackLocation(irp)->FileObject;
}

/* Under the lock. */
static NTSTATUS pend(struct reader *reader, const struct pending_read *read)
{
    if (reader->stopping)
        return STATUS_DELETE_PENDING;
    if (file_of(read->irp)->FsContext2 != NULL)
        return STATUS_FILE_CLOSED;
    if (reader->pending.irp != NULL)
        return STATUS_DEVICE_BUSY;
    (void)IoSetCancelRoutine(read->irp, cancel_routine);
    if (read->irp->Cancel && IoSetCancelRoutine(read->irp, NULL) != NULL)
        return STATUS_CANCELLED;
    IoMarkIrpPending(read->irp);
    reader->pending = *read;
    reader->pending.serial = ++reader->last_serial;
    /* Not later: as soon as the lock is let go, the IRP can be completed, the file closed and the driver gone. */
    (void)KeSetEvent(&reader->work, IO_NO_INCREMENT, FALSE);
    return STATUS_PENDING;
}

NTSTATUS pending_read_submit(struct reader *reader, IRP *irp, const struct muster_nt_read_request *request,
                             void *unsafe_buffer, size_t buffer_bytes)
{
    const struct pending_read read = {
        .irp = irp,
        .acknowledge_lease_id = request->acknowledge_lease_id,
        .deadline = deadline_of(request->timeout_ms),
        .unsafe_buffer = unsafe_buffer,
        .buffer_bytes = buffer_bytes,
    };
    NTSTATUS status;
    KIRQL irql;

    KeAcquireSpinLock(&reader->lock, &irql);
    status = pend(reader, &read);
    KeReleaseSpinLock(&reader->lock, irql);
    return status;
}

bool pending_read_peek(struct reader *reader, struct pending_read *ret_read)
{
    bool waits;
    KIRQL irql;

    KeAcquireSpinLock(&reader->lock, &irql);
    waits = reader->pending.irp != NULL;
    if (waits)
        *ret_read = reader->pending;
    KeReleaseSpinLock(&reader->lock, irql);
    return waits;
}

/* Under the lock: the IRP if it is still to be had; it waits no longer, either way. */
static IRP *unpend(struct reader *reader)
{
    IRP *irp = reader->pending.irp;

    reader->pending.irp = NULL;
    return irp != NULL && IoSetCancelRoutine(irp, NULL) != NULL ? irp : NULL;
}

bool pending_read_take(struct reader *reader, uint64_t serial)
{
    IRP *irp = NULL;
    KIRQL irql;

    KeAcquireSpinLock(&reader->lock, &irql);
    if (reader->pending.serial == serial)
        irp = unpend(reader);
    KeReleaseSpinLock(&reader->lock, irql);
    return irp != NULL;
}

void pending_read_close(struct reader *reader, FILE_OBJECT *file)
{
    IRP *irp = NULL;
    KIRQL irql;

    KeAcquireSpinLock(&reader->lock, &irql);
    file->FsContext2 = reader;
    if (reader->pending.irp != NULL && file_of(reader->pending.irp) == file)
        irp = unpend(reader);
    KeReleaseSpinLock(&reader->lock, irql);
    if (irp != NULL)
        cancel_complete(irp);
}

void pending_read_forget(struct reader *reader, const FILE_OBJECT *file)
{
    KIRQL irql;

    KeAcquireSpinLock(&reader->lock, &irql);
    if (reader->pending.irp != NULL && file_of(reader->pending.irp) == file)
        reader->pending.irp = NULL;
    KeReleaseSpinLock(&reader->lock, irql);
}

void pending_read_stop(struct reader *reader)
{
    KIRQL irql;

    KeAcquireSpinLock(&reader->lock, &irql);
    reader->stopping = true;
    KeReleaseSpinLock(&reader->lock, irql);
}

bool pending_read_stopping(struct reader *reader)
{
    bool stopping;
    KIRQL irql;

    KeAcquireSpinLock(&reader->lock, &irql);
    stopping = reader->stopping;
    KeReleaseSpinLock(&reader->lock, irql);
    return stopping;
}
