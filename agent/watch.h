/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the sensor into one output. */
#ifndef MUSTER_WATCH_H
#define MUSTER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/filter.h"
#include "muster/sink.h"
#include "output_file.h"

struct muster_kept;

struct watch_options {
    const char *format;
    const char *output; /* NULL or "-": standard output */
    uint64_t duration_ms;
    uint64_t status_interval_ms; /* between two `sensor-status`; 0: none */
    size_t buffer_bytes;
    size_t args_max_bytes; /* 0: the default */
    bool forks;
    bool baseline;
    bool fail_on_loss;
    enum muster_color color;
    struct muster_filter filter;

    /* where the kernel side is kept (muster/kept.h): Linux */
    struct muster_kept *kept; /* NULL: it ends with this run */
    uint64_t kept_epoch;
    bool drain;          /* only what it has: it has ended */
    bool baseline_again; /* also where an earlier run has told it */
    bool durable;        /* what is acknowledged is on the output's disk first */
    bool (*output_open)(struct output_file *file, const char *path); /* NULL: output_file_open */
    void (*begun)(void); /* called when reading begins; NULL: nobody wants to know */
};

/* Returns the exit code. May be called again, when it has returned. */
int watch_run(const struct watch_options *options);

/* Whether the last run was told to stop by a signal. */
bool watch_was_stopped(void);

#endif
