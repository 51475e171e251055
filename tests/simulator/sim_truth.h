/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The truth: every event that the simulated machine has produced, and what became of it, known from the side that
 * produced it. What the agent says and does is compared with it at once: each line of the output when it is complete,
 * each acknowledgement when it is made, what is lost when it is lost. Shares no code with what it judges, and takes
 * none of its numbers on trust.
 */
#ifndef MUSTER_SIM_TRUTH_H
#define MUSTER_SIM_TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_line.h"
#include "sim_plan.h"

enum fate {
    FATE_UNDER_WAY,
    FATE_FILTERED, /* by the kernel side */
    FATE_LOST,     /* by the kernel side, `cause` says why */
    FATE_RESERVED, /* has its place in the ring */
    FATE_IN_RING,  /* and stands there; for ever, as far as this knows */
    FATE_INVALID,  /* likewise, but nobody can read it */
};

struct event {
    uint8_t type;
    uint8_t fate;
    uint8_t cause;
    bool known; /* whose it is; not yet where a program has just taken it */
    bool wanted;
    bool told;          /* within a gap of the output */
    uint32_t delivered; /* the run in which it last became a whole line of the output; 0: none */
    bool degraded;      /* put as a skeleton, if at all */
    uint32_t pid;
    uint32_t text_bytes;
    uint64_t start_ns;
    uint64_t time_ns;
    uint64_t ring_end; /* position behind it */
    uint64_t submitted_ns;
    uint64_t line_hash;
    uint64_t line_end; /* in the output */
};

/* Figures of a seed, for whoever wants to know what the seeds came across. */
struct truth_sums {
    uint64_t events, delivered, again, skeletons, lost, filtered, gaps, gaps_again, missed, baseline, runs;
};

void truth_begin(const struct plan *plan);
struct truth_sums truth_sums(void);

/* ---- what the kernel side does ---------------------------------------------------------------- */

/* The event that has that number from now on. Borrowed until the next one is made: look it up again. */
void truth_numbered(uint64_t sequence, const struct event *event);
struct event *truth_event(uint64_t sequence);
void truth_filtered(uint64_t sequence);
void truth_degraded(uint64_t sequence);
void truth_lost(uint64_t sequence, unsigned cause);
void truth_reserved(uint64_t sequence, uint64_t ring_end);
void truth_submitted(uint64_t sequence, bool valid);
void truth_missed(unsigned type);
void truth_ring_begins(uint64_t position);
void truth_attached(void);

/* Until then delays and losses are no wonder: the output stands still, memory fails. */
void truth_excuse(uint64_t until_ns);

/* ---- what the agent does ---------------------------------------------------------------------- */

/* Another process begins. `last`: nothing comes any more, and nothing fails. */
void truth_run_begins(bool last);

/* It has opened the sensor; what it takes for acknowledged, and whether it believes that the baseline was told. */
void truth_sensor_opened(uint64_t position, bool baseline_told);

/* The next process that already runs; that it was not taken after all; that all were. */
void truth_baseline(uint32_t pid, bool wanted);
void truth_baseline_not(bool wanted);
void truth_baseline_whole(void);

/* From here on it reads, for good; and from there on it is at its end. */
void truth_reading(void);
void truth_leaving(void);
void truth_acknowledged(uint64_t position);

/* A whole line, with its place behind it in the output; and up to where that is on the disk. */
void truth_line(const struct line *line, uint64_t hash, uint64_t line_end);
void truth_synced(uint64_t bytes);

/* What the hops say of themselves while all goes on: how many the queue got, how many the sensor read, how many the
 * pump has delivered. */
void truth_hops(uint64_t queue_produced, uint64_t sensor_read, uint64_t pump_delivered);

/* What is told to `muster status`. */
void truth_figures(uint64_t produced, uint64_t delivered);

/* ---- the end ---------------------------------------------------------------------------------- */

enum truth_end {
    END_DONE,      /* all was delivered */
    END_OUTPUT,    /* the output failed */
    END_STALLED,   /* gave up on it */
    END_ABANDONED, /* told to */
    END_BEGIN,     /* it never began */
    END_CRASHED,
};

/* Why an end came that only something else can bring about. */
struct truth_reasons {
    int output_error;     /* of the last write that failed; 0: none did */
    bool no_memory;       /* an allocation of the C library's failed */
    bool stands_still;    /* the output, now */
    bool memory_runs_out; /* now */
    bool close_failed;    /* the output's */
};

struct truth_verdict {
    enum truth_end end;
    int exit_code;
    const char *report;      /* what was written to standard error */
    uint64_t sensor_dropped; /* what the sensor has accounted for, told or about to be */
    uint64_t sensor_filtered;
    uint64_t sensor_missed;
    uint64_t agent_filtered;
    uint64_t agent_delivered; /* what the agent itself believes */
    int error;                /* of the output, as the agent saw it */
    struct truth_reasons reasons;
};
void truth_judge(const struct truth_verdict *verdict);

#endif
