/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io: device objects and their symbolic links. A device's memory holds the DEVICE_OBJECT and its extension,
 * exactly as long as asked for, and goes with the last reference.
 */
#include "simulated_nt/io_internal.h"

/* ---- device objects --------------------------------------------------------------------------- */

struct sim_device *sim_device_of(const char *call, DEVICE_OBJECT *device)
{
    if (!sim_object_is(device, SIM_OBJECT_DEVICE))
        sim_broken(call, "%p is not a device object, or not any more", (void *)device);
    return (struct sim_device *)(void *)device->DeviceObjectExtension;
}

static void device_destroy(void *object)
{
    DEVICE_OBJECT *device = object;
    struct sim_device *state = (struct sim_device *)(void *)device->DeviceObjectExtension;

    sim_security_reset(&state->security);
    sim_host_free(state);
}

static DEVICE_OBJECT *device_create(DRIVER_OBJECT *driver, ULONG extension_bytes, DEVICE_TYPE type,
                                    ULONG characteristics, BOOLEAN exclusive)
{
    DEVICE_OBJECT *device = sim_object_create(SIM_OBJECT_DEVICE, sizeof(*device) + extension_bytes, device_destroy);
    struct sim_device *state = sim_host_allocate(sizeof(*state));

    device->Type = IO_TYPE_DEVICE;
    device->Size = (USHORT)(sizeof(*device) + extension_bytes);
    device->DriverObject = driver;
    device->Flags = DO_DEVICE_INITIALIZING | (exclusive ? DO_EXCLUSIVE : 0);
    device->Characteristics = characteristics;
    device->DeviceType = type;
    device->StackSize = 1;
    device->DeviceExtension = extension_bytes == 0 ? NULL : device + 1;
    device->DeviceObjectExtension = (struct _DEVOBJ_EXTENSION *)(void *)state;
    return device;
}

/* False: somebody has the name. */
static bool device_name(DEVICE_OBJECT *device, const UNICODE_STRING *name)
{
    struct sim_device *state = sim_device_of("IoCreateDevice", device);

    if (name == NULL)
        return true;
    if (!sim_name_insert(name, device, NULL))
        return false;
    __builtin_memcpy(state->name_units, name->Buffer, name->Length);
    state->name = (UNICODE_STRING){.Length = name->Length, .MaximumLength = name->Length, .Buffer = state->name_units};
    device->Flags |= DO_DEVICE_HAS_NAME;
    return true;
}

NTSTATUS NTAPI IoCreateDevice(IN PDRIVER_OBJECT DriverObject, IN ULONG DeviceExtensionSize,
                              IN PUNICODE_STRING DeviceName OPTIONAL, IN DEVICE_TYPE DeviceType,
                              IN ULONG DeviceCharacteristics, IN BOOLEAN Exclusive, OUT PDEVICE_OBJECT *DeviceObject)
{
    DEVICE_OBJECT *device;

    sim_require_irql_at_most("IoCreateDevice", APC_LEVEL);
    if (DriverObject != sim_driver_object())
        sim_broken("IoCreateDevice", "%p is not the driver object", (void *)DriverObject);
    if (sim_fault_here("IoCreateDevice", __builtin_return_address(0)))
        return STATUS_INSUFFICIENT_RESOURCES;
    device = device_create(DriverObject, DeviceExtensionSize, DeviceType, DeviceCharacteristics, Exclusive);
    if (!device_name(device, DeviceName)) {
        sim_object_dereference("IoCreateDevice", device);
        return STATUS_OBJECT_NAME_COLLISION;
    }
    device->NextDevice = DriverObject->DeviceObject;
    DriverObject->DeviceObject = device;
    *DeviceObject = device;
    return STATUS_SUCCESS;
}

VOID NTAPI IoDeleteDevice(IN PDEVICE_OBJECT DeviceObject)
{
    DRIVER_OBJECT *driver = sim_driver_object();
    struct sim_device *state;
    DEVICE_OBJECT **link = &driver->DeviceObject;

    sim_require_irql_at_most("IoDeleteDevice", APC_LEVEL);
    state = sim_device_of("IoDeleteDevice", DeviceObject);
    while (*link != NULL && *link != DeviceObject)
        link = &(*link)->NextDevice;
    if (*link == NULL || state->is_deleted)
        sim_broken("IoDeleteDevice", "device %p is deleted already", (void *)DeviceObject);
    *link = DeviceObject->NextDevice;
    sim_io_lock();
    state->is_deleted = true;
    sim_io_unlock();
    sim_name_remove_device(DeviceObject);
    sim_object_dereference("IoDeleteDevice", DeviceObject);
}

NTSTATUS NTAPI IoCreateSymbolicLink(IN PUNICODE_STRING SymbolicLinkName, IN PUNICODE_STRING DeviceName)
{
    sim_require_irql_at_most("IoCreateSymbolicLink", PASSIVE_LEVEL);
    if (sim_fault_here("IoCreateSymbolicLink", __builtin_return_address(0)))
        return STATUS_INSUFFICIENT_RESOURCES;
    return sim_name_insert(SymbolicLinkName, NULL, DeviceName) ? STATUS_SUCCESS : STATUS_OBJECT_NAME_COLLISION;
}

NTSTATUS NTAPI IoDeleteSymbolicLink(IN PUNICODE_STRING SymbolicLinkName)
{
    sim_require_irql_at_most("IoDeleteSymbolicLink", PASSIVE_LEVEL);
    return sim_name_remove(SymbolicLinkName, true) ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}

/* ---- opens ------------------------------------------------------------------------------------ */

/* What the I/O manager does when DriverEntry has succeeded. */
/* Orders what DriverEntry did before what is asked of an open file, and that before DriverUnload. */
static uint32_t ready, closed; /* atomic */

void sim_device_ready_all(DRIVER_OBJECT *driver)
{
    (void)__atomic_add_fetch(&ready, 1, __ATOMIC_RELEASE);
    sim_io_lock();
    for (DEVICE_OBJECT *device = driver->DeviceObject; device != NULL; device = device->NextDevice)
        device->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING;
    sim_io_unlock();
}

NTSTATUS sim_device_open_begin(DEVICE_OBJECT *device)
{
    struct sim_device *state = sim_device_of("an open", device);
    NTSTATUS status = STATUS_SUCCESS;

    sim_io_lock();
    if (state->is_deleted || state->unload_pending || (device->Flags & DO_DEVICE_INITIALIZING) != 0)
        status = STATUS_NO_SUCH_DEVICE;
    else if ((device->Flags & DO_EXCLUSIVE) != 0 && device->ReferenceCount != 0)
        status = STATUS_ACCESS_DENIED;
    else
        device->ReferenceCount++;
    sim_io_unlock();
    (void)__atomic_load_n(&ready, __ATOMIC_ACQUIRE);
    return status;
}

void sim_device_open_end(DEVICE_OBJECT *device)
{
    (void)__atomic_add_fetch(&closed, 1, __ATOMIC_RELEASE);
    sim_io_lock();
    device->ReferenceCount--;
    sim_host_condition_wake_all(&sim_io_changed);
    sim_io_unlock();
}

/* With io_lock. */
void sim_device_note_closed(void)
{
    (void)__atomic_load_n(&closed, __ATOMIC_ACQUIRE);
}

bool sim_device_any_open(DRIVER_OBJECT *driver)
{
    for (DEVICE_OBJECT *device = driver->DeviceObject; device != NULL; device = device->NextDevice)
        if (device->ReferenceCount != 0)
            return true;
    return false;
}

/* With io_lock. */
void sim_device_set_unload_pending(DRIVER_OBJECT *driver)
{
    for (DEVICE_OBJECT *device = driver->DeviceObject; device != NULL; device = device->NextDevice)
        ((struct sim_device *)(void *)device->DeviceObjectExtension)->unload_pending = true;
}

/* ---- security --------------------------------------------------------------------------------- */

NTSTATUS NTAPI ZwSetSecurityObject(IN HANDLE Handle, IN SECURITY_INFORMATION SecurityInformation,
                                   IN PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    struct sim_handle_entry entry;
    NTSTATUS status = STATUS_SUCCESS;

    sim_require_irql_at_most("ZwSetSecurityObject", PASSIVE_LEVEL);
    if (sim_fault_here("ZwSetSecurityObject", __builtin_return_address(0)))
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!sim_handle_find("ZwSetSecurityObject", Handle, &entry))
        sim_broken("ZwSetSecurityObject", "handle %p is not open", Handle);
    if (SecurityInformation != DACL_SECURITY_INFORMATION ||
        sim_object_type_of("ZwSetSecurityObject", entry.object) != SIM_OBJECT_DEVICE) {
        status = STATUS_NOT_SUPPORTED; /* by the simulator */
    } else if ((entry.granted & (WRITE_DAC | GENERIC_ALL)) == 0) {
        status = STATUS_ACCESS_DENIED;
    } else {
        sim_io_lock();
        sim_security_set("ZwSetSecurityObject", &sim_device_of("ZwSetSecurityObject", entry.object)->security,
                         SecurityDescriptor);
        sim_io_unlock();
    }
    sim_object_dereference("ZwSetSecurityObject", entry.object);
    return status;
}

static enum sim_device_dacl dacl_of(const struct sim_security *security)
{
    if (!security->is_set)
        return SIM_DACL_DEFAULT;
    if (security->dacl == NULL)
        return SIM_DACL_NULL;
    return security->dacl->AceCount == 0 ? SIM_DACL_EMPTY : SIM_DACL_ENTRIES;
}

enum sim_device_dacl sim_device_dacl(const sim_utf16 *path)
{
    WCHAR rest[SIM_NAME_UNITS_MAX];
    UNICODE_STRING name;
    ULONG rest_units;
    enum sim_device_dacl kind;
    void *device;

    RtlInitUnicodeString(&name, (PCWSTR)path);
    if (!NT_SUCCESS(sim_name_resolve(&name, &device, rest, &rest_units)))
        return SIM_DACL_NO_DEVICE;
    sim_io_lock();
    kind = dacl_of(&sim_device_of("sim_device_dacl", device)->security);
    sim_io_unlock();
    sim_object_dereference("sim_device_dacl", device);
    return kind;
}
