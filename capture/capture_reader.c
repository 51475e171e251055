/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading, of muster/capture_file.h. frame_input.h finds frames among bytes, chain.h knows which should come; here they
 * are checked, and told as parts.
 *
 * A frame is looked through for another frame's header before its digest is computed: a writer lets the marker stand
 * nowhere else, so where there is one, the frame was cut there. So no byte is hashed twice, however the input was made.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "blake2b.h"
#include "chain.h"
#include "checkpoint.h"
#include "frame.h"
#include "frame_input.h"

#define CHAIN_COUNT  5   /* captures that are known at once, and one that has just been told the end of */
#define PART_COUNT   128 /* of one step: CHAIN_COUNT * (CHAIN_HOLES_MAX + 2), and a few */
#define SEARCH_BYTES (64 * 1024)

/* Bytes that were passed, or frames of a capture that is not known. */
struct passed {
    uint64_t offset_bytes;
    uint64_t size_bytes; /* 0: nothing */
    uint64_t capture;
    uint64_t first_frame;
    uint64_t last_frame;
};

struct muster_capture_reader {
    struct chain chains[CHAIN_COUNT];
    uint64_t used_at[CHAIN_COUNT];
    uint64_t used_count;
    struct chain *current; /* of the last frame that was taken; NULL: none yet */
    struct passed junk;
    struct passed foreign;
    bool finished;
    struct muster_capture_part parts[PART_COUNT]; /* of this step */
    unsigned part_count;
    unsigned part_taken;
    struct frame_input input;
};

/* A frame that is being taken. */
struct taken {
    struct chain_frame frame;
    size_t frame_bytes;
    unsigned char *payload;
    struct muster_capture_checkpoint checkpoint;
    struct muster_capture_description description;
};

/* ---- parts ------------------------------------------------------------------------------------------------ */

static struct muster_capture_part *part_add(struct muster_capture_reader *reader, const struct chain *chain,
                                            enum muster_capture_part_kind kind)
{
    struct muster_capture_part *part = &reader->parts[reader->part_count++];

    *part = (struct muster_capture_part){.kind = kind};
    if (chain) {
        part->capture = chain->capture;
        part->description = &chain->description;
    }
    return part;
}

static void damage_add(struct muster_capture_reader *reader, struct chain *chain,
                       const struct muster_capture_damage *damage)
{
    struct muster_capture_part *part = part_add(reader, chain, MUSTER_CAPTURE_PART_DAMAGE);

    part->offset_bytes = damage->offset_bytes;
    part->frame = damage->first_frame;
    part->damage = *damage;
    if (chain)
        chain->damaged = true;
}

static void holes_add(struct muster_capture_reader *reader, struct chain *chain, enum chain_take take)
{
    struct muster_capture_damage damage;

    while (chain_take_hole(chain, take, &damage))
        damage_add(reader, chain, &damage);
}

/* Bytes that are no frame, in front of one that is as it should be, or at the end. */
static void junk_tell(struct muster_capture_reader *reader, bool counted)
{
    struct muster_capture_damage damage = {
        .kind = MUSTER_CAPTURE_CHANGED,
        .offset_bytes = reader->junk.offset_bytes,
        .size_bytes = reader->junk.size_bytes,
        .counted = counted,
    };

    if (reader->junk.size_bytes > 0)
        damage_add(reader, reader->current, &damage);
    reader->junk.size_bytes = 0;
}

static void foreign_tell(struct muster_capture_reader *reader, struct chain *chain)
{
    struct muster_capture_damage damage = {
        .kind = MUSTER_CAPTURE_FOREIGN,
        .offset_bytes = reader->foreign.offset_bytes,
        .size_bytes = reader->foreign.size_bytes,
        .frames_known = true,
        .first_frame = reader->foreign.first_frame,
        .last_frame = reader->foreign.last_frame,
        .counted = true, /* of the captures that are known nothing is missing by it */
    };

    if (reader->foreign.size_bytes > 0)
        damage_add(reader, chain, &damage);
    reader->foreign.size_bytes = 0;
}

/* One frame that is not where it should be. */
static void frame_tell(struct muster_capture_reader *reader, struct chain *chain, const struct taken *taken,
                       enum muster_capture_damage_kind kind)
{
    struct muster_capture_damage damage = {
        .kind = kind,
        .offset_bytes = taken->frame.offset_bytes,
        .size_bytes = taken->frame_bytes,
        .frames_known = true,
        .first_frame = taken->frame.header.number,
        .last_frame = taken->frame.header.number,
        .counted = true,
    };

    damage_add(reader, chain, &damage);
}

static void passed_add(struct passed *passed, uint64_t offset_bytes, uint64_t size_bytes)
{
    if (passed->size_bytes == 0)
        passed->offset_bytes = offset_bytes;
    passed->size_bytes = offset_bytes + size_bytes - passed->offset_bytes;
}

/* ---- captures --------------------------------------------------------------------------------------------- */

static struct chain *chain_find(struct muster_capture_reader *reader, uint64_t capture)
{
    for (unsigned i = 0; i < CHAIN_COUNT; i++)
        if (reader->chains[i].used && reader->chains[i].capture == capture)
            return &reader->chains[i];
    return NULL;
}

static void chain_end(struct muster_capture_reader *reader, struct chain *chain)
{
    struct muster_capture_part *part;
    struct muster_capture_damage cut = {
        .kind = MUSTER_CAPTURE_CUT,
        .offset_bytes = chain->end_bytes,
        .frames_known = true,
        .start_ns = chain->end_ns,
    };

    holes_add(reader, chain, CHAIN_TAKE_ALL);
    cut.first_frame = cut.last_frame = chain->next;
    cut.counted = chain->ends; /* what is missing then has no records */
    if (!chain->last)
        damage_add(reader, chain, &cut);
    part = part_add(reader, chain, MUSTER_CAPTURE_PART_END);
    part->offset_bytes = chain->end_bytes;
    part->frame = chain->next;
    part->whole = !chain->damaged;
    memcpy(part->totals, chain->totals.of, sizeof(part->totals));
    memcpy(part->digest, chain->digest, sizeof(part->digest));
    chain->used = false;
}

/* The one that had no frame for the longest time; NULL where there is none. */
static struct chain *chain_oldest(struct muster_capture_reader *reader)
{
    unsigned oldest = CHAIN_COUNT;

    for (unsigned i = 0; i < CHAIN_COUNT; i++)
        if (reader->chains[i].used && (oldest == CHAIN_COUNT || reader->used_at[i] < reader->used_at[oldest]))
            oldest = i;
    return oldest == CHAIN_COUNT ? NULL : &reader->chains[oldest];
}

/* A place for a capture. One place stays free, so that what was said of a capture that had to go is still there until
 * the next step. */
static struct chain *chain_place(struct muster_capture_reader *reader)
{
    unsigned place = 0, used = 0;

    for (unsigned i = 0; i < CHAIN_COUNT; i++) {
        used += reader->chains[i].used;
        place = reader->chains[i].used ? place : i;
    }
    if (used == CHAIN_COUNT - 1)
        chain_end(reader, chain_oldest(reader));
    return &reader->chains[place];
}

static struct chain *chain_open(struct muster_capture_reader *reader, const struct taken *taken)
{
    struct chain *chain = chain_place(reader);

    chain_begin(chain, taken->frame.header.capture, &taken->description);
    part_add(reader, chain, MUSTER_CAPTURE_PART_BEGIN)->offset_bytes = taken->frame.offset_bytes;
    /* Its own frames, that could not be read without this one: missing, or there once more. */
    if (reader->foreign.size_bytes > 0 &&
        chain_add_bytes(chain, taken->frame.header.number, reader->foreign.offset_bytes, reader->foreign.size_bytes))
        reader->foreign.size_bytes = 0;
    foreign_tell(reader, chain);
    return chain;
}

/* ---- frames -------------------------------------------------------------------------------------------------- */

/* A frame of which the header can be read and the rest cannot be relied on. */
static void frame_damaged(struct muster_capture_reader *reader, const struct muster_capture_frame *header,
                          size_t size_bytes, bool later)
{
    struct chain *chain = chain_find(reader, header->capture);
    uint64_t offset_bytes = reader->input.offset_bytes;
    uint64_t begin_bytes = reader->junk.size_bytes > 0 ? reader->junk.offset_bytes : offset_bytes;

    if (chain && chain_damage(chain, header, begin_bytes, offset_bytes + size_bytes - begin_bytes, later))
        reader->junk.size_bytes = 0;
    else
        passed_add(&reader->junk, offset_bytes, size_bytes);
}

static void range_widen(uint64_t *first, uint64_t *last, uint64_t value)
{
    if (value == 0)
        return;
    if (*first == 0 || value < *first)
        *first = value;
    if (value > *last)
        *last = value;
}

struct records_seen {
    uint64_t first_sequence, last_sequence, start_ns, end_ns;
};

static void record_see(const struct muster_record *record, struct records_seen *seen, struct chain_counts *own)
{
    bool numbered = muster_record_is_numbered(record);

    own->of[MUSTER_EVENT_NUMBERED_COUNT]++;
    if (numbered)
        own->of[record->type - 1]++;
    range_widen(&seen->start_ns, &seen->end_ns, record->time_ns);
    if (numbered)
        range_widen(&seen->first_sequence, &seen->last_sequence, record->sequence);
}

/* Whether all records are sound, and are as the header says. *ret_later: they are of a later version. */
static bool records_check(struct taken *taken, bool *ret_later)
{
    const struct muster_capture_frame *header = &taken->frame.header;
    const struct muster_record *record;
    struct records_seen seen = {0};

    for (size_t at = 0; at < header->payload_bytes; at += record->size_bytes) {
        enum muster_status status = muster_record_validate(taken->payload + at, header->payload_bytes - at, &record);

        if (status == MUSTER_UNSUPPORTED)
            record = (const struct muster_record *)(const void *)(taken->payload + at);
        else if (status != MUSTER_OK)
            return false;
        if (record->version > MUSTER_RECORD_VERSION) {
            *ret_later = true;
            return false;
        }
        record_see(record, &seen, &taken->frame.own);
    }
    return header->payload_bytes > 0 && seen.first_sequence == header->first_sequence &&
           seen.last_sequence == header->last_sequence && seen.start_ns == header->start_ns &&
           seen.end_ns == header->end_ns;
}

/* Whether the whole frame, which stands at the cursor, is what was written. */
static bool frame_check_all(struct taken *taken, unsigned char *bytes, bool *ret_later)
{
    const struct muster_capture_frame *header = &taken->frame.header;

    blake2b(bytes, taken->frame_bytes - MUSTER_CAPTURE_DIGEST_BYTES, taken->frame.digest);
    if (memcmp(taken->frame.digest, bytes + taken->frame_bytes - MUSTER_CAPTURE_DIGEST_BYTES,
               MUSTER_CAPTURE_DIGEST_BYTES) != 0)
        return false;
    *ret_later = header->version != MUSTER_CAPTURE_VERSION ||
                 (header->type != MUSTER_CAPTURE_CHECKPOINT && header->type != MUSTER_CAPTURE_RECORDS);
    if (*ret_later)
        return false;
    taken->payload = bytes + MUSTER_CAPTURE_HEADER_BYTES;
    frame_mask(taken->payload, header->payload_bytes, header->mask);
    if (header->type == MUSTER_CAPTURE_RECORDS)
        return records_check(taken, ret_later);
    return checkpoint_decode(taken->payload, header->payload_bytes, &taken->checkpoint, &taken->description);
}

static void frame_give(struct muster_capture_reader *reader, const struct chain *chain, const struct taken *taken)
{
    const struct muster_capture_frame *header = &taken->frame.header;
    struct muster_capture_part *part =
        part_add(reader, chain,
                 header->type == MUSTER_CAPTURE_RECORDS ? MUSTER_CAPTURE_PART_RECORDS : MUSTER_CAPTURE_PART_CHECKPOINT);

    part->offset_bytes = taken->frame.offset_bytes;
    part->frame = header->number;
    part->payload = taken->payload;
    part->payload_bytes = header->payload_bytes;
    part->clock_offset_ns = header->clock_offset_ns;
    memcpy(part->lost, taken->checkpoint.lost, sizeof(part->lost));
}

/* Up to the end of the last member: what the compiler leaves behind it is anything. */
#define DESCRIPTION_BYTES (offsetof(struct muster_capture_description, version) + MUSTER_CAPTURE_TEXT_MAX_BYTES + 1)

/* A checkpoint that says something else of the stream than the first one did. */
static bool description_differs(const struct chain *chain, const struct taken *taken)
{
    return taken->frame.header.type == MUSTER_CAPTURE_CHECKPOINT &&
           memcmp(&chain->description, &taken->description, DESCRIPTION_BYTES) != 0;
}

static void chain_take(struct muster_capture_reader *reader, struct chain *chain, const struct taken *taken)
{
    enum chain_verdict verdict;

    if (reader->junk.size_bytes > 0 &&
        chain_add_bytes(chain, taken->frame.header.number, reader->junk.offset_bytes, reader->junk.size_bytes))
        reader->junk.size_bytes = 0;
    junk_tell(reader, chain == reader->current);
    if (reader->current && reader->current != chain && reader->current->used)
        holes_add(reader, reader->current, reader->current->last ? CHAIN_TAKE_ALL : CHAIN_TAKE_SEEN);
    reader->current = chain;
    reader->used_at[chain - reader->chains] = ++reader->used_count;
    verdict = chain_accept(chain, &taken->frame);
    holes_add(reader, chain, CHAIN_TAKE_DUE);
    if (verdict == CHAIN_DOUBLED) {
        frame_tell(reader, chain, taken, MUSTER_CAPTURE_DOUBLED);
        return;
    }
    if (verdict == CHAIN_LATE)
        frame_tell(reader, chain, taken, MUSTER_CAPTURE_MOVED);
    if (verdict == CHAIN_REWRITTEN || description_differs(chain, taken))
        frame_tell(reader, chain, taken, MUSTER_CAPTURE_REWRITTEN);
    frame_give(reader, chain, taken);
}

static void frame_deliver(struct muster_capture_reader *reader, const struct taken *taken)
{
    const struct muster_capture_frame *header = &taken->frame.header;
    struct chain *chain = chain_find(reader, header->capture);

    if (reader->foreign.size_bytes > 0 && reader->foreign.capture != header->capture)
        foreign_tell(reader, reader->current);
    if (!chain && header->type == MUSTER_CAPTURE_CHECKPOINT)
        chain = chain_open(reader, taken);
    if (chain) {
        chain_take(reader, chain, taken);
        return;
    }
    /* In any order: nobody says that they stand as they were written. */
    if (reader->foreign.size_bytes == 0 || header->number < reader->foreign.first_frame)
        reader->foreign.first_frame = header->number;
    if (reader->foreign.size_bytes == 0 || header->number > reader->foreign.last_frame)
        reader->foreign.last_frame = header->number;
    reader->foreign.capture = header->capture;
    passed_add(&reader->foreign, taken->frame.offset_bytes, taken->frame_bytes);
}

static void frame_take(struct muster_capture_reader *reader, const struct muster_capture_frame *header)
{
    struct taken taken = {.frame = {.header = *header, .offset_bytes = reader->input.offset_bytes},
                          .frame_bytes = frame_bytes(header)};
    size_t next = frame_input_next_header(&reader->input, MUSTER_CAPTURE_MARKER_BYTES, taken.frame_bytes);
    size_t there = frame_input_need(&reader->input, taken.frame_bytes);
    bool later = false;

    if (there < next)
        next = there;
    if (next == taken.frame_bytes && frame_check_all(&taken, frame_input_at(&reader->input), &later))
        frame_deliver(reader, &taken);
    else
        frame_damaged(reader, header, next, later);
    frame_input_skip(&reader->input, next);
}

/* ---- steps ------------------------------------------------------------------------------------------------------ */

static void finish(struct muster_capture_reader *reader)
{
    foreign_tell(reader, reader->current);
    junk_tell(reader, reader->current && reader->current->last);
    for (struct chain *chain; (chain = chain_oldest(reader)) != NULL;)
        chain_end(reader, chain);
    reader->finished = true;
}

static void step(struct muster_capture_reader *reader)
{
    struct muster_capture_frame header;
    size_t there, next;

    if (frame_input_header(&reader->input, &header)) {
        frame_take(reader, &header);
        return;
    }
    there = frame_input_need(&reader->input, 1);
    if (there == 0) {
        finish(reader);
        return;
    }
    next = frame_input_next_header(&reader->input, 1, SEARCH_BYTES);
    there = frame_input_need(&reader->input, 1);
    if (there < next)
        next = there;
    passed_add(&reader->junk, reader->input.offset_bytes, next);
    frame_input_skip(&reader->input, next);
}

enum muster_status muster_capture_read(struct muster_capture_reader *reader, struct muster_capture_part *ret_part)
{
    while (reader->part_taken == reader->part_count) {
        if (reader->finished && reader->input.error) {
            errno = reader->input.error;
            return MUSTER_INPUT_FAILED;
        }
        if (reader->finished)
            return MUSTER_EMPTY;
        reader->part_taken = reader->part_count = 0;
        step(reader);
    }
    *ret_part = reader->parts[reader->part_taken++];
    return MUSTER_OK;
}

const struct muster_record *muster_capture_next_record(const struct muster_capture_part *part, size_t *cursor)
{
    while (*cursor < part->payload_bytes) {
        const struct muster_record *record = (const void *)(part->payload + *cursor);

        *cursor += record->size_bytes;
        if (record->type <= MUSTER_EVENT_TYPE_COUNT)
            return record;
    }
    return NULL;
}

struct muster_capture_reader *muster_capture_reader_create(const struct muster_capture_source *source)
{
    struct muster_capture_reader *reader = calloc(1, sizeof(*reader));

    if (reader)
        reader->input.source = *source;
    return reader;
}

void muster_capture_reader_destroy(struct muster_capture_reader *reader)
{
    free(reader);
}
