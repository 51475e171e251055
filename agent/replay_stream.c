/* SPDX-License-Identifier: Apache-2.0 */
/* replay_stream.h */
#include "replay_stream.h"

#include <string.h>

#include "damage_text.h"

#define DISORDER_MOST 1024U /* by how many numbers an event may stand before or behind its place */

void replay_stream_begin(struct replay_stream *stream, const struct muster_capture_part *part)
{
    *stream = (struct replay_stream){.capture = part->capture, .used = true, .description = *part->description};
    muster_capture_stream(&stream->description, &stream->stream);
}

void replay_stream_end(struct replay_stream *stream)
{
    sequence_set_deinit(&stream->seen);
    stream->used = false;
}

static uint64_t on_the_clock(const struct replay_stream *stream, uint64_t since_1970_ns)
{
    return since_1970_ns ? since_1970_ns - (uint64_t)stream->stream.clock_offset_ns : 0;
}

/* ---- records ------------------------------------------------------------------------------------------- */

void replay_stream_look(struct replay_stream *stream, const struct muster_capture_part *part)
{
    const struct muster_record *record;
    size_t cursor = 0;

    while ((record = muster_capture_next_record(part, &cursor)) != NULL)
        if (muster_record_is_numbered(record) && record->sequence != 0) {
            sequence_set_add(&stream->seen, record->sequence, record->time_ns + (uint64_t)part->clock_offset_ns);
            stream->ready_count = stream->waiting_count;
        }
}

/* What the sensor knew when it made the record. The pump adds what it has delivered itself, and works out what is held;
 * so it does again. */
static void status_make(const struct replay_stream *stream, const struct muster_record *record,
                        struct muster_sensor_status *made)
{
    memcpy(made, record, sizeof(*made));
    made->record.size_bytes = made->record.fixed_bytes = sizeof(*made);
    made->delivered = stream->delivered_before;
    made->filtered += stream->filtered;
    made->dropped[MUSTER_CAUSE_CAPTURE_DAMAGED] += stream->lost_count;
}

/* Never numbered, so no range has them. */
static bool is_unnumbered(unsigned cause)
{
    return cause == MUSTER_CAUSE_PROGRAM_MISSED || cause == MUSTER_CAUSE_IRQL_REFUSED;
}

static void given_raise(struct replay_stream *stream, uint64_t number)
{
    if (number > stream->given)
        stream->given = number;
}

/* What a ledger counts as produced are numbers, but for those that never had one. */
static void ledger_note(struct replay_stream *stream, const struct muster_record *record)
{
    const struct muster_sensor_status *status = (const void *)record;
    uint64_t numbers = status->produced;

    for (unsigned cause = 0; cause < MUSTER_GAP_CAUSES; cause++)
        if (is_unnumbered(cause))
            numbers -= status->dropped[cause] < numbers ? status->dropped[cause] : numbers;
    given_raise(stream, numbers);
}

static void gap_note(struct replay_stream *stream, const struct muster_record *record)
{
    const struct muster_gap *gap = (const void *)record;

    if (muster_record_has(record, MUSTER_FIELD_SEQUENCE_RANGE))
        given_raise(stream, gap->last_sequence);
    for (unsigned cause = 0; cause < MUSTER_GAP_CAUSES; cause++) {
        uint64_t late = gap->causes[cause] < stream->untold[cause] ? gap->causes[cause] : stream->untold[cause];

        stream->told[cause] += gap->causes[cause];
        stream->untold[cause] -= late; /* where it stands behind the checkpoint, the next one says so again */
    }
}

static void started_note(struct replay_stream *stream, const struct muster_record *record)
{
    if (!stream->started)
        stream->delivered_before = ((const struct muster_sensor_status *)(const void *)record)->delivered;
    stream->started = true;
}

bool replay_stream_take(struct replay_stream *stream, const struct muster_record *record,
                        struct muster_sensor_status *made, const struct muster_record **ret_record)
{
    *ret_record = record;
    if (muster_record_is_numbered(record)) {
        stream->read_count++;
        return true;
    }
    switch (record->type) {
    case MUSTER_EVENT_GAP:
        gap_note(stream, record);
        return true;
    case MUSTER_EVENT_SENSOR_STARTED:
        ledger_note(stream, record);
        started_note(stream, record);
        return true;
    case MUSTER_EVENT_STATUS:
        ledger_note(stream, record);
        status_make(stream, record, made);
        *ret_record = &made->record;
        return true;
    case MUSTER_EVENT_SENSOR_STOPPED:
        ledger_note(stream, record);
        memcpy(&stream->stopped_record, record, sizeof(stream->stopped_record));
        stream->stopped = true;
        return false;
    default:
        return true;
    }
}

/* ---- gaps ------------------------------------------------------------------------------------------------ */

static void gap_begin(const struct replay_stream *stream, uint64_t start_ns, uint64_t end_ns, struct muster_gap *gap)
{
    const struct sequence_set *seen = &stream->seen;

    if (end_ns == 0)
        end_ns = seen->run_count > 0 ? seen->runs[seen->run_count - 1].last_ns : start_ns;
    if (start_ns == 0 || start_ns > end_ns)
        start_ns = end_ns;
    *gap = (struct muster_gap){
        .record = {.size_bytes = sizeof(*gap),
                   .type = MUSTER_EVENT_GAP,
                   .version = MUSTER_RECORD_VERSION,
                   .time_ns = on_the_clock(stream, end_ns),
                   .fixed_bytes = sizeof(*gap)},
        .start_ns = on_the_clock(stream, start_ns),
        .end_ns = on_the_clock(stream, end_ns),
        .stage = MUSTER_STAGE_CAPTURE,
    };
}

struct range {
    uint64_t first;
    uint64_t last;
    uint64_t count; /* of numbers in it that were not seen */
};

static struct range range_find(const struct sequence_set *seen, uint64_t above, uint64_t last)
{
    struct sequence_cursor cursor = {0};
    struct sequence_run hole;
    struct range range = {0};

    while (sequence_set_next_hole(seen, last, &cursor, &hole)) {
        if (hole.last <= above)
            continue;
        if (hole.first <= above)
            hole.first = above + 1;
        if (range.count == 0)
            range.first = hole.first;
        range.last = hole.last;
        range.count += hole.last - hole.first + 1;
    }
    return range;
}

/*
 * Where numbers can be of which nothing is known but how many they are, and what stands before and behind them (0: not
 * known). Only numbers that were not seen can be among them.
 */
static void gap_place(struct replay_stream *stream, struct muster_gap *gap, uint64_t before, uint64_t behind)
{
    const struct sequence_set *seen = &stream->seen;
    uint64_t last = seen->run_count > 0 ? seen->runs[seen->run_count - 1].last : 0;
    struct range range;

    if (last < stream->given)
        last = stream->given;
    range = range_find(seen, before > DISORDER_MOST ? before - DISORDER_MOST : 0,
                       behind && behind < last && last - behind > DISORDER_MOST ? behind + DISORDER_MOST : last);
    if (range.count < gap->count)
        range = range_find(seen, 0, last);
    if (range.count == 0)
        range.first = last + 1;
    if (range.count < gap->count)
        range.last = last + (gap->count - range.count); /* the others came behind all that is known of */
    gap->first_sequence = range.first;
    gap->last_sequence = range.last;
    gap->record.valid = MUSTER_FIELD_BIT(MUSTER_FIELD_SEQUENCE_RANGE);
}

void replay_stream_damage(struct replay_stream *stream, const struct muster_capture_damage *damage)
{
    if (damage_count(damage) == 0 || stream->waiting_count == REPLAY_WAITING_MAX)
        return;
    if (damage->range_known && stream->ready_count == stream->waiting_count)
        stream->ready_count++;
    stream->waiting[stream->waiting_count++] = *damage;
}

static void damage_make(struct replay_stream *stream, const struct muster_capture_damage *damage,
                        struct muster_gap *gap)
{
    uint64_t count = damage_count(damage);

    sequence_set_settle(&stream->seen);
    gap_begin(stream, damage->start_ns, damage->end_ns, gap);
    gap->count = gap->causes[MUSTER_CAUSE_CAPTURE_DAMAGED] = count;
    memcpy(gap->types, damage->types, sizeof(damage->types));
    if (damage->range_known && damage->first_sequence != 0 &&
        damage->last_sequence - damage->first_sequence >= count - 1) {
        gap->first_sequence = damage->first_sequence;
        gap->last_sequence = damage->last_sequence;
        gap->record.valid = MUSTER_FIELD_BIT(MUSTER_FIELD_SEQUENCE_RANGE);
    } else
        gap_place(stream, gap, damage->sequence_before, damage->sequence_behind);
    stream->lost_count += count;
}

void replay_stream_checkpoint(struct replay_stream *stream, const struct muster_capture_part *part)
{
    for (unsigned cause = 0; cause < MUSTER_GAP_CAUSES; cause++)
        stream->untold[cause] = part->lost[cause] > stream->told[cause] ? part->lost[cause] - stream->told[cause] : 0;
}

/* One gap for those that were never numbered, and one for the others. */
static bool untold_make(struct replay_stream *stream, bool unnumbered, struct muster_gap *gap)
{
    gap_begin(stream, 0, 0, gap);
    for (unsigned cause = 0; cause < MUSTER_GAP_CAUSES; cause++) {
        if (is_unnumbered(cause) != unnumbered)
            continue;
        gap->causes[cause] = stream->untold[cause];
        gap->count += stream->untold[cause];
        stream->told[cause] += stream->untold[cause];
        stream->untold[cause] = 0;
    }
    if (gap->count > 0 && !unnumbered)
        gap_place(stream, gap, 0, 0);
    return gap->count > 0;
}

bool replay_stream_gap(struct replay_stream *stream, bool last, struct muster_gap *ret_gap)
{
    if (last || stream->waiting_count == REPLAY_WAITING_MAX)
        stream->ready_count = stream->waiting_count;
    if (stream->ready_count > 0) {
        damage_make(stream, &stream->waiting[0], ret_gap);
        stream->waiting_count--;
        stream->ready_count--;
        memmove(&stream->waiting[0], &stream->waiting[1], stream->waiting_count * sizeof(stream->waiting[0]));
        return true;
    }
    return last && (untold_make(stream, true, ret_gap) || untold_make(stream, false, ret_gap));
}

/* ---- the end ------------------------------------------------------------------------------------------------ */

const struct muster_sensor_status *replay_stream_stopped(struct replay_stream *stream)
{
    struct muster_sensor_status *stopped = &stream->stopped_record;
    uint64_t here = stream->read_count + stream->lost_count;

    if (!stream->stopped)
        return NULL;
    stopped->record.size_bytes = stopped->record.fixed_bytes = sizeof(*stopped);
    if (!stream->started && stopped->delivered >= here)
        stream->delivered_before = stopped->delivered - here; /* sensor-started was lost */
    stopped->delivered = stream->delivered_before + stream->delivered;
    stopped->filtered += stream->filtered;
    stopped->dropped[MUSTER_CAUSE_CAPTURE_DAMAGED] += stream->lost_count;
    return stopped;
}
