/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's beginning and end. What is acquired here in order is given back in reverse: by the ladder of
 * DriverEntry where a step fails, by Unload at the end. The callback is registered last and removed first.
 *
 * Unload runs when no handle is open any more. (Wine does not wait for that: then a READ that waits is
 * completed, and what the closed driver is asked after that never arrives here.)
 */
#include "driver_nt/device.h"
#include "driver_nt/process_events.h"
#include "driver_nt/stack_protector.h"
#include "platform/nt_platform.h"

/* Set while DriverEntry runs; Unload is given no context. */
static struct driver *the_driver;

static void NTAPI driver_unload(DRIVER_OBJECT *object)
{
    struct driver *driver = the_driver;

    (void)object;
    process_events_stop(driver);
    driver_tell(driver, "muster.sys " MUSTER_VERSION " stops: process events are not reported any more");
    device_unpublish();
    reader_stop(&driver->reader);
    device_delete(driver);
    driver_destroy(driver);
    the_driver = NULL;
}

DRIVER_INITIALIZE DriverEntry;

__attribute__((section("INIT"), no_stack_protector)) NTSTATUS NTAPI DriverEntry(DRIVER_OBJECT *object,
                                                                                UNICODE_STRING *registry_path)
{
    struct driver *driver;
    NTSTATUS status;

    (void)registry_path;
    muster_nt_platform_init();
    stack_protector_init();
    status = driver_create(&driver);
    if (!NT_SUCCESS(status))
        return status;
    status = reader_start(&driver->reader, driver->queue, driver->cache, driver->epoch);
    if (!NT_SUCCESS(status))
        goto destroy_driver;
    status = device_create(driver, object);
    if (!NT_SUCCESS(status))
        goto stop_reader;
    status = device_publish();
    if (!NT_SUCCESS(status))
        goto delete_device;
    driver_tell(driver, "muster.sys " MUSTER_VERSION " starts");
    status = process_events_start(driver);
    if (!NT_SUCCESS(status))
        goto unpublish_device;
    the_driver = driver;
    object->DriverUnload = driver_unload;
    return STATUS_SUCCESS;

unpublish_device:
    device_unpublish();
delete_device:
    device_delete(driver);
stop_reader:
    reader_stop(&driver->reader);
destroy_driver:
    driver_destroy(driver);
    return status;
}
