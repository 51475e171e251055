/* SPDX-License-Identifier: Apache-2.0 */
/* frame.h */
#include "frame.h"

#include <string.h>

#include "crc32c.h"

#define MARKER_BYTES MUSTER_CAPTURE_MARKER_BYTES

/* How far the marker may be moved on by the byte that stands under its last one; all of its bytes are different. */
static size_t marker_step(unsigned char last)
{
    for (size_t i = 0; i + 1 < MARKER_BYTES; i++)
        if ((unsigned char)MUSTER_CAPTURE_MARKER[i] == last)
            return MARKER_BYTES - 1 - i;
    return MARKER_BYTES;
}

/* Horspool: looks at every eighth byte of most text, and no payload can make it look at one more than eight times. */
const unsigned char *frame_find_marker(const void *bytes, size_t size_bytes)
{
    const unsigned char *at = bytes, *end = at + size_bytes;

    while ((size_t)(end - at) >= MARKER_BYTES) {
        if (memcmp(at, MUSTER_CAPTURE_MARKER, MARKER_BYTES) == 0)
            return at;
        at += marker_step(at[MARKER_BYTES - 1]);
    }
    return NULL;
}

uint32_t frame_check(const struct muster_capture_frame *frame)
{
    return crc32c(frame, offsetof(struct muster_capture_frame, check));
}

bool frame_header_is_sound(const struct muster_capture_frame *frame)
{
    return memcmp(frame->marker, MUSTER_CAPTURE_MARKER, MARKER_BYTES) == 0 && frame->payload_bytes % 8 == 0 &&
           frame->payload_bytes <= MUSTER_CAPTURE_PAYLOAD_MAX_BYTES && frame->number != UINT64_MAX &&
           frame->check == frame_check(frame);
}

void frame_mask(void *payload, size_t payload_bytes, uint64_t mask)
{
    uint64_t *words = payload;

    for (size_t i = 0; i < payload_bytes / 8; i++)
        words[i] ^= mask;
}

bool muster_capture_is_one(const void *bytes, size_t size_bytes)
{
    return frame_find_marker(bytes, size_bytes) != NULL;
}

const char *muster_capture_damage_name(unsigned kind)
{
    static const char *const names[] = {
        [MUSTER_CAPTURE_CHANGED] = "changed", [MUSTER_CAPTURE_MISSING] = "missing",
        [MUSTER_CAPTURE_DOUBLED] = "doubled", [MUSTER_CAPTURE_MOVED] = "moved",
        [MUSTER_CAPTURE_FOREIGN] = "foreign", [MUSTER_CAPTURE_REWRITTEN] = "rewritten",
        [MUSTER_CAPTURE_LATER] = "later",     [MUSTER_CAPTURE_CUT] = "cut",
    };
    MUSTER_STATIC_ASSERT(sizeof(names) / sizeof(*names) == MUSTER_CAPTURE_DAMAGE_COUNT, "every kind has a name");

    return kind < MUSTER_CAPTURE_DAMAGE_COUNT ? names[kind] : NULL;
}
