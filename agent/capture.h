/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capture side: the main thread, which moves records from the sensor to the live queue and tells
 * the pump. It never waits for the output: where the queue has no room, records stay in the kernel, and
 * what that cannot keep it counts.
 */
#ifndef MUSTER_CAPTURE_H
#define MUSTER_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "figures.h"
#include "muster/ledger.h"
#include "muster/queue.h"
#include "muster/sensor.h"
#include "output_file.h"
#include "pump.h"
#include "status_page.h"
#include "wakeups.h"

struct capture {
    /* set by the caller */
    struct muster_sensor *sensor;
    struct muster_queue *queue;
    struct pump *pump;
    const struct output_file *output; /* its progress is watched while stopping */
    struct wakeups *wakeups;
    struct status_page *page;    /* NULL: the figures are told nowhere */
    uint64_t status_interval_ms; /* between two `sensor-status` in the stream; 0: none */

    struct figures figures; /* the caller has named what does not change */
    uint64_t figures_ns;    /* when they were told last */
    uint64_t status_ns;     /* when `sensor-status` was pushed last */
    bool throttled;         /* the queue had no room; the sensor keeps what follows */
    bool quiet;             /* events come one by one, and each should wake us */
    bool told_to_stop;      /* by a signal */
    bool gap_waits;         /* the queue did not take the last gap; the sensor tells it again */
    bool left_out_told;     /* that the sensor knows not all processes */
    bool looking;           /* the sensor looks at the processes that run */
    uint64_t accounted_ns;
};

enum capture_end {
    CAPTURE_STOPPED,   /* a signal, or the duration is over; all is delivered */
    CAPTURE_OUTPUT,    /* the output failed: pump->error */
    CAPTURE_STALLED,   /* the output took nothing for too long while stopping */
    CAPTURE_ABANDONED, /* a second signal came while stopping */
};

/* Pushes the record of a process that already runs, waiting for room; false where told to end. */
bool capture_push_running(void *capture, const struct muster_record *record);

/* Captures until told to end, then finishes. */
enum capture_end capture_run(struct capture *capture);

/* Detaches the sensor, takes what it still has, settles the account and stops the pump. */
enum capture_end capture_finish(struct capture *capture);

/* The whole path's ledger as it stands, but for what the pump's thread alone knows: what it
 * delivered, what it left out, and what it holds. */
void capture_ledger(const struct capture *capture, struct muster_ledger *ret_ledger);

/* How many events were neither delivered nor accounted for otherwise, so far. */
uint64_t capture_undelivered(const struct capture *capture);

/* How many events this stream tells as lost, by cause. */
void capture_losses(const struct capture *capture, uint64_t ret_losses[MUSTER_CAUSE_COUNT]);

#endif
