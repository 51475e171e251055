/* SPDX-License-Identifier: Apache-2.0 */
/* What the truth is kept in, for the files that compare with it: sim_truth.c and sim_lines.c while the agent runs,
 * sim_judge.c at its end. */
#ifndef MUSTER_SIM_TRUTH_STATE_H
#define MUSTER_SIM_TRUTH_STATE_H

#include "sim_truth.h"

/* A gap that stands in the output. */
struct told_gap {
    uint64_t first, last; /* 0: of runs that had no number */
    uint64_t hash;        /* of the line */
    bool acknowledged;
    unsigned run;
};

struct truth {
    struct plan plan;

    /* the kernel side; arrays stay from one seed to the next */
    struct event *events; /* by number - 1 */
    size_t events_capacity;
    uint64_t given;
    uint64_t lost;
    uint64_t missed[LINE_TYPE_COUNT];
    uint64_t *order; /* numbers, as they stand in the ring */
    size_t order_count, order_capacity;
    uint64_t attached_ns;

    /* the agents, one after the other */
    unsigned run;  /* from 1 */
    bool last_run; /* nothing comes any more, and nothing fails */
    bool reading;  /* it is past its beginning, and not at its end */
    uint64_t excused_ns;
    size_t acknowledged;          /* of the order */
    uint64_t acknowledged_valid;  /* of those, records that can be read */
    uint64_t acknowledged_before; /* likewise, when this run began */
    uint64_t acknowledged_position;
    uint64_t synced_bytes; /* of the output */

    /* the output */
    uint64_t delivered; /* numbers */
    uint64_t missed_told[LINE_TYPE_COUNT];
    uint64_t told_causes[LINE_CAUSE_COUNT];
    struct told_gap *gaps;
    size_t gap_count, gaps_capacity;
    bool baseline_acknowledged;

    /* of this run */
    uint64_t run_lines, run_delivered, run_told;
    uint64_t baseline_told, baseline_shown; /* of those that are wanted */
    uint32_t baseline_last;                 /* pid */
    bool baseline_whole;                    /* all was told */
    bool stopped_shown;
    uint64_t stopped_produced; /* as the last line has it */

    struct truth_sums sums;
};

extern struct truth truth;

/* Room for one more of so many bytes. */
void *truth_grown(void *array, size_t count, size_t *capacity, size_t size_bytes);

/* The most numbers that can have been given: a program may have one and not have told it here yet. */
uint64_t truth_given_most(void);
uint64_t truth_missed_count(void);

#endif
