/* SPDX-License-Identifier: Apache-2.0 */
/* One frame, as bytes: what writer and reader share. */
#ifndef MUSTER_CAPTURE_FRAME_H
#define MUSTER_CAPTURE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/capture_file.h"

/* The first marker; NULL where there is none. */
const unsigned char *frame_find_marker(const void *bytes, size_t size_bytes);

/* Whether a header, which may be anything, is one: marker, check, sizes. Its version and type may still be ones that
 * are not known. */
bool frame_header_is_sound(const struct muster_capture_frame *frame);

/* The check of a header. */
uint32_t frame_check(const struct muster_capture_frame *frame);

/* How long the frame is. */
static inline size_t frame_bytes(const struct muster_capture_frame *frame)
{
    return (size_t)MUSTER_CAPTURE_OVERHEAD_BYTES + frame->payload_bytes;
}

/* Puts the mask on a payload, or takes it off. */
void frame_mask(void *payload, size_t payload_bytes, uint64_t mask);

#endif
