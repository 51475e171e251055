/* SPDX-License-Identifier: Apache-2.0 */
/* chain.h */
#include "chain.h"

#include <string.h>

static struct chain_counts totals_of(const struct muster_capture_frame *header)
{
    struct chain_counts counts;

    memcpy(counts.of, header->totals, sizeof(header->totals));
    counts.of[MUSTER_EVENT_NUMBERED_COUNT] = header->record_total;
    return counts;
}

/* False where one of them would be less than 0. */
static bool counts_less(const struct chain_counts *counts, const struct chain_counts *less,
                        struct chain_counts *ret_counts)
{
    struct chain_counts difference;

    for (unsigned i = 0; i < MUSTER_EVENT_NUMBERED_COUNT + 1; i++) {
        if (counts->of[i] < less->of[i])
            return false;
        difference.of[i] = counts->of[i] - less->of[i];
    }
    *ret_counts = difference;
    return true;
}

static bool digest_equal(const uint8_t *one, const uint8_t *other)
{
    return memcmp(one, other, MUSTER_CAPTURE_DIGEST_BYTES) == 0;
}

/* Wraps by intent, as the sinks do it. */
static uint64_t since_1970(const struct muster_capture_frame *header, uint64_t time_ns)
{
    return time_ns ? time_ns + (uint64_t)header->clock_offset_ns : 0;
}

void chain_begin(struct chain *chain, uint64_t capture, const struct muster_capture_description *description)
{
    memset(chain, 0, sizeof(*chain));
    chain->used = true;
    chain->capture = capture;
    chain->description = *description;
    chain->digest_known = true; /* zeros, in front of the first frame */
}

/* ---- holes ---------------------------------------------------------------------------------------------- */

static void hole_remove(struct chain *chain, unsigned index)
{
    if (chain->open && index == chain->hole_count - 1)
        chain->open = chain->digest_known = false;
    chain->hole_count--;
    memmove(&chain->holes[index], &chain->holes[index + 1], (chain->hole_count - index) * sizeof(chain->holes[0]));
}

/* The hole that reaches up to `next`, which is opened where there is none. */
static struct chain_hole *hole_open(struct chain *chain)
{
    struct chain_hole *hole;

    if (chain->open)
        return &chain->holes[chain->hole_count - 1];
    hole = &chain->holes[chain->hole_count++]; /* there is room: the reader has taken what is over */
    *hole = (struct chain_hole){
        .first = chain->next,
        .before = chain->totals,
        .digest_before_known = chain->digest_known,
        .start_ns = chain->end_ns,
        .sequence_before = chain->last_sequence,
        .opened_at = chain->accepted_count,
    };
    memcpy(hole->digest_before, chain->digest, sizeof(hole->digest_before));
    chain->open = true;
    return hole;
}

/* What stood up to the frame is known from it. */
static bool hole_close(struct chain *chain, const struct chain_frame *frame)
{
    struct chain_hole *hole = &chain->holes[chain->hole_count - 1];
    struct chain_counts before, lost;

    chain->open = false;
    hole->last = frame->header.number - 1;
    memcpy(hole->digest_last, frame->header.previous, sizeof(hole->digest_last));
    before = totals_of(&frame->header);
    hole->after_known = counts_less(&before, &frame->own, &before) && counts_less(&before, &hole->before, &lost);
    hole->after = before;
    return hole->after_known;
}

static bool hole_has(const struct chain_hole *hole, uint64_t number)
{
    return number >= hole->first && number <= hole->last;
}

/* Takes a late frame out of a hole: what is left are up to two. */
static bool hole_fill(struct chain *chain, unsigned index, const struct chain_frame *frame)
{
    struct chain_hole *hole = &chain->holes[index], behind = *hole;
    const struct muster_capture_frame *header = &frame->header;
    struct chain_counts totals = totals_of(header), before;
    bool follows = counts_less(&totals, &frame->own, &before) &&
                   (header->number != hole->first || !hole->digest_before_known ||
                    digest_equal(header->previous, hole->digest_before)) &&
                   (header->number != hole->last || digest_equal(frame->digest, hole->digest_last));

    behind.first = header->number + 1;
    behind.before = totals;
    behind.digest_before_known = true;
    memcpy(behind.digest_before, frame->digest, sizeof(behind.digest_before));
    hole->last = header->number - 1;
    hole->after = before;
    hole->after_known = follows;
    memcpy(hole->digest_last, header->previous, sizeof(hole->digest_last));
    if (hole->first == header->number)
        *hole = behind;
    else if (behind.first <= behind.last && chain->hole_count < CHAIN_HOLES_MAX) {
        memmove(&chain->holes[index + 2], &chain->holes[index + 1],
                (chain->hole_count - index - 1) * sizeof(chain->holes[0]));
        chain->holes[index + 1] = behind;
        chain->hole_count++;
    }
    if (chain->holes[index].first > chain->holes[index].last)
        hole_remove(chain, index);
    return follows;
}

/* ---- frames --------------------------------------------------------------------------------------------- */

static enum chain_verdict late_accept(struct chain *chain, const struct chain_frame *frame)
{
    for (unsigned i = 0; i < chain->hole_count; i++)
        if (hole_has(&chain->holes[i], frame->header.number) && chain->holes[i].header_count == 0)
            return hole_fill(chain, i, frame) ? CHAIN_LATE : CHAIN_REWRITTEN;
    return CHAIN_DOUBLED;
}

static void chain_move_on(struct chain *chain, const struct muster_capture_frame *header)
{
    chain->next = header->number + 1;
    chain->totals = totals_of(header);
    if (header->end_ns != 0)
        chain->end_ns = since_1970(header, header->end_ns);
    if (header->last_sequence > chain->last_sequence)
        chain->last_sequence = header->last_sequence;
    chain->ends = chain->ends || (header->flags & MUSTER_CAPTURE_ENDS) != 0;
    chain->last = chain->last || (header->flags & MUSTER_CAPTURE_LAST) != 0;
}

/* Whether a frame in its turn follows from the one before. */
static bool follows_directly(const struct chain *chain, const struct chain_frame *frame)
{
    struct chain_counts before = totals_of(&frame->header);

    return (!chain->digest_known || digest_equal(frame->header.previous, chain->digest)) &&
           counts_less(&before, &frame->own, &before) && memcmp(&before, &chain->totals, sizeof(before)) == 0;
}

/* A checkpoint has neither time nor number; the next frame that has is what stands behind the holes before it. */
static void holes_end(struct chain *chain, const struct muster_capture_frame *header)
{
    for (unsigned i = 0; i < chain->hole_count; i++) {
        struct chain_hole *hole = &chain->holes[i];

        if (hole->end_ns == 0)
            hole->end_ns = since_1970(header, header->start_ns);
        if (hole->sequence_behind == 0)
            hole->sequence_behind = header->last_sequence;
    }
}

enum chain_verdict chain_accept(struct chain *chain, const struct chain_frame *frame)
{
    bool follows;

    chain->accepted_count++;
    if (frame->header.number < chain->next)
        return late_accept(chain, frame);
    if (frame->header.number > chain->next)
        (void)hole_open(chain);
    follows = chain->open ? hole_close(chain, frame) : follows_directly(chain, frame);
    holes_end(chain, &frame->header);
    chain_move_on(chain, &frame->header);
    memcpy(chain->digest, frame->digest, sizeof(chain->digest));
    chain->digest_known = true;
    chain->end_bytes = frame->offset_bytes + frame->header.payload_bytes + MUSTER_CAPTURE_OVERHEAD_BYTES;
    return follows ? CHAIN_FOLLOWS : CHAIN_REWRITTEN;
}

static void bytes_add(struct chain_hole *hole, uint64_t offset_bytes, uint64_t size_bytes)
{
    if (hole->size_bytes == 0)
        hole->offset_bytes = offset_bytes;
    hole->size_bytes = offset_bytes + size_bytes - hole->offset_bytes;
}

static void header_add(struct chain_hole *hole, const struct muster_capture_frame *header)
{
    hole->header_count++;
    if (header->first_sequence != 0 && (hole->first_sequence == 0 || header->first_sequence < hole->first_sequence))
        hole->first_sequence = header->first_sequence;
    if (header->last_sequence > hole->last_sequence)
        hole->last_sequence = header->last_sequence;
    if (header->start_ns != 0 && hole->header_count == 1 && hole->first == header->number)
        hole->start_ns = since_1970(header, header->start_ns);
    hole->end_ns = since_1970(header, header->end_ns);
}

bool chain_damage(struct chain *chain, const struct muster_capture_frame *header, uint64_t offset_bytes,
                  uint64_t size_bytes, bool later)
{
    struct chain_counts totals = totals_of(header), lost;
    struct chain_hole *hole;

    if (header->number < chain->next || !counts_less(&totals, &chain->totals, &lost))
        return false;
    hole = hole_open(chain);
    hole->last = header->number;
    hole->after = totals;
    hole->after_known = true;
    hole->later = hole->later || later;
    bytes_add(hole, offset_bytes, size_bytes);
    header_add(hole, header);
    chain_move_on(chain, header);
    chain->end_bytes = offset_bytes + size_bytes;
    return true;
}

bool chain_add_bytes(struct chain *chain, uint64_t number, uint64_t offset_bytes, uint64_t size_bytes)
{
    if (number < chain->next || (!chain->open && number == chain->next))
        return false;
    bytes_add(hole_open(chain), offset_bytes, size_bytes);
    return true;
}

/* ---- telling ----------------------------------------------------------------------------------------------- */

static enum muster_capture_damage_kind kind_of(const struct chain_hole *hole)
{
    if (hole->later)
        return MUSTER_CAPTURE_LATER;
    return hole->size_bytes > 0 ? MUSTER_CAPTURE_CHANGED : MUSTER_CAPTURE_MISSING;
}

/* Totals are whatever somebody wrote there: those that contradict one another say nothing. */
static bool counts_agree(const struct chain_counts *counts)
{
    uint64_t numbered = 0;

    for (unsigned i = 0; i < MUSTER_EVENT_NUMBERED_COUNT; i++)
        if (__builtin_add_overflow(numbered, counts->of[i], &numbered))
            return false;
    return numbered <= counts->of[MUSTER_EVENT_NUMBERED_COUNT];
}

static void damage_of(const struct chain_hole *hole, struct muster_capture_damage *ret_damage)
{
    struct chain_counts lost = {{0}};

    *ret_damage = (struct muster_capture_damage){
        .kind = kind_of(hole),
        .offset_bytes = hole->offset_bytes,
        .size_bytes = hole->size_bytes,
        .frames_known = true,
        .first_frame = hole->first,
        .last_frame = hole->last,
        .counted = hole->after_known && counts_less(&hole->after, &hole->before, &lost) && counts_agree(&lost),
        .range_known =
            hole->header_count == hole->last - hole->first + 1 && hole->first_sequence <= hole->last_sequence,
        .first_sequence = hole->first_sequence,
        .last_sequence = hole->last_sequence,
        .sequence_before = hole->sequence_before,
        .sequence_behind = hole->sequence_behind,
        .start_ns = hole->start_ns,
        .end_ns = hole->end_ns,
    };
    if (!ret_damage->counted)
        return;
    ret_damage->record_count = lost.of[MUSTER_EVENT_NUMBERED_COUNT];
    memcpy(ret_damage->types, lost.of, sizeof(ret_damage->types));
}

/* What was seen to be damaged is not waited for, nor are those that have waited enough. */
static bool hole_is_due(const struct chain *chain, unsigned index, enum chain_take take)
{
    const struct chain_hole *hole = &chain->holes[index];
    bool open = chain->open && index == chain->hole_count - 1;

    if (take == CHAIN_TAKE_ALL)
        return true;
    if (hole->size_bytes > 0)
        return !open || take == CHAIN_TAKE_SEEN;
    return !open &&
           (chain->accepted_count - hole->opened_at >= CHAIN_PATIENCE || chain->hole_count >= CHAIN_HOLES_MAX - 1);
}

bool chain_take_hole(struct chain *chain, enum chain_take take, struct muster_capture_damage *ret_damage)
{
    for (unsigned i = 0; i < chain->hole_count; i++)
        if (hole_is_due(chain, i, take)) {
            damage_of(&chain->holes[i], ret_damage);
            hole_remove(chain, i);
            return true;
        }
    return false;
}
