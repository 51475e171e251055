/* SPDX-License-Identifier: Apache-2.0 */
/* frame_input.h */
#include "frame_input.h"

#include <errno.h>
#include <string.h>

#include "frame.h"

static void input_compact(struct frame_input *input, size_t bytes)
{
    if (input->begin % 8 == 0 && sizeof(input->bytes) - input->begin >= bytes)
        return;
    memmove(input->bytes, frame_input_at(input), input->end - input->begin);
    input->end -= input->begin;
    input->begin = 0;
}

/* Not more than what is needed and some: where frames stand at odd places, what was read is moved for each. */
static void input_read(struct frame_input *input, size_t bytes)
{
    size_t room = sizeof(input->bytes) - input->end, wanted = bytes - (input->end - input->begin) + FRAME_INPUT_AHEAD;
    long count;

    if (wanted > room)
        wanted = room;
    do
        count = input->source.read(input->source.context, (char *)input->bytes + input->end, wanted);
    while (count < 0 && errno == EINTR);
    if (count > 0 && (size_t)count <= wanted) {
        input->end += (size_t)count;
        return;
    }
    input->at_end = true;
    if (count != 0)
        input->error = count < 0 && errno ? errno : EIO;
}

size_t frame_input_need(struct frame_input *input, size_t bytes)
{
    input_compact(input, bytes);
    while (input->end - input->begin < bytes && !input->at_end)
        input_read(input, bytes);
    return input->end - input->begin;
}

void frame_input_skip(struct frame_input *input, size_t bytes)
{
    input->begin += bytes;
    input->offset_bytes += bytes;
}

static bool header_at(const unsigned char *bytes, struct muster_capture_frame *ret_frame)
{
    struct muster_capture_frame frame;

    memcpy(&frame, bytes, sizeof(frame));
    if (!frame_header_is_sound(&frame))
        return false;
    *ret_frame = frame;
    return true;
}

bool frame_input_header(struct frame_input *input, struct muster_capture_frame *ret_frame)
{
    return frame_input_need(input, MUSTER_CAPTURE_HEADER_BYTES) >= MUSTER_CAPTURE_HEADER_BYTES &&
           header_at(frame_input_at(input), ret_frame);
}

size_t frame_input_next_header(struct frame_input *input, size_t from, size_t limit)
{
    size_t there = frame_input_need(input, limit + MUSTER_CAPTURE_HEADER_BYTES);
    const unsigned char *begin = frame_input_at(input), *found;
    struct muster_capture_frame ignored;

    while (there >= MUSTER_CAPTURE_HEADER_BYTES && from <= there - MUSTER_CAPTURE_HEADER_BYTES && from < limit) {
        found = frame_find_marker(begin + from, there - from);
        if (!found)
            break;
        from = (size_t)(found - begin);
        if (from < limit && there - from >= MUSTER_CAPTURE_HEADER_BYTES && header_at(found, &ignored))
            return from;
        from += MUSTER_CAPTURE_MARKER_BYTES;
    }
    return limit;
}
