/* SPDX-License-Identifier: Apache-2.0 */
/* A line of NDJSON, read by a parser of its own: only what the truth is compared with. */
#ifndef MUSTER_SIM_LINE_H
#define MUSTER_SIM_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* By the names in the output. */
enum line_cause {
    LINE_RING_FULL,
    LINE_CLASS_SHED,
    LINE_QUEUE_FULL,
    LINE_ALLOCATION_FAILED,
    LINE_IRQL_REFUSED,
    LINE_PROGRAM_MISSED,
    LINE_RECORD_INVALID,
    LINE_RECORD_TOO_LARGE,
    LINE_UNEXPLAINED,
    LINE_CAUSE_COUNT
};

enum line_type { LINE_START, LINE_EXIT, LINE_FORK, LINE_MESSAGE, LINE_TYPE_COUNT };

struct line {
    char action[24];
    char epoch[17];
    bool has_sequence, has_pid, has_range, has_loss, has_ledger, is_skeleton;
    uint64_t sequence;
    uint64_t pid;
    char executable[32];
    unsigned arg_count;
    size_t arg_bytes; /* of all arguments */
    char arg_first, arg_last;

    /* muster.loss */
    uint64_t loss_count, first_sequence, last_sequence;
    uint64_t causes[LINE_CAUSE_COUNT];
    uint64_t types[LINE_TYPE_COUNT];

    /* muster.ledger */
    uint64_t produced, delivered, filtered, held, degraded;
    uint64_t dropped[LINE_CAUSE_COUNT];
};

/* False where it is not one JSON object, or has a name among its causes and types that is not known. */
bool line_parse(struct line *ret_line, const char *bytes, size_t size_bytes);

#endif
