/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a capture that are being looked at: one frame and the beginning of the next at most, however long the
 * input is. Also looks for where the next frame begins.
 */
#ifndef MUSTER_CAPTURE_FRAME_INPUT_H
#define MUSTER_CAPTURE_FRAME_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/capture_file.h"

/* The longest frame, the header of the next, and what makes reading worth its call. */
#define FRAME_INPUT_AHEAD (64U * 1024U)
#define FRAME_INPUT_BYTES                                                                                              \
    (MUSTER_CAPTURE_OVERHEAD_BYTES + MUSTER_CAPTURE_PAYLOAD_MAX_BYTES + MUSTER_CAPTURE_HEADER_BYTES + FRAME_INPUT_AHEAD)

struct frame_input {
    struct muster_capture_source source;
    uint64_t offset_bytes; /* of the cursor, in the input */
    size_t begin;          /* the cursor; `bytes + begin` is aligned to 8 after frame_input_need */
    size_t end;
    bool at_end; /* nothing more comes */
    int error;   /* errno of a read that failed, or 0 */
    unsigned char bytes[FRAME_INPUT_BYTES] __attribute__((aligned(8)));
};

/* Reads until `bytes` stand behind the cursor, or the input ends. What stands behind the cursor is aligned then.
 * Returns how many do. */
size_t frame_input_need(struct frame_input *input, size_t bytes);

/* Moves the cursor on. */
void frame_input_skip(struct frame_input *input, size_t bytes);

static inline unsigned char *frame_input_at(struct frame_input *input)
{
    return input->bytes + input->begin;
}

/* The header at the cursor: true, and *ret_frame, where there is a sound one. */
bool frame_input_header(struct frame_input *input, struct muster_capture_frame *ret_frame);

/* How far behind the cursor, from `from` on and before `limit`, the next sound header stands; `limit` where there is
 * none, or where the input ends before that. */
size_t frame_input_next_header(struct frame_input *input, size_t from, size_t limit);

#endif
