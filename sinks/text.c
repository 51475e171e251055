/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text sink: for a person at a terminal. One record a line, whatever the record holds; a line is
 * never broken or shortened to the terminal's width, since the pager or the terminal does that
 * better. text_process.c has the lines about processes.
 */
#include "shell_text.h"
#include "tally.h"
#include "text_internal.h"

void text_paint(struct text_line *line, const char *sequence)
{
    if (line->text->color)
        buffer_string(line->out, sequence);
}

void text_write_time(struct text_line *line, uint64_t time_ns)
{
    timestamp_local(line->out, &line->text->minute, timestamp_since_1970(line->text->sink.stream, time_ns));
}

void text_write_begin(struct text_line *line, const char *event, const char *color)
{
    text_write_time(line, line->record->time_ns);
    buffer_byte(line->out, ' ');
    if (color != NULL)
        text_paint(line, color);
    buffer_string(line->out, event);
    if (color != NULL)
        text_paint(line, TEXT_RESET);
    buffer_spaces(line->out, TEXT_EVENT_WIDTH + 1 - strlen(event));
}

static void write_message(struct text_line *line)
{
    text_write_begin(line, "message", NULL);
    struct muster_text text = {.bytes = ""};
    (void)muster_record_text(line->record, MUSTER_FIELD_MESSAGE, &text);
    shell_escaped(line->out, text.bytes, text.head_bytes, line->wtf8);
    if (text.full_bytes > text.size_bytes) {
        buffer_literal(line->out, " … [");
        buffer_decimal(line->out, text.full_bytes);
        buffer_literal(line->out, " bytes in all] … ");
    }
    shell_escaped(line->out, text.bytes + text.head_bytes, text.size_bytes - text.head_bytes, line->wtf8);
}

static void write_gap(struct text_line *line)
{
    struct buffer *out = line->out;
    struct muster_gap gap = tally_gap(line->record);
    text_paint(line, TEXT_BOLD_RED);
    text_write_begin(line, "lost", NULL);
    tally_write_lost(out, &gap);
    if (gap.start_ns != 0 && gap.end_ns != 0) {
        buffer_literal(out, " between ");
        text_write_time(line, gap.start_ns);
        buffer_literal(out, " and ");
        text_write_time(line, gap.end_ns);
    }
    buffer_literal(out, ": ");
    tally_write_causes(out, gap.causes);
    if (muster_record_has(line->record, MUSTER_FIELD_SEQUENCE_RANGE)) {
        buffer_literal(out, "; sequence ");
        buffer_decimal(out, gap.first_sequence);
        buffer_literal(out, " to ");
        buffer_decimal(out, gap.last_sequence);
    }
    text_paint(line, TEXT_RESET);
}

/* "1234 events (600 starts, 634 exits)" */
static void write_delivered(struct buffer *out, const struct muster_sensor_status *status)
{
    buffer_decimal(out, status->delivered);
    buffer_string(out, status->delivered == 1 ? " event" : " events");
    const char *separator = " (";
    for (unsigned i = 0; i < MUSTER_GAP_TYPES; i++) {
        if (status->types[i] == 0)
            continue;
        struct tally_spare spare;
        buffer_string(out, separator);
        buffer_decimal(out, status->types[i]);
        buffer_byte(out, ' ');
        buffer_string(out, tally_type_name(i, &spare));
        buffer_string(out, status->types[i] == 1 ? "" : "s");
        separator = ", ";
    }
    if (separator[0] == ',')
        buffer_byte(out, ')');
}

static void write_missing(struct text_line *line, const struct muster_sensor_status *status)
{
    uint64_t missing = 0;
    for (unsigned i = 0; i < MUSTER_GAP_CAUSES; i++)
        missing += status->dropped[i];
    if (missing == 0) {
        buffer_literal(line->out, ", none missing");
        return;
    }
    buffer_literal(line->out, ", ");
    text_paint(line, TEXT_BOLD_RED);
    buffer_decimal(line->out, missing);
    buffer_literal(line->out, " MISSING (");
    tally_write_causes(line->out, status->dropped);
    buffer_byte(line->out, ')');
    text_paint(line, TEXT_RESET);
}

static void write_count(struct buffer *out, uint64_t count, const char *what)
{
    if (count == 0)
        return;
    buffer_literal(out, ", ");
    buffer_decimal(out, count);
    buffer_byte(out, ' ');
    buffer_string(out, what);
}

static void write_status(struct text_line *line, const char *event)
{
    struct muster_sensor_status status = tally_status(line->record);
    text_write_begin(line, event, NULL);
    write_delivered(line->out, &status);
    write_missing(line, &status);
    write_count(line->out, status.filtered, "filtered out");
    write_count(line->out, status.held, "held");
    write_count(line->out, status.degraded, "degraded");
}

static void write_started(struct text_line *line)
{
    const struct muster_stream *stream = line->text->sink.stream;
    text_write_begin(line, "started", NULL);
    buffer_literal(line->out, "muster ");
    if (stream->version != NULL) {
        shell_escaped(line->out, stream->version, strlen(stream->version), false);
        buffer_byte(line->out, ' ');
    }
    buffer_literal(line->out, "epoch ");
    buffer_hex(line->out, tally_status(line->record).epoch, 16);
}

static void write_record(struct text_line *line)
{
    switch (line->record->type) {
    case MUSTER_EVENT_MESSAGE:
        write_message(line);
        break;
    case MUSTER_EVENT_GAP:
        write_gap(line);
        break;
    case MUSTER_EVENT_STATUS:
        write_status(line, "status");
        break;
    case MUSTER_EVENT_SENSOR_STARTED:
        write_started(line);
        break;
    case MUSTER_EVENT_SENSOR_STOPPED:
        write_status(line, "stopped");
        break;
    default:
        text_write_process(line);
        break;
    }
}

static bool format(struct muster_sink *sink, const struct muster_record *record)
{
    if (record->type == 0 || record->type > MUSTER_EVENT_TYPE_COUNT)
        return true;
    struct text_line line = {
        .text = (struct text_sink *)sink,
        .out = &sink->output.buffer,
        .record = record,
        .wtf8 = (record->flags & MUSTER_RECORD_WTF8) != 0,
    };
    write_record(&line);
    buffer_byte(line.out, '\n');
    if (line.out->no_memory)
        return false;
    output_end_line(&sink->output);
    return true;
}

static void write_header(struct buffer *out)
{
    buffer_literal(out, "TIME         EVENT       PID    PPID PARENT          USER     COMMAND\n");
}

struct muster_sink *muster_sink_text_create(const struct muster_sink_options *options)
{
    static const struct muster_sink_operations operations = {.format = format};
    struct text_sink *text = sink_allocate(sizeof(*text), &operations, options);
    if (text == NULL)
        return NULL;
    text->color = options->color == MUSTER_COLOR_ALWAYS;
    write_header(&text->sink.output.buffer);
    if (text->sink.output.buffer.no_memory) {
        muster_sink_destroy(&text->sink);
        return NULL;
    }
    output_end_line(&text->sink.output);
    return &text->sink;
}
