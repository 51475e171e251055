/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample_driver.h: a device with a DACL, an echo, direct buffers, a read that pends until somebody wakes it or
 * cancels it, and a process notify routine. It holds its pended reads in a list under a spin lock; who takes an
 * IRP off the list has cleared its cancel routine first, or leaves it to the cancel routine.
 */
#include "simulated_nt/tests/sample_driver.h"

#include "simulated_nt/tests/sample_process.h"

ULONG sample_flaws;
struct sample_counts sample_counts;

static DEVICE_OBJECT *sample_device;
static KSPIN_LOCK reads_lock;
static LIST_ENTRY reads; /* reads_lock */

/* ---- completing ------------------------------------------------------------------------------- */

static NTSTATUS complete(IRP *irp, NTSTATUS status, ULONG_PTR information)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    InterlockedIncrement((volatile LONG *)&sample_counts.completions);
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

static void cancel_read(DEVICE_OBJECT *device, IRP *irp)
{
    KIRQL irql;

    (void)device;
    if ((sample_flaws & SAMPLE_CANCEL_KEEPS_LOCK) != 0)
        return;
    IoReleaseCancelSpinLock(irp->CancelIrql);
    KeAcquireSpinLock(&reads_lock, &irql);
    RemoveEntryList(&irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&reads_lock, irql);
    InterlockedIncrement((volatile LONG *)&sample_counts.cancels);
    (void)complete(irp, STATUS_CANCELLED, 0);
}

/* Pended, or STATUS_CANCELLED where the cancel came first. */
static NTSTATUS pend_read(IRP *irp)
{
    KIRQL irql;

    KeAcquireSpinLock(&reads_lock, &irql);
    (void)IoSetCancelRoutine(irp, cancel_read);
    if (irp->Cancel && IoSetCancelRoutine(irp, NULL) != NULL) {
        KeReleaseSpinLock(&reads_lock, irql);
        return complete(irp, STATUS_CANCELLED, 0);
    }
    IoMarkIrpPending(irp);
    InsertTailList(&reads, &irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&reads_lock, irql);
    return STATUS_PENDING;
}

/* The next read of that file (NULL: of any) that no cancel routine has taken; off the list. */
static IRP *take_read(const FILE_OBJECT *file)
{
    IRP *found = NULL;
    KIRQL irql;

    KeAcquireSpinLock(&reads_lock, &irql);
    for (LIST_ENTRY *entry = reads.Flink; entry != &reads && found == NULL; entry = entry->Flink) {
        IRP *irp = CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);

        if (file != NULL && IoGetCurrentIrpStackLocation(irp)->FileObject != file)
            continue;
        if (IoSetCancelRoutine(irp, NULL) == NULL)
            continue; /* its cancel routine waits for the lock, and will take it off */
        RemoveEntryList(entry);
        found = irp;
    }
    KeReleaseSpinLock(&reads_lock, irql);
    return found;
}

static ULONG wake_reads(const FILE_OBJECT *file, NTSTATUS status)
{
    ULONG count = 0;
    IRP *irp;

    while ((irp = take_read(file)) != NULL) {
        ULONG bytes = IoGetCurrentIrpStackLocation(irp)->Parameters.DeviceIoControl.OutputBufferLength;

        if (NT_SUCCESS(status) && bytes != 0)
            RtlFillMemory(irp->AssociatedIrp.SystemBuffer, bytes, 'r');
        (void)complete(irp, status, NT_SUCCESS(status) ? bytes : 0);
        count++;
    }
    return count;
}

/* ---- misdeeds --------------------------------------------------------------------------------- */

static void no_cancel(DEVICE_OBJECT *device, IRP *irp)
{
    (void)device;
    (void)irp;
}

/* Those that complete the request in their own way. */
static NTSTATUS misdo_completion(IRP *irp, UCHAR misdeed)
{
    UCHAR *buffer = irp->AssociatedIrp.SystemBuffer;
    KIRQL irql;

    switch (misdeed) {
    case SAMPLE_COMPLETE_TWICE:
        (void)complete(irp, STATUS_SUCCESS, 0);
        IoCompleteRequest(irp, IO_NO_INCREMENT);
        return STATUS_SUCCESS;
    case SAMPLE_TOUCH_AFTER_COMPLETION:
        (void)complete(irp, STATUS_SUCCESS, 0);
        return irp->IoStatus.Status;
    case SAMPLE_USE_SYSTEM_BUFFER_LATER:
        (void)complete(irp, STATUS_SUCCESS, 0);
        buffer[0] = 1;
        return STATUS_SUCCESS;
    case SAMPLE_COMPLETE_UNDER_LOCK:
        KeAcquireSpinLock(&reads_lock, &irql);
        (void)complete(irp, STATUS_SUCCESS, 0);
        KeReleaseSpinLock(&reads_lock, irql);
        return STATUS_SUCCESS;
    case SAMPLE_OTHER_STATUS:
        (void)complete(irp, STATUS_UNSUCCESSFUL, 0);
        return STATUS_SUCCESS;
    case SAMPLE_MARKED_NOT_PENDING:
        IoMarkIrpPending(irp);
        return complete(irp, STATUS_SUCCESS, 0);
    case SAMPLE_STAY_AT_DISPATCH:
        (void)complete(irp, STATUS_SUCCESS, 0);
        KeRaiseIrql(DISPATCH_LEVEL, &irql);
        return STATUS_SUCCESS;
    case SAMPLE_STAY_IN_REGION:
        (void)complete(irp, STATUS_SUCCESS, 0);
        KeEnterCriticalRegion();
        return STATUS_SUCCESS;
    default:
        return complete(irp, STATUS_INVALID_PARAMETER, 0);
    }
}

static NTSTATUS misdo(IRP *irp, FILE_OBJECT *file)
{
    UCHAR *buffer = irp->AssociatedIrp.SystemBuffer;
    UCHAR misdeed = buffer[0];

    switch (misdeed) {
    case SAMPLE_RETURN_UNCOMPLETED:
        return STATUS_SUCCESS;
    case SAMPLE_PENDING_UNMARKED:
        return STATUS_PENDING;
    case SAMPLE_KEEP_CANCEL_ROUTINE:
        (void)IoSetCancelRoutine(irp, no_cancel);
        return complete(irp, STATUS_SUCCESS, 0);
    case SAMPLE_TOO_MUCH_INFORMATION:
        return complete(irp, STATUS_SUCCESS, 100000);
    case SAMPLE_WRITE_BEHIND_SYSTEM_BUFFER:
        *(volatile UCHAR *)(buffer + 5) = 1;
        return complete(irp, STATUS_SUCCESS, 0);
    case SAMPLE_COMPLETE_WITH_PENDING:
        return complete(irp, STATUS_PENDING, 0);
    case SAMPLE_KEEP_FILE_REFERENCE:
        ObReferenceObject(sample_device);
        return complete(irp, STATUS_SUCCESS, 0);
    case SAMPLE_DEREFERENCE_TOO_OFTEN:
        ObDereferenceObject(file);
        return complete(irp, STATUS_SUCCESS, 0);
    default:
        return misdo_completion(irp, misdeed);
    }
}

/* ---- control codes ---------------------------------------------------------------------------- */

static NTSTATUS echo(IRP *irp, const IO_STACK_LOCATION *stack)
{
    ULONG in = stack->Parameters.DeviceIoControl.InputBufferLength;
    ULONG out = stack->Parameters.DeviceIoControl.OutputBufferLength;

    if (out < in)
        return complete(irp, STATUS_BUFFER_TOO_SMALL, 0);
    return complete(irp, STATUS_SUCCESS, in);
}

static NTSTATUS fill(IRP *irp, const IO_STACK_LOCATION *stack, ULONG beyond)
{
    ULONG bytes = stack->Parameters.DeviceIoControl.OutputBufferLength;
    UCHAR *view;

    if (irp->MdlAddress == NULL)
        return complete(irp, STATUS_BUFFER_TOO_SMALL, 0);
    view = MmGetSystemAddressForMdlSafe(irp->MdlAddress, NormalPagePriority);
    if (view == NULL)
        return complete(irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    for (ULONG i = 0; i < bytes + beyond; i++)
        *(volatile UCHAR *)(view + i) = (UCHAR)i;
    return complete(irp, STATUS_SUCCESS, bytes);
}

static NTSTATUS sum(IRP *irp, const IO_STACK_LOCATION *stack)
{
    ULONG bytes = stack->Parameters.DeviceIoControl.OutputBufferLength;
    const UCHAR *view;
    ULONG_PTR total = 0;

    if (irp->MdlAddress == NULL)
        return complete(irp, STATUS_SUCCESS, 0);
    view = MmGetSystemAddressForMdlSafe(irp->MdlAddress, NormalPagePriority);
    if (view == NULL)
        return complete(irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    for (ULONG i = 0; i < bytes; i++)
        total += view[i];
    return complete(irp, STATUS_SUCCESS, total % (bytes + 1));
}

static NTSTATUS control(DEVICE_OBJECT *device, IRP *irp)
{
    IO_STACK_LOCATION *stack = IoGetCurrentIrpStackLocation(irp);

    (void)device;
    switch (stack->Parameters.DeviceIoControl.IoControlCode) {
    case SAMPLE_ECHO:
        return echo(irp, stack);
    case SAMPLE_FILL:
        return fill(irp, stack, 0);
    case SAMPLE_BEYOND:
        return fill(irp, stack, 1);
    case SAMPLE_SUM:
        return sum(irp, stack);
    case SAMPLE_READ:
        return pend_read(irp);
    case SAMPLE_WAKE:
        return complete(irp, wake_reads(NULL, STATUS_SUCCESS) != 0 ? STATUS_SUCCESS : STATUS_NO_MORE_ENTRIES, 0);
    case SAMPLE_MISDO:
        return misdo(irp, stack->FileObject);
    case SAMPLE_WHO:
        *(ULONG *)irp->AssociatedIrp.SystemBuffer = IoGetRequestorProcessId(irp);
        return complete(irp, PsGetCurrentProcess() == IoGetRequestorProcess(irp) ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL,
                        sizeof(ULONG));
    case SAMPLE_UNWRITTEN:
        return complete(irp, STATUS_SUCCESS, stack->Parameters.DeviceIoControl.OutputBufferLength);
    case SAMPLE_RAW:
        return complete(irp, irp->AssociatedIrp.SystemBuffer == NULL ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL, 0);
    default:
        return complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

/* ---- files ------------------------------------------------------------------------------------ */

static NTSTATUS create(DEVICE_OBJECT *device, IRP *irp)
{
    FILE_OBJECT *file = IoGetCurrentIrpStackLocation(irp)->FileObject;

    (void)device;
    InterlockedIncrement((volatile LONG *)&sample_counts.creates);
    if ((sample_flaws & SAMPLE_REFUSES_CREATE) != 0)
        return complete(irp, STATUS_SHARING_VIOLATION, 0);
    if (file->FileName.Length != 0 && (sample_flaws & SAMPLE_OPEN_NAMES) == 0)
        return complete(irp, STATUS_OBJECT_NAME_NOT_FOUND, 0);
    return complete(irp, STATUS_SUCCESS, FILE_OPENED);
}

static NTSTATUS cleanup(DEVICE_OBJECT *device, IRP *irp)
{
    (void)device;
    InterlockedIncrement((volatile LONG *)&sample_counts.cleanups);
    if ((sample_flaws & SAMPLE_IGNORES_CLEANUP) == 0)
        (void)wake_reads(IoGetCurrentIrpStackLocation(irp)->FileObject, STATUS_CANCELLED);
    return complete(irp, STATUS_SUCCESS, 0);
}

static NTSTATUS close(DEVICE_OBJECT *device, IRP *irp)
{
    (void)device;
    InterlockedIncrement((volatile LONG *)&sample_counts.closes);
    return complete(irp, STATUS_SUCCESS, 0);
}

/* ---- the device's DACL ------------------------------------------------------------------------ */

static NTSTATUS fill_dacl(ACL *acl, ULONG bytes)
{
    SID_IDENTIFIER_AUTHORITY authority = {{0, 0, 0, 0, 0, 5}};
    ULONG room[8];
    PSID sid = room;
    NTSTATUS status = RtlCreateAcl(acl, bytes, ACL_REVISION);

    if (!NT_SUCCESS(status) || (sample_flaws & SAMPLE_EMPTY_DACL) != 0)
        return status;
    (void)RtlInitializeSid(sid, &authority, 1);
    *RtlSubAuthoritySid(sid, 0) = 18;
    status = RtlAddAccessAllowedAce(acl, ACL_REVISION, GENERIC_ALL, sid);
    if (!NT_SUCCESS(status))
        return status;
    (void)RtlInitializeSid(sid, &authority, 2);
    *RtlSubAuthoritySid(sid, 0) = 32;
    *RtlSubAuthoritySid(sid, 1) = 544;
    return RtlAddAccessAllowedAce(acl, ACL_REVISION, GENERIC_READ | GENERIC_WRITE, sid);
}

static NTSTATUS protect(void)
{
    ULONG attributes = (sample_flaws & SAMPLE_USER_HANDLE) != 0 ? 0 : OBJ_KERNEL_HANDLE;
    SECURITY_DESCRIPTOR descriptor;
    ULONG room[32];
    ACL *acl = (ACL *)(PVOID)room;
    HANDLE handle;
    NTSTATUS status = fill_dacl(acl, sizeof(room));

    if (NT_SUCCESS(status))
        status = RtlCreateSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION);
    if (NT_SUCCESS(status))
        status =
            RtlSetDaclSecurityDescriptor(&descriptor, TRUE, (sample_flaws & SAMPLE_NULL_DACL) != 0 ? NULL : acl, FALSE);
    if (NT_SUCCESS(status))
        status = ObOpenObjectByPointer(sample_device, attributes, NULL, WRITE_DAC, NULL, KernelMode, &handle);
    if (!NT_SUCCESS(status))
        return status;
    status = ZwSetSecurityObject(handle, DACL_SECURITY_INFORMATION, &descriptor);
    if ((sample_flaws & SAMPLE_LEAKS_HANDLE) == 0)
        (void)ZwClose(handle);
    return status;
}

/* ---- start and stop --------------------------------------------------------------------------- */

static WCHAR device_units[] = L"\\Device\\Sample";
static WCHAR link_units[] = L"\\DosDevices\\Sample";
static UNICODE_STRING device_name = RTL_CONSTANT_STRING(device_units);
static UNICODE_STRING link_name = RTL_CONSTANT_STRING(link_units);

static void unload(DRIVER_OBJECT *driver)
{
    (void)driver;
    if ((sample_flaws & (SAMPLE_LEAVES_ROUTINE | SAMPLE_NO_ROUTINE)) == 0)
        (void)sample_unregister();
    if ((sample_flaws & SAMPLE_LEAVES_LINK) == 0)
        (void)IoDeleteSymbolicLink(&link_name);
    if ((sample_flaws & SAMPLE_LEAVES_DEVICE) == 0)
        IoDeleteDevice(sample_device);
}

static VOID NTAPI run_for_ever(PVOID context)
{
    LARGE_INTEGER second = {.QuadPart = -10000000};

    (void)context;
    for (;;)
        (void)KeDelayExecutionThread(KernelMode, FALSE, &second);
}

static void start_thread(void)
{
    OBJECT_ATTRIBUTES attributes;
    HANDLE handle;

    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    if (NT_SUCCESS(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, &attributes, NULL, NULL, run_for_ever, NULL)))
        (void)ZwClose(handle);
}

static NTSTATUS start_device(DRIVER_OBJECT *driver)
{
    ULONG characteristics = (sample_flaws & SAMPLE_OPEN_NAMES) != 0 ? 0 : FILE_DEVICE_SECURE_OPEN;
    NTSTATUS status = IoCreateDevice(driver, 24, &device_name, FILE_DEVICE_UNKNOWN, characteristics,
                                     (sample_flaws & SAMPLE_EXCLUSIVE) != 0, &sample_device);

    if (!NT_SUCCESS(status))
        return status;
    if ((sample_flaws & SAMPLE_NO_DACL) == 0)
        status = protect();
    if (NT_SUCCESS(status))
        status = IoCreateSymbolicLink(&link_name, &device_name);
    if (!NT_SUCCESS(status))
        IoDeleteDevice(sample_device);
    return status;
}

NTSTATUS sample_driver_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    NTSTATUS status;

    if (registry_path->Length == 0)
        return STATUS_INVALID_PARAMETER;
    if ((sample_flaws & SAMPLE_LEAVES_THREAD) != 0)
        start_thread();
    KeInitializeSpinLock(&reads_lock);
    InitializeListHead(&reads);
    driver->MajorFunction[IRP_MJ_CREATE] = create;
    driver->MajorFunction[IRP_MJ_CLEANUP] = cleanup;
    driver->MajorFunction[IRP_MJ_CLOSE] = close;
    driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = control;
    driver->DriverUnload = unload;
    status = start_device(driver);
    if (!NT_SUCCESS(status) || (sample_flaws & SAMPLE_NO_ROUTINE) != 0)
        return status;
    status = (sample_flaws & SAMPLE_FAILS_AND_LEAVES) != 0 ? STATUS_UNSUCCESSFUL : sample_register();
    if (!NT_SUCCESS(status)) {
        (void)IoDeleteSymbolicLink(&link_name);
        if ((sample_flaws & SAMPLE_FAILS_AND_LEAVES) == 0)
            IoDeleteDevice(sample_device);
    }
    return status;
}
