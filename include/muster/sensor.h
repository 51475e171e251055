/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sensor: what numbers and reports process events, and an exact account of what did not fit. One
 * implementation a host, chosen when linking.
 *
 *     sensor_linux/       eBPF programs, and the ring that they write to
 *     agent/nt_source.c   the Windows driver, through its device
 *
 * One thread at a time, except muster_sensor_ack, which one other thread may call.
 *
 *     open      everything is there that can fail; nothing is read yet
 *     attach    events are numbered and kept from here on (Windows: the driver does so since it started)
 *     baseline  the processes that already run, once, without those that the sensor reports itself
 *     next      the records, in place, in order; ack lets the kernel side forget them
 *     account   what was lost, as gap records
 *     detach    nothing more comes: what was read stays to be taken (Windows: the driver goes on, and keeps
 *               what comes for the next reader)
 *     close
 */
#ifndef MUSTER_SENSOR_H
#define MUSTER_SENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/annotations.h"
#include "muster/filter.h"
#include "muster/record.h"

#ifdef __cplusplus
extern "C" {
#endif

struct muster_sensor;
struct muster_kept;

/* What --buffer may be. */
#define MUSTER_SENSOR_BUFFER_MIN (64U * 1024U)
#define MUSTER_SENSOR_BUFFER_MAX (1024U * 1024U * 1024U)

struct muster_sensor_options {
    size_t buffer_bytes;   /* a power of two in these limits. Linux: the ring; Windows: what one READ takes */
    bool forks;            /* Linux: report forks, and the exits of processes that never exec'ed */
    size_t args_max_bytes; /* Linux: how much of the arguments is kept, in the limits of event.h; 0: the default */
    const struct muster_filter *filter; /* NULL: everything is wanted. Used where the sensor filters, below */
    /* Linux: the kernel side of that epoch, which goes on without us (muster/kept.h); the options above are its own
     * then. NULL: one that is made at open and ends with detach. */
    const struct muster_kept *kept;
    uint64_t kept_epoch;
};

/* What went wrong, for a person: `what` failed for `reason`, and `advice` is what to do about it. */
struct muster_sensor_error {
    const char *what;   /* static */
    const char *advice; /* static */
    char reason[160];   /* what the system said */
};

/* False, *ret_error set, on failure. */
bool muster_sensor_open(const struct muster_sensor_options *options, struct muster_sensor **ret_sensor,
                        struct muster_sensor_error *ret_error) MUSTER_MUST_CHECK;
bool muster_sensor_attach(struct muster_sensor *sensor, struct muster_sensor_error *ret_error) MUSTER_MUST_CHECK;

/* Names the start of the kernel side that gives the numbers. From open on. */
uint64_t muster_sensor_epoch(const struct muster_sensor *sensor);

/*
 * What to add to a record's time to get one since 1970, `measured_ns` by whoever asks. Where an earlier agent read the
 * same start of the kernel side (Linux, where that is kept) and the clock was not set since, it is what that one added:
 * so a record that is delivered again is the same to the nanosecond.
 */
int64_t muster_sensor_clock_offset(struct muster_sensor *sensor, int64_t measured_ns);

/* Calls `tell` for each process that runs (MUSTER_EVENT_PROCESS_RUNNING), by ascending pid, and then for
 * those that ended before the sensor got to them (MUSTER_RECORD_SYNTHETIC).
 * `tell` returns false to end early. Between attach and the first next. */
typedef bool (*muster_sensor_tell)(void *context, const struct muster_record *record);
bool muster_sensor_baseline(struct muster_sensor *sensor, muster_sensor_tell tell, void *context,
                            struct muster_sensor_error *ret_error) MUSTER_MUST_CHECK;

/* Whether all of that stands in the output already: an earlier agent told it of this start of the kernel side (Linux,
 * where that is kept). */
bool muster_sensor_baseline_told(struct muster_sensor *sensor);

/* False where records can be read, and no account be given of them (Linux: a kernel side of another version). */
bool muster_sensor_accounts(const struct muster_sensor *sensor);

/* The next record, validated, to be read in place until the next call (Linux: until it is
 * acknowledged); NULL where there is none now. *ret_position is what to acknowledge when this record
 * and all before are done with. */
const struct muster_record *muster_sensor_next(struct muster_sensor *sensor, uint64_t *ret_position);

/* Gives back the record that next just returned: it will be returned again. */
void muster_sensor_unread(struct muster_sensor *sensor, const struct muster_record *record);

void muster_sensor_ack(struct muster_sensor *sensor, uint64_t position);

/* What to wait on for records. Linux: a file descriptor for epoll; Windows: the handle of an event. */
intptr_t muster_sensor_wake_handle(const struct muster_sensor *sensor);

/*
 * Before going to sleep: asks for a wake-up at the next record (quiet), or when it is worth one (not
 * quiet; Linux: when a quarter of the ring is waiting). False: there is something to read now.
 */
bool muster_sensor_arm(struct muster_sensor *sensor, bool quiet);

/* False, *ret_error set, where the kernel side went away and nothing will come any more. */
bool muster_sensor_alive(const struct muster_sensor *sensor, struct muster_sensor_error *ret_error);

/*
 * Accounts for the numbers given up to some moment, and tells what was lost since the last time: gap
 * records, of which the ranges never overlap. (Windows: the driver tells its own among the records.)
 * `position` acknowledges the gap, with all that next has returned before; 0 where nothing does. `tell` returns false
 * where it cannot take the gap now: a later call tells it again.
 * Call it when everything has been read, or at any other time; what cannot be settled yet is settled by a
 * later call. True where every number given so far is accounted for, and where the kernel side keeps
 * what is acknowledged (Windows), it knows of that: after detach, and when all is read and
 * acknowledged, that comes at once.
 */
typedef bool (*muster_sensor_tell_gap)(void *context, const struct muster_record *record, uint64_t position);
bool muster_sensor_account(struct muster_sensor *sensor, muster_sensor_tell_gap tell, void *context);

/*
 * Linux, where the sensor sees all processes: after a loss was told, compares what runs with what the stream has told,
 * in several turns, and tells the starts and exits that are missing (MUSTER_RECORD_SYNTHETIC, MUSTER_FIELD_WINDOW), as
 * account tells a gap. To be called in each turn of reading. True where it wants to be called again within some ms.
 */
bool muster_sensor_reconcile(struct muster_sensor *sensor, muster_sensor_tell_gap tell, void *context);

/* The processes that the stream has told to be alive, and what was concluded from them. All 0 where nothing is. */
struct muster_sensor_known {
    uint64_t count;
    uint64_t capacity;
    uint64_t left_out; /* for whom there was no room, since they were last compared */
    uint64_t looks;    /* comparisons */
    uint64_t starts;   /* that were concluded */
    uint64_t exits;
};

/* At any time from open on, by the same thread as next. */
void muster_sensor_known(const struct muster_sensor *sensor, struct muster_sensor_known *ret_known);

/*
 * Whether numbered events that the filter does not want are left out, and counted, by the kernel side
 * (Linux). Where not, and for the baseline, who reads asks muster_filter_wants.
 */
bool muster_sensor_filters(void);

/* Whether losses wait to be told. Cheap. */
bool muster_sensor_has_losses(const struct muster_sensor *sensor);

/* Each is measured, none deduced from the others. */
struct muster_sensor_counts {
    uint64_t produced;         /* numbers given, and runs that the kernel skipped */
    uint64_t delivered_before; /* of those, acknowledged by earlier readers */
    uint64_t filtered;         /* by the kernel side */
    uint64_t degraded; /* by the kernel side, less those that next returned (Linux: and those that wait for it) */
    uint64_t held;     /* given, and neither read nor accounted for: what stays for the next reader */
    uint64_t read;     /* numbered records that next returned (less those unread) */
    uint64_t dropped[MUSTER_CAUSE_COUNT]; /* by the kernel side and on the way from it */
    uint64_t told[MUSTER_CAUSE_COUNT];    /* of those, told in this stream by gap records so far */
};

/* As of the last attach, account or detach. */
void muster_sensor_counts(const struct muster_sensor *sensor, struct muster_sensor_counts *ret_counts);

/* How full the kernel side's buffer is. All 0 where that cannot be told at no cost (Windows: `muster driver status`
 * asks the driver). */
struct muster_sensor_buffer {
    size_t size_bytes;
    size_t used_bytes;  /* not acknowledged, whether it was read or not */
    uint64_t oldest_ns; /* when the event happened that has been in there longest; 0: there is none */
};

/* Whose events the kernel side lost most, since it began: by parent, and by name. Counts are true at least; who was
 * lost seldom may be missing. Linux. */
#define MUSTER_SENSOR_SHED_ROWS 5

struct muster_sensor_shed_row {
    uint64_t counts[MUSTER_EVENT_NUMBERED_COUNT]; /* by type - 1; all 0: there is no such row */
    uint64_t pid;                                 /* of the parent */
    char name[24];                                /* of its first thread, as the kernel has it; terminated */
};

struct muster_sensor_shed {
    struct muster_sensor_shed_row parents[MUSTER_SENSOR_SHED_ROWS]; /* the most first */
    struct muster_sensor_shed_row names[MUSTER_SENSOR_SHED_ROWS];
};

/* As muster_sensor_buffer. */
void muster_sensor_shed(const struct muster_sensor *sensor, struct muster_sensor_shed *ret_shed);

/* At any time from open on, by the same thread as next. */
void muster_sensor_buffer(const struct muster_sensor *sensor, struct muster_sensor_buffer *ret_buffer);

/* The output has this stream's end, sensor-stopped. (Linux, where the kernel side is kept: it need not be told again.)
 */
void muster_sensor_end_tell(struct muster_sensor *sensor);

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
