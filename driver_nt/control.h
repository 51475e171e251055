/* SPDX-License-Identifier: Apache-2.0 */
/* What user mode asks of the device: HELLO, READ, STATUS (muster/nt_device.h). */
#ifndef MUSTER_DRIVER_NT_CONTROL_H
#define MUSTER_DRIVER_NT_CONTROL_H

#include "driver_nt/driver.h"

/* Answers the IRP, which stays the caller's to complete with what this returns; or STATUS_PENDING, and the
 * reader has it. */
_IRQL_requires_(PASSIVE_LEVEL) NTSTATUS control_dispatch(struct driver *driver, IRP *irp, size_t *ret_information);

/* The handle is gone: if it was the reader's, its place is free and its lease given back. */
_IRQL_requires_(PASSIVE_LEVEL) void control_forget(struct driver *driver, const FILE_OBJECT *file);

#endif
