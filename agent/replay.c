/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.h: the reader of captures, and the pump of watch and trace. This thread reads and pushes, and waits where the
 * output is slower; a capture that is damaged is told on standard error, and in the output by gaps.
 *
 * Each capture has a pump of its own, since a sink is made for one stream. Captures that alternate (only somebody who
 * puts pieces together makes such a file) get a new one each time.
 */
#include "replay.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "damage_text.h"
#include "host.h"
#include "input_file.h"
#include "output_file.h"
#include "pump.h"
#include "replay_stream.h"
#include "report.h"
#include "wakeups.h"

#define BUDGET_BYTES   (8U << 20)
#define WAKE_EVERY     512 /* records pushed before the pump is told */
#define ROOM_WAIT_MS   20  /* for the pump to make room, in case its sign was missed */
#define STREAM_COUNT   8   /* more than the reader knows at once */
#define DAMAGE_REPORTS 20  /* that are told one by one, for each file */

struct replay {
    const struct replay_options *options;
    struct host host;
    struct muster_stream own; /* this machine's */
    struct output_file output;
    uint64_t whole_bytes; /* of the output, by sinks that have ended */
    struct wakeups *wakeups;
    struct muster_filter filter;

    struct pump pump;
    struct replay_stream *pumped; /* whose; NULL: none runs */
    uint64_t pushed;              /* records to it */

    struct replay_stream streams[STREAM_COUNT];
    struct input_file input;
    unsigned damage_count; /* of this file */
    bool begun;            /* a capture was found in it */
    bool ended;            /* the output takes nothing any more */
    int code;
};

/* One a process: it holds locks, so it must not move. */
static struct replay the_replay;

static void code_raise(struct replay *replay, int code)
{
    if (replay->code != EXIT_FAILED)
        replay->code = code;
}

/* ---- the pump ------------------------------------------------------------------------------------------- */

/* A name is that of whoever is looked up, on the machine that the capture is from. */
static void names_give(const struct replay *replay, struct muster_stream *stream)
{
    if (!stream->host_id || !replay->own.host_id || strcmp(stream->host_id, replay->own.host_id) != 0)
        return;
    stream->user_name = replay->own.user_name;
    stream->user_sid_name = replay->own.user_sid_name;
}

static void text_fold(struct muster_filter_texts *texts)
{
    for (unsigned i = 0; i < texts->count; i++) {
        unsigned char *bytes = (unsigned char *)texts->values[i].value;

        for (unsigned at = 0; at < sizeof(texts->values[i].value); at++)
            if (bytes[at] >= 'A' && bytes[at] <= 'Z')
                bytes[at] = (unsigned char)(bytes[at] + ('a' - 'A'));
    }
}

/* Names of Windows are the same in either case, wherever they are looked at. */
static void filter_make(struct replay *replay, const struct muster_stream *stream)
{
    replay->filter = replay->options->filter;
    if (!stream->os_type || strcmp(stream->os_type, "windows") != 0 || replay->filter.fold_case)
        return;
    replay->filter.fold_case = 1;
    text_fold(&replay->filter.include.names);
    text_fold(&replay->filter.exclude.names);
}

static bool pump_open(struct replay *replay, struct replay_stream *stream)
{
    struct pump *pump = &replay->pump;

    memset(pump, 0, sizeof(*pump));
    names_give(replay, &stream->stream);
    filter_make(replay, &stream->stream);
    pump->stream = &stream->stream;
    pump->wakeups = replay->wakeups;
    pump->filter = replay->filter.active ? &replay->filter : NULL;
    pump->filters_all = pump->clock_given = true;
    memcpy(pump->types, stream->types, sizeof(pump->types));
    replay->pushed = 0;
    if (!pump_queue_open(pump, stream->stream.epoch, BUDGET_BYTES) ||
        !pump_sink_open(pump, &replay->output, true, replay->options->format, replay->options->color))
        return false;
    if (pump_start(pump))
        return true;
    report("cannot start: %s", strerror(errno));
    return false;
}

static void output_failed(struct replay *replay, int error)
{
    replay->ended = true;
    if (error == EPIPE && replay->output.standard)
        return; /* the reader, such as head(1), has what it wanted */
    output_file_cut(&replay->output, replay->whole_bytes + muster_sink_whole_bytes(replay->pump.sink));
    report("cannot write to %s: %s", replay->output.name, strerror(error));
    code_raise(replay, EXIT_FAILED);
}

/* Waits until the output has everything; `stopped` as of pump_stop_as. */
static void pump_end(struct replay *replay, const struct muster_sensor_status *stopped)
{
    struct replay_stream *stream = replay->pumped;
    struct pump *pump = &replay->pump;

    if (!stream)
        return;
    pump_stop_as(pump, stopped);
    while (!pump_finished(pump))
        (void)wakeups_wait(replay->wakeups, WAKE_PUMP, ROOM_WAIT_MS);
    pump_join(pump);
    if (pump->error)
        output_failed(replay, pump->error);
    stream->delivered += muster_sink_delivered(pump->sink);
    stream->filtered += pump->filtered;
    memcpy(stream->types, pump->types, sizeof(stream->types));
    replay->whole_bytes += muster_sink_whole_bytes(pump->sink);
    replay->pumped = NULL;
    pump_close(pump);
}

/* Makes the pump that of `stream`. False where nothing can be written any more. */
static bool pump_have(struct replay *replay, struct replay_stream *stream)
{
    if (replay->pumped == stream)
        return !replay->ended;
    pump_end(replay, NULL);
    if (replay->ended)
        return false;
    if (pump_open(replay, stream)) {
        replay->pumped = stream;
        return true;
    }
    pump_close(&replay->pump);
    replay->ended = true;
    code_raise(replay, EXIT_FAILED);
    return false;
}

static bool record_offer(struct pump *pump, const struct muster_record *record)
{
    enum muster_class class_of_record = muster_event_class(record->type);

    if (!muster_queue_would_admit(pump->queue, class_of_record, record->size_bytes)) {
        __atomic_store_n(&pump->ack_wanted, true, __ATOMIC_SEQ_CST);
        if (!muster_queue_would_admit(pump->queue, class_of_record, record->size_bytes))
            return false;
    }
    return muster_queue_push_record(pump->queue, record, 0) == MUSTER_OK;
}

static void record_push(struct replay *replay, struct replay_stream *stream, const struct muster_record *record)
{
    if (!pump_have(replay, stream))
        return;
    while (!pump_finished(&replay->pump) && !record_offer(&replay->pump, record)) {
        pump_wake(&replay->pump);
        (void)wakeups_wait(replay->wakeups, WAKE_PUMP, ROOM_WAIT_MS);
    }
    if (++replay->pushed % WAKE_EVERY == 0)
        pump_wake(&replay->pump);
    if (pump_finished(&replay->pump))
        pump_end(replay, NULL);
}

/* The clock was set at this place of the stream: what stands before it is written first. */
static void clock_set(struct replay *replay, struct replay_stream *stream, int64_t clock_offset_ns)
{
    struct pump *pump = &replay->pump;

    if (stream->stream.clock_offset_ns == clock_offset_ns)
        return;
    while (replay->pumped == stream && !pump_finished(pump) &&
           __atomic_load_n(&pump->done, __ATOMIC_ACQUIRE) != replay->pushed) {
        __atomic_store_n(&pump->ack_wanted, true, __ATOMIC_SEQ_CST);
        pump_wake(pump);
        (void)wakeups_wait(replay->wakeups, WAKE_PUMP, ROOM_WAIT_MS);
    }
    stream->stream.clock_offset_ns = clock_offset_ns;
}

/* ---- captures ---------------------------------------------------------------------------------------------- */

static struct replay_stream *stream_find(struct replay *replay, const struct muster_capture_part *part)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (replay->streams[i].used && replay->streams[i].capture == part->capture)
            return &replay->streams[i];
    return NULL;
}

static void gaps_push(struct replay *replay, struct replay_stream *stream, bool last)
{
    struct muster_gap gap;

    while (!replay->ended && replay_stream_gap(stream, last, &gap))
        record_push(replay, stream, &gap.record);
}

static void stream_finish(struct replay *replay, struct replay_stream *stream)
{
    gaps_push(replay, stream, true);
    if (stream->stopped && pump_have(replay, stream))
        pump_end(replay, replay_stream_stopped(stream));
    else if (replay->pumped == stream)
        pump_end(replay, NULL);
    stream->stopped = false;
}

static struct replay_stream *stream_begin(struct replay *replay, const struct muster_capture_part *part)
{
    unsigned i = 0;

    while (i < STREAM_COUNT - 1 && replay->streams[i].used)
        i++;
    replay_stream_begin(&replay->streams[i], part);
    return &replay->streams[i];
}

/* A capture that has come to its sensor-stopped is over when another one goes on. */
static void others_finish(struct replay *replay, const struct replay_stream *stream)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (replay->streams[i].used && replay->streams[i].stopped && &replay->streams[i] != stream)
            stream_finish(replay, &replay->streams[i]);
}

static void records_take(struct replay *replay, struct replay_stream *stream, const struct muster_capture_part *part)
{
    const struct muster_record *record, *written;
    struct muster_sensor_status made;
    size_t cursor = 0;

    replay_stream_look(stream, part);
    gaps_push(replay, stream, false);
    clock_set(replay, stream, part->clock_offset_ns);
    while (!replay->ended && (record = muster_capture_next_record(part, &cursor)) != NULL)
        if (replay_stream_take(stream, record, &made, &written))
            record_push(replay, stream, written);
    if (replay->pumped)
        pump_wake(&replay->pump);
}

static void damage_report(struct replay *replay, const struct muster_capture_damage *damage)
{
    char text[DAMAGE_TEXT_BYTES];

    code_raise(replay, EXIT_LOSS);
    if (replay->damage_count++ < DAMAGE_REPORTS)
        report("%s: %s", replay->input.name, damage_text(damage, text));
}

static void part_take(struct replay *replay, const struct muster_capture_part *part)
{
    struct replay_stream *stream = stream_find(replay, part);

    if (part->kind == MUSTER_CAPTURE_PART_DAMAGE)
        damage_report(replay, &part->damage);
    if (part->kind == MUSTER_CAPTURE_PART_BEGIN && !stream) {
        (void)stream_begin(replay, part);
        replay->begun = true;
    }
    if (!stream)
        return;
    switch (part->kind) {
    case MUSTER_CAPTURE_PART_RECORDS:
        others_finish(replay, stream);
        records_take(replay, stream, part);
        break;
    case MUSTER_CAPTURE_PART_CHECKPOINT:
        replay_stream_checkpoint(stream, part);
        break;
    case MUSTER_CAPTURE_PART_DAMAGE:
        if (stream->waiting_count == REPLAY_WAITING_MAX)
            gaps_push(replay, stream, false);
        replay_stream_damage(stream, &part->damage);
        break;
    case MUSTER_CAPTURE_PART_END:
        stream_finish(replay, stream);
        replay_stream_end(stream);
        break;
    default:
        break;
    }
}

/* ---- files --------------------------------------------------------------------------------------------------- */

static void input_end(struct replay *replay, enum muster_status status)
{
    if (replay->damage_count > DAMAGE_REPORTS)
        report("%s: damaged at %u more places", replay->input.name, replay->damage_count - DAMAGE_REPORTS);
    if (status == MUSTER_INPUT_FAILED)
        report("cannot read %s: %s", replay->input.name, strerror(errno));
    else if (!replay->begun && !replay->ended)
        report("%s: there is no capture in it", replay->input.name);
    if (status == MUSTER_INPUT_FAILED || (!replay->begun && !replay->ended))
        code_raise(replay, EXIT_FAILED);
}

static void input_replay(struct replay *replay)
{
    struct muster_capture_source source = {.read = input_file_read, .context = &replay->input};
    struct muster_capture_reader *reader = muster_capture_reader_create(&source);
    struct muster_capture_part part;
    enum muster_status status = MUSTER_EMPTY;

    replay->damage_count = 0;
    replay->begun = false;
    if (!reader) {
        report("cannot read %s: %s", replay->input.name, strerror(ENOMEM));
        code_raise(replay, EXIT_FAILED);
        return;
    }
    while (!replay->ended && (status = muster_capture_read(reader, &part)) == MUSTER_OK)
        part_take(replay, &part);
    input_end(replay, status);
    muster_capture_reader_destroy(reader);
}

static void files_replay(struct replay *replay)
{
    for (char *const *path = replay->options->files; *path && !replay->ended; path++) {
        if (!input_file_open(&replay->input, *path)) {
            report("cannot open %s: %s", replay->input.name, strerror(errno));
            code_raise(replay, EXIT_FAILED);
            continue;
        }
        input_replay(replay);
        input_file_close(&replay->input);
    }
    pump_end(replay, NULL);
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        replay_stream_end(&replay->streams[i]);
}

/* Opening the output empties it. */
static bool output_is_input(const struct replay *replay)
{
    const char *output = replay->options->output;

    for (char *const *path = replay->options->files; output && *path; path++)
        if (input_file_same(*path, output)) {
            report("%s is to be read and to be written: name another file with --output", output);
            return true;
        }
    return false;
}

static bool output_open(struct replay *replay)
{
    if (output_is_input(replay))
        return false;
    if (!output_file_open(&replay->output, replay->options->output)) {
        report("cannot open %s: %s", replay->output.name, strerror(errno));
        return false;
    }
    replay->wakeups = wakeups_create(WAKEUPS_NO_RECORDS, 0);
    if (!replay->wakeups)
        report("cannot start: %s", strerror(errno));
    return replay->wakeups != NULL;
}

int replay_run(const struct replay_options *options)
{
    struct replay *replay = &the_replay;

    replay->options = options;
    host_describe(&replay->host, &replay->own);
    if (!output_open(replay))
        return EXIT_FAILED;
    files_replay(replay);
    if (!output_file_close(&replay->output) && replay->code != EXIT_FAILED) {
        report("cannot write to %s: %s", replay->output.name, strerror(errno));
        code_raise(replay, EXIT_FAILED);
    }
    wakeups_destroy(replay->wakeups);
    return replay->code;
}
