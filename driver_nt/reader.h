/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader's side: one READ may wait at a time, and one thread of the driver serves it. That thread
 * alone takes content out of the live queue, puts it into the cache, leases and acknowledges, so none of
 * this needs a lock of its own, and whoever pushes an event never copies for somebody else.
 *
 * Rejected: serving a READ in the callback that pushed (the reader's work in the time of whoever starts a
 * process); waiting in the dispatch routine (the thread could not be ended, and Wine dispatches one request
 * at a time); a timer with a DPC (the queue's lock may not be taken there).
 */
#ifndef MUSTER_DRIVER_NT_READER_H
#define MUSTER_DRIVER_NT_READER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ntifs.h>

#include "muster/cache.h"
#include "muster/nt_device.h"
#include "muster/queue.h"

/* A READ that waits. */
struct pending_read {
    IRP *irp;        /* NULL: none */
    uint64_t serial; /* counts READs: one that was cancelled is not taken for the next */
    uint64_t acknowledge_lease_id;
    uint64_t deadline;            /* in interrupt time, units of 100 ns; UINT64_MAX: never */
    unsigned char *unsafe_buffer; /* the reader's pages, mapped: it may write there too, so nothing is read back */
    size_t buffer_bytes;
};

struct reader {
    /* Set by reader_start. */
    struct muster_queue *queue;
    struct muster_cache *cache;
    uint64_t epoch;
    HANDLE thread; /* a kernel handle; the wait for it at the end needs no reference */

    KEVENT work;            /* synchronization event: something came, or the thread shall end */
    atomic_bool wants_wake; /* the thread is going to sleep with a READ that waits */

    KSPIN_LOCK lock;
    /* lock */
    struct pending_read pending;
    uint64_t last_serial;
    bool stopping;

    /* the thread */
    uint64_t acknowledged_serial; /* of the READ whose acknowledgement was done */
    NTSTATUS acknowledged_status;
    uint64_t last_acknowledged_id;
    bool starved; /* the queue was not empty, and yet nothing could be taken out */
};

/* Starts the thread. What was set up before is published to it. PASSIVE_LEVEL. */
_IRQL_requires_(PASSIVE_LEVEL) NTSTATUS
    reader_start(struct reader *reader, struct muster_queue *queue, struct muster_cache *cache, uint64_t epoch);

/* Ends a READ that waits, with what there is or STATUS_CANCELLED; refuses further ones; waits for the
 * thread. PASSIVE_LEVEL. */
_IRQL_requires_(PASSIVE_LEVEL) void reader_stop(struct reader *reader);

/* After a push: lets the thread look, if a READ waits for it. Cheap where none does. */
_IRQL_requires_max_(DISPATCH_LEVEL) void reader_wake(struct reader *reader);

#endif
