/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device.h: the life of the device object, and its four dispatch routines. The I/O manager calls them at
 * PASSIVE_LEVEL, in the thread that asks.
 *
 * Who may open it is the descriptor's matter. Who may read is settled by HELLO, not by an exclusive device:
 * a second administrator may ask for STATUS meanwhile, and is told who is in the way.
 */
#include "driver_nt/device.h"

#include "driver_nt/control.h"
#include "driver_nt/device_security.h"
#include "driver_nt/pending_read.h"

static struct driver *driver_of(const DEVICE_OBJECT *device)
{
    return *(struct driver **)device->DeviceExtension;
}

static NTSTATUS finish(IRP *irp, NTSTATUS status, size_t information)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

/* The device itself is opened, not a name behind it, and not as a directory. */
static NTSTATUS dispatch_create(DEVICE_OBJECT *device, IRP *irp)
{
    const IO_STACK_LOCATION *stack = IoGetCurrentIrpStackLocation(irp);
    const FILE_OBJECT *file = stack->FileObject;

    (void)device;
    if (file->FileName.Length != 0 || file->RelatedFileObject != NULL)
        return finish(irp, STATUS_OBJECT_NAME_NOT_FOUND, 0);
    if ((stack->Parameters.Create.Options & FILE_DIRECTORY_FILE) != 0)
        return finish(irp, STATUS_NOT_A_DIRECTORY, 0);
    return finish(irp, STATUS_SUCCESS, 0);
}

/* The last handle is closed: what waits is cancelled, so that CLOSE can come. */
static NTSTATUS dispatch_cleanup(DEVICE_OBJECT *device, IRP *irp)
{
    pending_read_close(&driver_of(device)->reader, IoGetCurrentIrpStackLocation(irp)->FileObject);
    return finish(irp, STATUS_SUCCESS, 0);
}

/* Windows has no request of this handle left by now. Wine sends no CLEANUP, and where the process was killed it
 * cancels after CLOSE: completed here, the request would be freed before that (tests/wine, killed readers). */
static NTSTATUS dispatch_close(DEVICE_OBJECT *device, IRP *irp)
{
    struct driver *driver = driver_of(device);
    FILE_OBJECT *file = IoGetCurrentIrpStackLocation(irp)->FileObject;

    pending_read_forget(&driver->reader, file);
    control_forget(driver, file);
    return finish(irp, STATUS_SUCCESS, 0);
}

static NTSTATUS dispatch_control(DEVICE_OBJECT *device, IRP *irp)
{
    struct driver *driver = driver_of(device);
    size_t information = 0;
    const NTSTATUS status = control_dispatch(driver, irp, &information);

    if (status == STATUS_PENDING)
        return status;
    if (NT_ERROR(status))
        atomic_fetch_add(&driver->denied_requests, 1);
    return finish(irp, status, information);
}

/* ---- life -------------------------------------------------------------------------------------- */

NTSTATUS device_create(struct driver *driver, DRIVER_OBJECT *object)
{
    UNICODE_STRING name;
    NTSTATUS status;

    RtlInitUnicodeString(&name, MUSTER_NT_DEVICE_NAME);
    status = IoCreateDevice(object, sizeof driver, &name, MUSTER_NT_DEVICE_TYPE, FILE_DEVICE_SECURE_OPEN, FALSE,
                            &driver->device);
    if (!NT_SUCCESS(status))
        return status;
    *(struct driver **)driver->device->DeviceExtension = driver;
    status = device_security_set(driver->device);
    if (!NT_SUCCESS(status)) {
        device_delete(driver);
        return status;
    }
    object->MajorFunction[IRP_MJ_CREATE] = dispatch_create;
    object->MajorFunction[IRP_MJ_CLEANUP] = dispatch_cleanup;
    object->MajorFunction[IRP_MJ_CLOSE] = dispatch_close;
    object->MajorFunction[IRP_MJ_DEVICE_CONTROL] = dispatch_control;
    return STATUS_SUCCESS;
}

void device_delete(struct driver *driver)
{
    IoDeleteDevice(driver->device);
    driver->device = NULL;
}

NTSTATUS device_publish(void)
{
    UNICODE_STRING link, name;

    RtlInitUnicodeString(&link, MUSTER_NT_DEVICE_LINK);
    RtlInitUnicodeString(&name, MUSTER_NT_DEVICE_NAME);
    return IoCreateSymbolicLink(&link, &name);
}

void device_unpublish(void)
{
    UNICODE_STRING link;

    RtlInitUnicodeString(&link, MUSTER_NT_DEVICE_LINK);
    (void)IoDeleteSymbolicLink(&link);
}
