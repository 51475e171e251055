/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines that a sink has formatted and not yet written, in front of its target. It knows where
 * each line ends and how many numbered records it stands for, so that after a write that failed
 * half-way the count of what was delivered is exact.
 */
#ifndef MUSTER_SINKS_OUTPUT_H
#define MUSTER_SINKS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "muster/sink.h"

enum {
    OUTPUT_FULL_BYTES = 64 * 1024,  /* from here on it is worth a write */
    OUTPUT_KEPT_BYTES = 128 * 1024, /* memory that stays between batches */
    OUTPUT_LINES_MAX = 1024,
};

struct output_line {
    size_t end_bytes;        /* in the buffer, behind its newline */
    uint64_t numbered_count; /* records that count as delivered with it */
};

struct output {
    struct muster_output_target target;
    struct buffer buffer;
    struct output_line lines[OUTPUT_LINES_MAX];
    size_t line_count;
    uint64_t pending_count; /* numbered records given since the last line ended */
    uint64_t delivered_count;
    uint64_t whole_bytes; /* written, up to the end of the last whole line */
};

void output_init(struct output *output, const struct muster_output_target *target);
void output_deinit(struct output *output);

/* Call behind each line's newline. The pending records are delivered when it is. */
void output_end_line(struct output *output);

/* Whether the lines should be written before another one is formatted. */
bool output_is_full(const struct output *output);

/* Writes all lines. MUSTER_OUTPUT_FAILED with errno set: nothing more may be formatted. */
enum muster_status output_write(struct output *output) MUSTER_MUST_CHECK;

/* Behind a batch whose lines are written: what left no line by its nature is delivered too, and
 * memory that an outsize line took is given back. */
void output_end_batch(struct output *output);

#endif
