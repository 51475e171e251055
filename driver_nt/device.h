/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device: made, secured and named here; opened, closed and asked by user mode. What its control
 * requests mean is in control.h. Its extension holds one pointer, to the driver.
 */
#ifndef MUSTER_DRIVER_NT_DEVICE_H
#define MUSTER_DRIVER_NT_DEVICE_H

#include "driver_nt/driver.h"

/* Makes the device, with a descriptor for SYSTEM and administrators alone, and fills the driver object's
 * dispatch table. It cannot be opened before device_publish, nor before DriverEntry returned. */
_IRQL_requires_(PASSIVE_LEVEL) NTSTATUS device_create(struct driver *driver, DRIVER_OBJECT *object);
_IRQL_requires_(PASSIVE_LEVEL) void device_delete(struct driver *driver);

/* The name under which user mode finds it. */
_IRQL_requires_(PASSIVE_LEVEL) NTSTATUS device_publish(void);
_IRQL_requires_(PASSIVE_LEVEL) void device_unpublish(void);

#endif
