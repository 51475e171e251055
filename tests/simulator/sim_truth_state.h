/* SPDX-License-Identifier: Apache-2.0 */
/* What the truth is kept in, for the files that compare with it: sim_truth.c while the agent runs, sim_judge.c at its
 * end. */
#ifndef MUSTER_SIM_TRUTH_STATE_H
#define MUSTER_SIM_TRUTH_STATE_H

#include "sim_truth.h"

struct range {
    uint64_t first, last;
};

struct truth {
    struct plan plan;

    /* the kernel side; arrays stay from one seed to the next */
    struct event *events; /* by number - 1 */
    size_t events_capacity;
    uint64_t given;
    uint64_t types[LINE_TYPE_COUNT];
    uint64_t lost, filtered;
    uint64_t missed[LINE_TYPE_COUNT];
    uint64_t *order; /* numbers, as they stand in the ring */
    size_t order_count, order_capacity;
    uint64_t attached_ns;

    /* the agent */
    bool reading; /* it is past its beginning, and not at its end */
    uint64_t excused_ns;
    size_t acknowledged; /* of the order */
    uint64_t acknowledged_position;

    /* the output */
    uint64_t lines, gaps;
    uint64_t delivered, told, told_invalid;
    uint64_t delivered_types[LINE_TYPE_COUNT];
    uint64_t missed_told[LINE_TYPE_COUNT];
    uint64_t told_causes[LINE_CAUSE_COUNT];
    uint64_t baseline_told, baseline_shown; /* of those that are wanted */
    uint32_t baseline_last;                 /* pid */
    struct range *ranges;
    size_t range_count, ranges_capacity;
    bool stopped_shown;

    struct truth_sums sums;
};

extern struct truth truth;

#endif
