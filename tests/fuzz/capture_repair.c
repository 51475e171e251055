/* SPDX-License-Identifier: Apache-2.0 */
/* capture_repair.h. With the product's own checksums: they are put right, not judged. */
#include "fuzz/capture_repair.h"

#include <string.h>

#include "capture/blake2b.h"
#include "capture/frame.h"
#include "fuzz/fuzz_input.h"

struct repair {
    unsigned wishes;
    uint64_t capture;
    uint64_t number;
    uint64_t totals[MUSTER_EVENT_NUMBERED_COUNT];
    uint64_t record_total;
    uint8_t digest[BLAKE2B_DIGEST_BYTES];
};

static void records_count(struct repair *repair, const unsigned char *payload, size_t size, uint64_t mask)
{
    struct fuzz_copy copy = fuzz_copy_make(payload, size, false);
    const struct muster_record *record;
    size_t offset = 0;

    frame_mask(copy.bytes, size, mask);
    while ((record = fuzz_next_record(copy.bytes, size, &offset)) != NULL) {
        repair->record_total++;
        if (muster_record_is_numbered(record))
            repair->totals[record->type - 1]++;
    }
    fuzz_copy_free(&copy);
}

static void chain_repair(struct repair *repair, struct muster_capture_frame *frame, const unsigned char *payload,
                         size_t size)
{
    if (repair->number == 0 || frame->capture != repair->capture) {
        const unsigned wishes = repair->wishes;
        *repair = (struct repair){.wishes = wishes, .capture = frame->capture};
    }
    if (frame->type == MUSTER_CAPTURE_RECORDS)
        records_count(repair, payload, size, frame->mask);
    frame->number = repair->number++;
    memcpy(frame->totals, repair->totals, sizeof repair->totals);
    frame->record_total = repair->record_total;
    memcpy(frame->previous, repair->digest, sizeof repair->digest);
}

/* `room` is how much stands between this marker and the next. */
static void frame_repair(struct repair *repair, unsigned char *at, size_t room)
{
    struct muster_capture_frame frame;
    size_t size;

    memcpy(&frame, at, sizeof frame);
    if ((repair->wishes & CAPTURE_REPAIR_LENGTH) != 0 && room >= MUSTER_CAPTURE_OVERHEAD_BYTES)
        frame.payload_bytes = (uint32_t)(room - MUSTER_CAPTURE_OVERHEAD_BYTES) & ~7U;
    size = frame.payload_bytes;
    const bool is_whole = size <= MUSTER_CAPTURE_PAYLOAD_MAX_BYTES && size + MUSTER_CAPTURE_OVERHEAD_BYTES <= room;
    if ((repair->wishes & CAPTURE_REPAIR_CHAIN) != 0 && is_whole)
        chain_repair(repair, &frame, at + sizeof frame, size & ~(size_t)7);
    frame.check = frame_check(&frame);
    memcpy(at, &frame, sizeof frame);
    if (!is_whole)
        return;
    blake2b(at, sizeof frame + size, repair->digest);
    memcpy(at + sizeof frame + size, repair->digest, sizeof repair->digest);
}

void capture_repair(unsigned char *bytes, size_t size, unsigned wishes)
{
    struct repair repair = {.wishes = wishes};
    unsigned char *at = bytes;

    while ((wishes & CAPTURE_REPAIR_SUMS) != 0) {
        const unsigned char *found = frame_find_marker(at, size - (size_t)(at - bytes));
        if (found == NULL)
            return;
        at = bytes + (found - bytes);
        const size_t left = size - (size_t)(at - bytes);
        if (left < MUSTER_CAPTURE_HEADER_BYTES)
            return;
        const unsigned char *next =
            frame_find_marker(at + MUSTER_CAPTURE_MARKER_BYTES, left - MUSTER_CAPTURE_MARKER_BYTES);
        const size_t room = next != NULL ? (size_t)(next - at) : left;
        if (room >= MUSTER_CAPTURE_HEADER_BYTES)
            frame_repair(&repair, at, room);
        at += room;
    }
}
