/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the sensor into one output. */
#ifndef MUSTER_WATCH_H
#define MUSTER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/filter.h"
#include "muster/sink.h"

struct watch_options {
    const char *format;
    const char *output; /* NULL or "-": standard output */
    uint64_t duration_ms;
    uint64_t status_interval_ms; /* between two `sensor-status`; 0: none */
    size_t buffer_bytes;
    bool forks;
    bool baseline;
    bool fail_on_loss;
    enum muster_color color;
    struct muster_filter filter;
};

/* Returns the exit code. */
int watch_run(const struct watch_options *options);

#endif
