/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io: a great many control codes through the dispatch routine, by one IRP that is begun anew for each. The
 * whole of what a request goes through would take hours for all codes; what is left out (buffers, access bits,
 * cancellation, guarded memory) is tried by the tests that send a few. Kept: what the driver returns is what it
 * completed with, once, and it comes back as it was called.
 */
#include "simulated_nt/io_internal.h"

struct sweep {
    IRP *irp;
    unsigned completions;
};

static _Thread_local struct sweep *current;

bool sim_sweep_completed(const IRP *irp)
{
    if (current == NULL || current->irp != irp)
        return false;
    current->completions++;
    return true;
}

static void send_one(struct sweep *sweep, DEVICE_OBJECT *device, uint32_t code, NTSTATUS expected)
{
    IO_STACK_LOCATION *stack = IoGetCurrentIrpStackLocation(sweep->irp);
    NTSTATUS status;

    stack->Parameters.DeviceIoControl.IoControlCode = code;
    sweep->completions = 0;
    sweep->irp->IoStatus.Status = STATUS_PENDING;
    sweep->irp->IoStatus.Information = 1;
    status = device->DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL](device, sweep->irp);
    if (status != expected || sweep->completions != 1 || sweep->irp->IoStatus.Status != expected ||
        sweep->irp->IoStatus.Information != 0 || (stack->Control & SL_PENDING_RETURNED) != 0)
        sim_broken("sim_control_sweep",
                   "code 0x%08x: returned 0x%08x, completed %u times with 0x%08x and %llu bytes; 0x%08x was expected",
                   code, (unsigned)status, sweep->completions, (unsigned)sweep->irp->IoStatus.Status,
                   (unsigned long long)sweep->irp->IoStatus.Information, (unsigned)expected);
}

void sim_control_sweep(struct sim_file *file, uint32_t first, uint32_t last, bool (*skip)(uint32_t code),
                       sim_status expected)
{
    struct {
        IRP irp;
        IO_STACK_LOCATION stack[1];
    } packet;
    struct sweep sweep = {.irp = &packet.irp};
    struct sim_call call;
    uint32_t granted; /* not asked for here */
    FILE_OBJECT *object = sim_file_reference(file, &granted);

    if (object == NULL)
        sim_broken("sim_control_sweep", "the file is closed");
    __builtin_memset(&packet, 0, sizeof packet);
    packet.irp.Type = IO_TYPE_IRP;
    packet.irp.StackCount = 1;
    packet.irp.CurrentLocation = 1;
    packet.irp.RequestorMode = UserMode;
    packet.irp.Tail.Overlay.CurrentStackLocation = packet.stack;
    packet.stack[0].MajorFunction = IRP_MJ_DEVICE_CONTROL;
    packet.stack[0].FileObject = object;
    packet.stack[0].DeviceObject = object->DeviceObject;
    current = &sweep;
    sim_call_begin(&call, "the dispatch routine of IRP_MJ_DEVICE_CONTROL", UserMode);
    for (uint64_t code = first; code <= last; code++)
        if (!skip((uint32_t)code))
            send_one(&sweep, object->DeviceObject, (uint32_t)code, expected);
    sim_call_end(&call);
    current = NULL;
    sim_object_dereference("sim_control_sweep", object);
}
