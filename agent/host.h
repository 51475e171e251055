/* SPDX-License-Identifier: Apache-2.0 */
/* The machine that a stream comes from, and its clocks. linux_host.c, win32_host.c. */
#ifndef MUSTER_HOST_H
#define MUSTER_HOST_H

#include <stdint.h>

#include "muster/sink.h"

struct host {
    char name[256];
    char id[65];
    char kernel[65];
};

/* Fills both, but for the stream's epoch; what cannot be read is left out of the stream. The strings
 * live in *host. */
void host_describe(struct host *host, struct muster_stream *ret_stream);

/* The stream's clock: as in all records of this host. */
uint64_t host_now_ns(void);

/* Adds to a time on the stream's clock to get one since 1970. */
int64_t host_clock_offset_ns(void);

/* For measuring: is never set. */
uint64_t host_monotonic_ns(void);

/* Of this process, as others see it. */
uint64_t host_process_id(void);

/* A number that nobody can foresee; 0 where the system has none to give. */
uint64_t host_random(void);

/* Gives memory that is free back to the system, where the C library keeps it. */
void host_memory_trim(void);

#endif
