/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of known words beside a running sensor, and what it has of them. linux_selftest.c. */
#ifndef MUSTER_SELFTEST_H
#define MUSTER_SELFTEST_H

#include <stdbool.h>
#include <stdint.h>

#include "selftest_follow.h"

struct selftest_options {
    uint32_t count;
    const char *file; /* NULL: the running sensor's, or that of one of its own */
    bool as_json;
};

/* Returns the exit code. */
int selftest_run(const struct selftest_options *options);

/* What there is to tell when all has been done. */
struct selftest_result {
    char sensor[600]; /* who was tested, in words */
    uint32_t sizes[SHAPE_COUNT];
    const struct selftest_truth *truth[SHAPE_COUNT];
    const struct selftest_seen *seen[SHAPE_COUNT];
    uint64_t lost_told;
    bool pids_known; /* in the initial pid namespace: the stream's pids are ours */
};

/* To standard output. Returns the exit code. */
int selftest_report(const struct selftest_result *result, bool as_json);

#endif
