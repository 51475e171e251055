/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Linux sensor: eBPF programs that number and report process events, the ring that they write
 * to, and an exact account of what did not fit.
 *
 * One thread at a time, except muster_sensor_ack, which one other thread may call.
 *
 *     open      loads everything; nothing is reported yet
 *     attach    events are numbered and kept in the ring from here on
 *     baseline  the processes that already run, once, without those that the ring reports itself
 *     next      the records of the ring, in place, in order; ack lets the ring reuse their room
 *     account   what was lost, as gap records
 *     detach    no event is numbered any more; what is in the ring stays readable
 *     close
 */
#ifndef MUSTER_SENSOR_LINUX_H
#define MUSTER_SENSOR_LINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/annotations.h"
#include "muster/record.h"

#ifdef __cplusplus
extern "C" {
#endif

struct muster_sensor;

#define MUSTER_SENSOR_RING_MIN     (64U * 1024U)
#define MUSTER_SENSOR_RING_MAX     (1024U * 1024U * 1024U)
#define MUSTER_SENSOR_RING_DEFAULT (8U * 1024U * 1024U)
#define MUSTER_SENSOR_TICK_NS      10000000U /* USER_HZ is 100 */

struct muster_sensor_options {
    size_t ring_bytes; /* a power of two, MUSTER_SENSOR_RING_MIN to _MAX */
    bool forks;        /* report forks, and the exits of processes that never exec'ed */
};

/* What went wrong, for a person: `what` failed with `error` (an errno), and `advice` is what to do
 * about it. Static strings. */
struct muster_sensor_error {
    const char *what;
    const char *advice;
    int error;
};

/* False, *ret_error set, on failure. */
bool muster_sensor_open(const struct muster_sensor_options *options, struct muster_sensor **ret_sensor,
                        struct muster_sensor_error *ret_error) MUSTER_MUST_CHECK;
bool muster_sensor_attach(struct muster_sensor *sensor, struct muster_sensor_error *ret_error) MUSTER_MUST_CHECK;

/* Calls `tell` for each process that runs (MUSTER_EVENT_PROCESS_RUNNING), by ascending pid, and then for
 * those that ended before the sensor got to them (MUSTER_RECORD_SYNTHETIC).
 * `tell` returns false to end early. Between attach and the first next. */
typedef bool (*muster_sensor_tell)(void *context, const struct muster_record *record);
bool muster_sensor_baseline(struct muster_sensor *sensor, muster_sensor_tell tell, void *context,
                            struct muster_sensor_error *ret_error) MUSTER_MUST_CHECK;

/* The next record, validated, in the ring's memory until it is acknowledged; NULL where there is
 * none now. *ret_position is what to acknowledge when this record and all before are done with. */
const struct muster_record *muster_sensor_next(struct muster_sensor *sensor, uint64_t *ret_position);

/* Gives back the record that next just returned: it will be returned again. */
void muster_sensor_unread(struct muster_sensor *sensor, const struct muster_record *record);

void muster_sensor_ack(struct muster_sensor *sensor, uint64_t position);

/* For epoll, edge-triggered: ready when the kernel side woke the reader. */
int muster_sensor_fd(const struct muster_sensor *sensor);

/*
 * Before going to sleep: asks for a wake-up at the next record (quiet) or when a quarter of the
 * ring is waiting (not quiet). False: there is something to read now.
 */
bool muster_sensor_arm(struct muster_sensor *sensor, bool quiet);

/*
 * Accounts for the numbers given up to some moment, and tells what was lost since the last time: gap
 * records, of which the ranges never overlap. Call it when the ring has been read empty, or at any
 * other time; what cannot be settled yet is settled by a later call. True where every number given
 * so far is accounted for: after detach, and when the ring is empty, that comes at once.
 */
bool muster_sensor_account(struct muster_sensor *sensor, muster_sensor_tell tell, void *context);

/* Whether losses wait to be told. Cheap. */
bool muster_sensor_has_losses(const struct muster_sensor *sensor);

struct muster_sensor_counts {
    uint64_t produced;                    /* numbers given, and runs that the kernel skipped */
    uint64_t read;                        /* numbered records that next returned (less those unread) */
    uint64_t dropped[MUSTER_CAUSE_COUNT]; /* as told by gap records so far */
};

void muster_sensor_counts(const struct muster_sensor *sensor, struct muster_sensor_counts *ret_counts);

void muster_sensor_detach(struct muster_sensor *sensor);
void muster_sensor_close(struct muster_sensor *sensor);

/* One line of `muster doctor`. */
struct muster_sensor_finding {
    const char *what; /* "kernel type information (BTF)" */
    bool good;
    char detail[160];   /* what was seen */
    const char *advice; /* NULL where it is good */
};

/* Checks what the sensor needs, without keeping anything running: up to `capacity` findings.
 * Returns how many there are. */
size_t muster_sensor_diagnose(struct muster_sensor_finding *ret_findings, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
