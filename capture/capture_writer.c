/* SPDX-License-Identifier: Apache-2.0 */
/* Writing, of muster/capture_file.h. Called by the capture sink; keeps no state but the caller's. */
#include <string.h>

#include "blake2b.h"
#include "frame.h"

static void frame_begin(struct muster_capture_writer *writer)
{
    struct muster_capture_frame *next = &writer->next;

    next->first_sequence = next->last_sequence = 0;
    next->start_ns = next->end_ns = 0;
    next->flags = 0;
    next->mask = 0;
}

void muster_capture_writer_init(struct muster_capture_writer *writer, uint64_t capture)
{
    *writer = (struct muster_capture_writer){.next = {.capture = capture, .version = MUSTER_CAPTURE_VERSION}};
    memcpy(writer->next.marker, MUSTER_CAPTURE_MARKER, MUSTER_CAPTURE_MARKER_BYTES);
    frame_begin(writer);
}

static void range_widen(uint64_t *first, uint64_t *last, uint64_t value)
{
    if (*first == 0 || value < *first)
        *first = value;
    if (value > *last)
        *last = value;
}

static void loss_add(struct muster_capture_writer *writer, const struct muster_record *record)
{
    const struct muster_gap *gap = (const void *)record;

    for (unsigned cause = 0; cause < MUSTER_GAP_CAUSES; cause++)
        writer->lost[cause] += gap->causes[cause];
}

void muster_capture_add(struct muster_capture_writer *writer, const struct muster_record *record)
{
    struct muster_capture_frame *next = &writer->next;

    next->record_total++;
    if (record->time_ns != 0)
        range_widen(&next->start_ns, &next->end_ns, record->time_ns);
    if (record->type == MUSTER_EVENT_GAP)
        loss_add(writer, record);
    if (!muster_record_is_numbered(record))
        return;
    next->totals[record->type - 1]++;
    if (record->sequence == 0)
        return;
    range_widen(&next->first_sequence, &next->last_sequence, record->sequence);
    range_widen(&writer->first_sequence, &writer->last_sequence, record->sequence);
}

/*
 * A payload may hold the marker: whoever starts a process chooses its arguments. What is unforeseeable about the mask
 * is that it comes from the digest of the frame before, so nobody can write arguments for it.
 */
static uint64_t mask_for(const struct muster_capture_frame *frame, unsigned char *payload)
{
    uint64_t mask, tries = 0;

    if (!frame_find_marker(payload, frame->payload_bytes))
        return 0;
    memcpy(&mask, frame->previous, sizeof(mask));
    do {
        mask = (mask + ++tries) * 0x9e3779b97f4a7c15U | 1U;
        frame_mask(payload, frame->payload_bytes, mask);
        if (!frame_find_marker(payload, frame->payload_bytes))
            return mask;
        frame_mask(payload, frame->payload_bytes, mask);
    } while (true);
}

void muster_capture_seal(struct muster_capture_writer *writer, enum muster_capture_frame_type type, unsigned flags,
                         int64_t clock_offset_ns, void *frame, size_t payload_bytes)
{
    struct muster_capture_frame *next = &writer->next;
    unsigned char *payload = (unsigned char *)frame + MUSTER_CAPTURE_HEADER_BYTES;
    unsigned char *digest = payload + payload_bytes;

    next->payload_bytes = (uint32_t)payload_bytes;
    next->type = (uint16_t)type;
    next->flags = (uint8_t)flags;
    next->clock_offset_ns = clock_offset_ns;
    next->mask = mask_for(next, payload);
    next->check = frame_check(next);
    memcpy(frame, next, sizeof(*next));
    blake2b(frame, MUSTER_CAPTURE_HEADER_BYTES + payload_bytes, digest);
    memcpy(next->previous, digest, MUSTER_CAPTURE_DIGEST_BYTES);
    next->number++;
    frame_begin(writer);
}
