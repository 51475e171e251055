/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor's parts, shared by the files of this folder. */
#ifndef MUSTER_SENSOR_INTERNAL_H
#define MUSTER_SENSOR_INTERNAL_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/sensor_shared.h"
#include "intake.h"
#include "kernel_side.h"
#include "muster/filter.h" /* before the skeleton, which has one */
#include "reconcile.h"

#include "muster.skel.h"
#include "muster/sensor.h"

struct muster_sensor {
    struct muster_bpf *programs; /* NULL: the kernel side is kept, and is not ours to load or attach */
    struct bpf_link *links[SENSOR_PROGRAM_COUNT];
    struct muster_sensor_options options;
    uint64_t epoch;
    struct kernel_side side;
    struct intake intake;
    bool intake_opened;
    struct reconcile reconcile;
    int wake_fd;          /* an epoll on the ring: edge-triggered whatever the caller does */
    uint64_t attached_ns; /* when the last program was attached */

    /* where the kernel side is of another version, and only its records can be read */
    bool records_only;
    struct sensor_control no_control;
    struct sensor_cpu no_cpu;
};

/* CLOCK_BOOTTIME, the clock of the records. */
uint64_t sensor_now_ns(void);

/* Sets *error; returns false, for the caller to return. */
bool sensor_fail(struct muster_sensor_error *error, int number, const char *what);

/* Opens and loads the programs with maps of the right sizes; NULL with *ret_error set. */
struct muster_bpf *sensor_load(const struct muster_sensor_options *options, struct muster_sensor_error *ret_error);

/* Whether /proc and the iterator have all the processes that the records tell of. */
bool in_initial_pid_namespace(void);

/* The same of the baseline's iterator alone, with what it needs. */
struct muster_bpf *sensor_load_baseline(struct muster_sensor_error *ret_error);

#endif
