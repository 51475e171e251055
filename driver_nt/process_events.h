/* SPDX-License-Identifier: Apache-2.0 */
/* Where events come from: the kernel calls back for each process that starts or ends. */
#ifndef MUSTER_DRIVER_NT_PROCESS_EVENTS_H
#define MUSTER_DRIVER_NT_PROCESS_EVENTS_H

#include "driver_nt/driver.h"

/* Publishes the driver and registers the callback: from here on, also before it returns, each start and
 * exit is reported. STATUS_ACCESS_DENIED: the image lacks FORCE_INTEGRITY. STATUS_INVALID_PARAMETER: too
 * many drivers have one registered. */
_IRQL_requires_(PASSIVE_LEVEL) NTSTATUS process_events_start(struct driver *driver);

/* Returns when no callback runs any more and none will. Never to be called from a callback. */
_IRQL_requires_(PASSIVE_LEVEL) void process_events_stop(struct driver *driver);

#endif
