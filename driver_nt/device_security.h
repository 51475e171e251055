/* SPDX-License-Identifier: Apache-2.0 */
/* Who may open the device. */
#ifndef MUSTER_DRIVER_NT_DEVICE_SECURITY_H
#define MUSTER_DRIVER_NT_DEVICE_SECURITY_H

#include <ntifs.h>

/* Gives the device a list that allows SYSTEM and the administrators' group, and nobody else. Where it
 * fails the device must not be published. */
_IRQL_requires_(PASSIVE_LEVEL) NTSTATUS device_security_set(DEVICE_OBJECT *device);

#endif
