/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel side kept in bpffs (Linux): programs, ring, counters and the account's journal, which go on numbering and
 * recording while no agent runs. A folder of root's, mode 0700, with a folder for each epoch in it:
 *
 *     /sys/fs/bpf/muster/               locked by the agent that runs
 *     /sys/fs/bpf/muster/7ffadd0be74f8483/   one kernel side: recording, or ended and not read to the end
 *
 * muster/sensor.h opens one of them (options.kept); here they are made, looked at, ended and taken away.
 */
#ifndef MUSTER_KEPT_H
#define MUSTER_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/annotations.h"
#include "muster/sensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct muster_kept; /* the folder, open; locked where muster_kept_own made it */

#define MUSTER_KEPT_SIDES_MAX 16

struct muster_kept_side {
    uint64_t epoch;
    uint64_t created_ns; /* CLOCK_BOOTTIME */
    uint64_t build;      /* of the BPF programs: a hash */
    uint32_t abi;        /* of what agent and programs share */
    bool readable;       /* by this program; if not, what stands below the empty line is not set */
    bool records_known;  /* its records are, at least */
    bool recording;      /* numbers are being given */
    size_t buffer_bytes;
    uint64_t unacknowledged_bytes;

    bool forks;
    uint64_t filter;       /* a hash, 0: none */
    uint64_t numbers;      /* given so far */
    uint64_t acknowledged; /* of those, by an agent whose output had them */
    uint64_t unsettled;    /* of those, neither that nor accounted for as lost or left out */
    uint64_t held;         /* of those, not left out by a filter: in the ring, or lost and not told */
    uint64_t gaps_untold;  /* gaps that no output has yet */
    bool end_told;         /* the last agent left in good order: its output ends with its account */
};

/* Opens the folder where there is one, `path` NULL: in its usual place; changes nothing. *ret_kept NULL where there is
 * none. False with *ret_error set where what is there is not to be trusted. */
bool muster_kept_look(const char *path, struct muster_kept **ret_kept,
                      struct muster_sensor_error *ret_error) MUSTER_MUST_CHECK;

/* Opens the folder and locks it until close; makes it, and mounts bpffs, where that is missing. False with *ret_error
 * set; *ret_holder is the process that has the lock, 0 where that is not the reason. */
bool muster_kept_own(const char *path, struct muster_kept **ret_kept, int *ret_holder,
                     struct muster_sensor_error *ret_error) MUSTER_MUST_CHECK;

/* Waits until nobody has the lock, and takes it; makes nothing. False where it was not to be had in that time. */
bool muster_kept_wait(struct muster_kept *kept, unsigned timeout_ms) MUSTER_MUST_CHECK;

/* The process that has the lock; 0: nobody, or one that cannot be seen from here. */
int muster_kept_holder(const struct muster_kept *kept);

const char *muster_kept_path(const struct muster_kept *kept);
void muster_kept_close(struct muster_kept *kept);

/* Up to `capacity` sides, the oldest first. */
size_t muster_kept_list(const struct muster_kept *kept, struct muster_kept_side *ret_sides, size_t capacity);

/* Whether an ended side has anything that an output does not have, at least its end. */
bool muster_kept_is_finished(const struct muster_kept_side *side);

/* What keeps a side from being taken over as it is: bits. */
#define MUSTER_KEPT_OTHER_ABI    1U
#define MUSTER_KEPT_OTHER_BUILD  2U
#define MUSTER_KEPT_OTHER_BUFFER 4U
#define MUSTER_KEPT_OTHER_FORKS  8U
#define MUSTER_KEPT_OTHER_FILTER 16U
#define MUSTER_KEPT_ENDED        32U
unsigned muster_kept_differences(const struct muster_kept_side *side, const struct muster_sensor_options *options);

/* Makes a kernel side that records from now on: it begins for all its programs at one moment. Only under the lock, as
 * the next two. */
bool muster_kept_create(struct muster_kept *kept, const struct muster_sensor_options *options, uint64_t *ret_epoch,
                        struct muster_sensor_error *ret_error) MUSTER_MUST_CHECK;

/* Takes away what an agent left that died while it made a side. */
void muster_kept_tidy(struct muster_kept *kept);

/* Takes a side away, with what nobody has read. False with errno set. */
bool muster_kept_remove(struct muster_kept *kept, uint64_t epoch);

/* Ends a side: when this returns, no more numbers are given, and the programs are on their way out. What is in the ring
 * stays. Also while an agent reads it, who has then little left to do. False with errno set. */
bool muster_kept_end(const struct muster_kept *kept, uint64_t epoch);

/* Takes the empty folder away, and the file system where it was mounted for this alone. False with errno set. */
bool muster_kept_uninstall(struct muster_kept *kept);

#ifdef __cplusplus
}
#endif

#endif
