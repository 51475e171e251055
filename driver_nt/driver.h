/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the driver is made of: one struct, in one block of non-paged pool, at one address from
 * DriverEntry to Unload. Each part is a member with a start and a stop of its own file; main.c says in
 * which order.
 */
#ifndef MUSTER_DRIVER_NT_DRIVER_H
#define MUSTER_DRIVER_NT_DRIVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ntifs.h>

#include "driver_nt/reader.h"
#include "muster/cache.h"
#include "muster/queue.h"

/* Non-paged pool for records: a minute of 1,000 starts a second of 130 bytes fits. */
#define DRIVER_BUDGET_BYTES ((size_t)8 * 1024 * 1024)
/* Of it, set aside for skeletons: some 450 of them between two READs. */
#define DRIVER_SKELETON_BYTES ((size_t)64 * 1024)

struct driver {
    union muster_queue_storage queue_storage;
    union muster_cache_storage cache_storage;

    /* Set by driver_create, the same for life. */
    struct muster_queue *queue; /* the live queue: callbacks push, the reader's thread takes out */
    struct muster_cache *cache; /* what was taken out and is not acknowledged */
    uint64_t epoch;
    uint64_t started_ns;

    struct reader reader;

    /* Set while DriverEntry runs. */
    DEVICE_OBJECT *device;
    bool process_events; /* the callback is registered */

    _Atomic(FILE_OBJECT *) owner; /* the handle that reads; NULL: nobody */
    atomic_uint_least64_t denied_requests;
};

/* PASSIVE_LEVEL. STATUS_INSUFFICIENT_RESOURCES. */
_IRQL_requires_(PASSIVE_LEVEL) NTSTATUS driver_create(struct driver **ret_driver);

/* Frees all records too. Nobody may use the driver any more. */
_IRQL_requires_(PASSIVE_LEVEL) void driver_destroy(struct driver *driver);

/* Puts a message of the driver itself into the stream: ASCII, terminated. Above PASSIVE_LEVEL it is
 * refused and counted, as any push. */
void driver_tell(struct driver *driver, const char *text);

#endif
