/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capture side: the main thread, which moves records from the ring to the live queue and tells
 * the pump. It never waits for the output: where the queue has no room, records stay in the ring,
 * and what the ring cannot take the kernel side counts.
 */
#ifndef MUSTER_CAPTURE_H
#define MUSTER_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "muster/ledger.h"
#include "muster/queue.h"
#include "muster/sensor_linux.h"
#include "output_file.h"
#include "pump.h"

#define CAPTURE_PENDING_GAPS 4

struct capture {
    /* set by the caller */
    struct muster_sensor *sensor;
    struct muster_queue *queue;
    struct pump *pump;
    const struct output_file *output; /* its progress is watched while stopping */
    uint64_t epoch;
    uint64_t duration_ms; /* 0: until a signal */

    int epoll_fd;
    int signal_fd;
    int timer_fd;
    bool throttled; /* the queue had no room; the ring keeps what follows */
    bool quiet;     /* events come one by one, and each should wake us */
    uint64_t accounted_ns;
    struct muster_gap pending[CAPTURE_PENDING_GAPS]; /* gaps that the queue did not take yet */
    unsigned pending_count;
};

enum capture_end {
    CAPTURE_STOPPED,   /* a signal, or the duration is over; all is delivered */
    CAPTURE_OUTPUT,    /* the output failed: pump->error */
    CAPTURE_STALLED,   /* the output took nothing for too long while stopping */
    CAPTURE_ABANDONED, /* a second signal came while stopping */
};

/* Keeps SIGINT, SIGTERM and SIGHUP for capture_init to read, but for those that whoever started us
 * had ignored (nohup, a shell's background). First of all things, so that none of them ends the
 * process half-way. */
void capture_signals_keep(void);

/* The duration begins here. False with errno set. */
bool capture_init(struct capture *capture);
void capture_deinit(struct capture *capture);

/* Pushes the record of a process that already runs, waiting for room; false where told to end. */
bool capture_push_running(void *capture, const struct muster_record *record);

/* Captures until told to end, then finishes. */
enum capture_end capture_run(struct capture *capture);

/* Detaches the sensor, drains the ring, settles the account and stops the pump. */
enum capture_end capture_finish(struct capture *capture);

/* The whole path's ledger as it stands: delivered is the pump's, held is what is not accounted
 * for otherwise. */
void capture_ledger(const struct capture *capture, struct muster_ledger *ret_ledger);

#endif
