/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pump: the thread that takes records from the live queue to the sink. It extracts all there
 * is, absorbs that into the cache, leases it, writes it, and acknowledges the lease when the sink
 * has it all, and with it the ring's records. A sink that takes nothing stops this thread alone.
 */
#ifndef MUSTER_PUMP_H
#define MUSTER_PUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "muster/cache.h"
#include "muster/filter.h"
#include "muster/ledger.h"
#include "muster/queue.h"
#include "muster/sensor.h"
#include "muster/sink.h"
#include "verdicts.h"
#include "wakeups.h"
#include "worker.h"

struct pump {
    struct muster_queue *queue;
    struct muster_cache *cache;
    struct muster_sink *sink;
    struct muster_stream *stream;       /* its clock offset is kept right by this thread */
    struct muster_sensor *sensor;       /* acknowledged only */
    const struct muster_filter *filter; /* NULL: everything is wanted */
    struct wakeups *wakeups;            /* told when a lease was acknowledged while wanted, and at the end */

    /* the pump's thread */
    uint64_t types[MUSTER_EVENT_NUMBERED_COUNT]; /* delivered, by event type - 1 */
    struct verdicts verdicts;                    /* where the sensor does not filter itself */

    struct worker *worker;

    /* the worker's lock */
    bool work;
    bool stopping;
    struct muster_ledger final_ledger; /* what the stopping side knows; delivered and held but for ours */

    /* atomic */
    bool ack_wanted; /* the capture side waits for room */
    bool finished;
    int error;          /* errno of the write that failed, ENOMEM, or 0 */
    uint64_t delivered; /* numbered records that the output has */
    uint64_t filtered;  /* numbered records that were left out here */
};

/* Starts the thread. The caller has set all members up to wakeups. False with errno set. */
bool pump_start(struct pump *pump);

/* New records are in the queue. */
void pump_wake(struct pump *pump);

/* No more records come. The pump empties the queue, writes sensor-stopped with the ledger, to
 * which it adds what it delivered and what it still holds, and finishes. */
void pump_stop(struct pump *pump, const struct muster_ledger *ledger);

/* Waits for the thread, which has finished. */
void pump_join(struct pump *pump);

bool pump_finished(const struct pump *pump);

#endif
