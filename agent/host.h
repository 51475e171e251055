/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream says about the machine that it comes from. */
#ifndef MUSTER_HOST_H
#define MUSTER_HOST_H

#include <stdint.h>

#include "muster/sink.h"

struct host {
    char name[65];
    char id[33];
    char kernel[65];
};

/* Fills both; what cannot be read is left out of the stream. The strings live in *host. A new
 * random epoch is chosen. */
void host_describe(struct host *host, struct muster_stream *ret_stream);

/* Adds to a time of CLOCK_BOOTTIME to get one since 1970. */
int64_t host_clock_offset_ns(void);

#endif
