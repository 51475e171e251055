/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a running sensor tells of itself: the ledger of each hop from the kernel to the output, how full each place is
 * and was, and how old the oldest event is that the output does not have yet. Taken by the capture side, which never
 * waits for the output; so they stay true while the output takes nothing.
 *
 * A plain value of fixed size, so that it can be put where another process reads it (status_page.h).
 */
#ifndef MUSTER_FIGURES_H
#define MUSTER_FIGURES_H

#include <stdint.h>

#include "muster/ledger.h"
#include "muster/sensor.h"

struct capture;

#define FIGURES_FORMAT_BYTES 32
#define FIGURES_OUTPUT_BYTES 512

/* How full a place is, in bytes; size 0: it has none that can be told. */
struct figures_room {
    uint64_t used_bytes;
    uint64_t peak_bytes;
    uint64_t size_bytes;
};

struct figures {
    uint64_t pid;
    uint64_t epoch;
    uint64_t began_ns; /* on the stream's clock, as all times here */
    uint64_t now_ns;
    uint64_t oldest_ns; /* when the oldest event happened that is not acknowledged; 0: there is none */

    /* kernel side: delivered is what the agent has read */
    struct muster_ledger kernel;
    struct figures_room ring;
    struct muster_sensor_shed shed;

    struct muster_sensor_known known;

    /* the agent's queue: delivered is what the pump has taken out. Its room is that of the cache, too */
    struct muster_ledger queue;
    struct figures_room budget;
    uint64_t queue_records;
    uint64_t cache_records; /* the leased ones included */
    uint64_t leased_records;

    /* the sink: produced is what it was given */
    struct muster_ledger sink;
    uint64_t written_bytes;
    uint64_t written_ns; /* when written_bytes was last seen to grow; 0: never */
    uint32_t stopping;   /* 1: being told to end */
    uint32_t error;      /* errno of the write that ended it, or 0 */
    char format[FIGURES_FORMAT_BYTES];
    char output[FIGURES_OUTPUT_BYTES]; /* its name, cut where it is longer */
};

/* The ledger from the kernel to the output: what figures_total is for `sensor-status`, too. */
struct muster_ledger figures_total(const struct figures *figures);

/* Fills in what changes; the caller has set pid, began_ns, format and output once. The main thread's. */
void figures_take(struct capture *capture, struct figures *figures);

#endif
