/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pstest.sys: for tests under Wine, whose kernel never calls a process callback. Exports what
 * pstest.def lists under the kernel's names, and has a device by which a test says what happens.
 *
 * Wine gives every driver a process, so this one is no service: it comes along as the import of the
 * driver under test, and makes itself a driver object when that registers its callback, until it
 * removes it.
 */
#include "pstest_main.h"
#include "pstest_process.h"
#include "pstest_raise.h"

/* Exported by ntoskrnl, and in no header of the DDK. */
NTKERNELAPI NTSTATUS NTAPI IoCreateDriver(PUNICODE_STRING name, PDRIVER_INITIALIZE initialize);
NTKERNELAPI VOID NTAPI IoDeleteDriver(PDRIVER_OBJECT driver);

static DRIVER_OBJECT *the_driver;
static UNICODE_STRING link_name;

static NTSTATUS complete(PIRP irp, NTSTATUS status, ULONG_PTR information)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

static NTSTATUS NTAPI on_open_or_close(PDEVICE_OBJECT device, PIRP irp)
{
    (void)device;
    return complete(irp, STATUS_SUCCESS, 0);
}

static NTSTATUS give_status(void *buffer, ULONG bytes, ULONG_PTR *ret_bytes)
{
    struct pstest_status *status = buffer;

    if (bytes < sizeof(*status))
        return STATUS_BUFFER_TOO_SMALL;
    RtlZeroMemory(status, sizeof(*status));
    raise_count(status);
    fake_processes_count(status);
    *ret_bytes = sizeof(*status);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI on_control(PDEVICE_OBJECT device, PIRP irp)
{
    IO_STACK_LOCATION *stack = IoGetCurrentIrpStackLocation(irp);
    void *buffer = irp->AssociatedIrp.SystemBuffer;
    ULONG bytes = stack->Parameters.DeviceIoControl.InputBufferLength;
    ULONG_PTR answer = 0;
    NTSTATUS status = STATUS_INVALID_DEVICE_REQUEST;

    (void)device;
    switch (stack->Parameters.DeviceIoControl.IoControlCode) {
    case PSTEST_CONTROL_RAISE:
        status = raise_event(buffer, bytes);
        break;
    case PSTEST_CONTROL_STORM:
        status = bytes == sizeof(struct pstest_storm) ? raise_storm(buffer) : STATUS_INVALID_PARAMETER;
        break;
    case PSTEST_CONTROL_STATUS:
        status = give_status(buffer, stack->Parameters.DeviceIoControl.OutputBufferLength, &answer);
        break;
    }
    return complete(irp, status, answer);
}

static NTSTATUS NTAPI make_device(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    UNICODE_STRING device_name;
    PDEVICE_OBJECT device;
    NTSTATUS status;

    (void)registry_path;
    RtlInitUnicodeString(&device_name, L"\\Device\\MusterPsTest");
    RtlInitUnicodeString(&link_name, L"\\??\\MusterPsTest");
    driver->MajorFunction[IRP_MJ_CREATE] = on_open_or_close;
    driver->MajorFunction[IRP_MJ_CLOSE] = on_open_or_close;
    driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = on_control;
    status = IoCreateDevice(driver, 0, &device_name, PSTEST_DEVICE_TYPE, 0, FALSE, &device);
    if (!NT_SUCCESS(status))
        return status;
    status = IoCreateSymbolicLink(&link_name, &device_name);
    if (NT_SUCCESS(status))
        the_driver = driver;
    else
        IoDeleteDevice(device);
    return status;
}

NTSTATUS pstest_begin(void)
{
    UNICODE_STRING name;

    RtlInitUnicodeString(&name, L"\\Driver\\MusterPsTest");
    fake_processes_init();
    return IoCreateDriver(&name, make_device);
}

void pstest_end(void)
{
    IoDeleteSymbolicLink(&link_name);
    IoDeleteDevice(the_driver->DeviceObject);
    IoDeleteDriver(the_driver);
    fake_processes_deinit();
}

/* Of a driver that is no service nobody calls it. The linker wants one. */
NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path);
NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    (void)driver;
    (void)registry_path;
    return STATUS_NOT_SUPPORTED;
}
