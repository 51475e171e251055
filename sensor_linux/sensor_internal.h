/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor's parts, shared by the files of this folder. */
#ifndef MUSTER_SENSOR_INTERNAL_H
#define MUSTER_SENSOR_INTERNAL_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/sensor_shared.h"
#include "intake.h"
#include "muster/filter.h" /* before the skeleton, which has one */

#include "muster.skel.h"
#include "muster/sensor.h"

struct muster_sensor {
    struct muster_bpf *programs;
    struct bpf_link *links[SENSOR_PROGRAM_COUNT];
    struct muster_sensor_options options;
    uint64_t epoch;
    struct intake intake;
    struct sensor_cpu *cpus; /* mapped */
    size_t cpus_bytes;
    int wake_fd;          /* an epoll on the ring: edge-triggered whatever the caller does */
    uint64_t attached_ns; /* when the last program was attached */
};

/* CLOCK_BOOTTIME, the clock of the records. */
uint64_t sensor_now_ns(void);

/* Sets *error; returns false, for the caller to return. */
bool sensor_fail(struct muster_sensor_error *error, int number, const char *what);

/* Opens and loads the programs with maps of the right sizes; NULL with *ret_error set. */
struct muster_bpf *sensor_load(const struct muster_sensor_options *options, struct muster_sensor_error *ret_error);

#endif
