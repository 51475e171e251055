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
#include "output_file.h"
#include "verdicts.h"
#include "wakeups.h"
#include "worker.h"

struct pump {
    union muster_queue_storage queue_storage; /* they hold locks, so a pump never moves */
    union muster_cache_storage cache_storage;
    struct muster_queue *queue; /* pump_queue_open */
    struct muster_cache *cache;
    struct muster_sink *sink;           /* pump_sink_open */
    struct muster_stream *stream;       /* its clock offset is kept right by this thread */
    struct muster_sensor *sensor;       /* acknowledged only */
    const struct muster_filter *filter; /* NULL: everything is wanted */
    struct output_file *durable;        /* what is acknowledged is on its disk first; NULL: it need not be */
    bool frameless;                     /* there is no ledger to end with */
    bool filters_all;                   /* no sensor has filtered: numbered records are asked about here */
    bool clock_given;                   /* the stream's clock offset is the caller's, not this machine's */
    struct wakeups *wakeups;            /* told when a lease was acknowledged while wanted, and at the end */

    /* the pump's thread */
    uint64_t types[MUSTER_EVENT_NUMBERED_COUNT]; /* delivered, by event type - 1 */
    struct verdicts verdicts;                    /* where the sensor does not filter itself */

    struct worker *worker;

    /* the worker's lock */
    bool work;
    bool stopping;
    struct muster_sensor_status stopped; /* what the stopping side knows; delivered, filtered and held but for ours */

    /* atomic */
    bool ack_wanted; /* the capture side waits for room */
    bool finished;
    int error;          /* errno of the write that failed, ENOMEM, or 0 */
    uint64_t delivered; /* numbered records that the output has */
    uint64_t filtered;  /* numbered records that were left out here */
    uint64_t done;      /* all records that were written or left out, up to the last flush */
};

/* Makes queue and cache, for records that an earlier hop has numbered, and shed where it had to. False, and told,
 * where there is no memory. */
bool pump_queue_open(struct pump *pump, uint64_t epoch, size_t budget_bytes);

/* Makes the sink for pump->stream. `output_opened`: what opening the output has returned, with errno where it failed.
 * False, and told. */
bool pump_sink_open(struct pump *pump, struct output_file *output, bool output_opened, const char *format,
                    enum muster_color color);

/* Takes down what these two made. */
void pump_close(struct pump *pump);

/* Starts the thread. The caller has set all members up to wakeups. False with errno set. */
bool pump_start(struct pump *pump);

/* New records are in the queue. */
void pump_wake(struct pump *pump);

/* No more records come. The pump empties the queue, writes sensor-stopped with the ledger, to
 * which it adds what it delivered and what it still holds, and finishes. */
void pump_stop(struct pump *pump, const struct muster_ledger *ledger);

/* Likewise, with a record that was read, of which delivered, filtered and held are without what happens here. NULL: how
 * the stream ended is not known, and nothing is written for it. */
void pump_stop_as(struct pump *pump, const struct muster_sensor_status *stopped);

/* Waits for the thread, which has finished. */
void pump_join(struct pump *pump);

bool pump_finished(const struct pump *pump);

#endif
