/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NDJSON sink: one record a line, ECS field names, nested, always in the same order. This file
 * has the frame that all events share; ndjson_process.c has what is known about a process, and
 * ndjson_muster.c our own object.
 *
 * Most of a line is the same each time, so it is made once, at create, and copied. Nothing on the
 * way of a line is printf'd or allocated. A JSON library was rejected: a tree that is built and
 * serialised costs several times as much as the line, and none escapes for a terminal.
 */
#include "ndjson_internal.h"

#include "tally.h"

struct event_constants {
    const char *kind;
    const char *category;
    const char *type;
    const char *code; /* NULL: none */
};

static const struct event_constants event_constants[MUSTER_EVENT_TYPE_COUNT + 1] = {
    [MUSTER_EVENT_PROCESS_START] = {"event", "process", "start", "1"},
    [MUSTER_EVENT_PROCESS_EXIT] = {"event", "process", "end", "5"},
    [MUSTER_EVENT_PROCESS_FORK] = {"event", "process", "start", NULL},
    [MUSTER_EVENT_MESSAGE] = {"event", "process", "info", NULL},
    [MUSTER_EVENT_GAP] = {"event", "host", "info", "255"},
    [MUSTER_EVENT_STATUS] = {"metric", "host", "info", NULL},
    [MUSTER_EVENT_PROCESS_RUNNING] = {"state", "process", "info", NULL},
    [MUSTER_EVENT_SENSOR_STARTED] = {"event", "host", "info", "4"},
    [MUSTER_EVENT_SENSOR_STOPPED] = {"event", "host", "info", "4"},
};

static void write_member(struct buffer *out, const char *key, const char *value)
{
    if (value == NULL)
        return;
    json_key(out, key);
    (void)json_string(out, value, strlen(value), 0);
}

static void write_boot(struct buffer *out, const struct muster_stream *stream)
{
    if (!stream->boot_id_valid)
        return;
    buffer_literal(out, "\"boot\":{\"id\":\"");
    for (unsigned i = 0; i < sizeof(stream->boot_id); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            buffer_byte(out, '-');
        buffer_hex(out, stream->boot_id[i], 2);
    }
    buffer_literal(out, "\"},");
}

static void write_host(struct buffer *out, const struct muster_stream *stream)
{
    struct json_scope host = json_open_object(out, "host");
    write_member(out, "name", stream->host_name);
    write_member(out, "id", stream->host_id);
    write_boot(out, stream);
    struct json_scope os = json_open_object(out, "os");
    write_member(out, "type", stream->os_type);
    write_member(out, "kernel", stream->os_kernel);
    json_close_or_remove(out, '}', os);
    json_close_or_remove(out, '}', host);
}

static void write_agent(struct buffer *out, const struct muster_stream *stream)
{
    buffer_literal(out, "\"agent\":{\"type\":\"muster\",");
    write_member(out, "version", stream->version);
    buffer_literal(out, "\"ephemeral_id\":\"");
    buffer_hex(out, stream->epoch, 16);
    buffer_literal(out, "\"},");
}

static void write_head(struct buffer *out, unsigned type)
{
    const struct event_constants *event = &event_constants[type];
    buffer_literal(out, "\"ecs\":{\"version\":\"8.11.0\"},\"event\":{");
    write_member(out, "kind", event->kind);
    buffer_literal(out, "\"category\":[\"");
    buffer_string(out, event->category);
    buffer_literal(out, "\"],\"type\":[\"");
    buffer_string(out, event->type);
    buffer_literal(out, "\"],");
    write_member(out, "action", muster_event_action(type));
    write_member(out, "code", event->code);
}

static struct constant_part part_since(const struct buffer *constants, size_t offset_bytes)
{
    return (struct constant_part){offset_bytes, constants->size_bytes - offset_bytes};
}

static bool make_constants(struct ndjson_sink *ndjson)
{
    struct buffer *out = &ndjson->constants;
    const struct muster_stream *stream = ndjson->sink.stream;
    size_t begin = 0;
    for (unsigned type = 1; type <= MUSTER_EVENT_TYPE_COUNT; type++) {
        begin = out->size_bytes;
        write_head(out, type);
        ndjson->head[type] = part_since(out, begin);
    }
    begin = out->size_bytes;
    write_member(out, "provider", stream->provider);
    buffer_literal(out, "\"module\":\"muster\",\"dataset\":\"muster.process\",");
    ndjson->source = part_since(out, begin);
    begin = out->size_bytes;
    write_host(out, stream);
    ndjson->host = part_since(out, begin);
    begin = out->size_bytes;
    write_agent(out, stream);
    ndjson->agent = part_since(out, begin);
    return !out->no_memory;
}

static void write_constant(struct ndjson_line *line, struct constant_part part)
{
    buffer_append(line->out, line->ndjson->constants.bytes + part.offset_bytes, part.size_bytes);
}

void ndjson_write_time(struct ndjson_line *line, uint64_t time_ns)
{
    buffer_byte(line->out, '"');
    timestamp_utc(line->out, &line->ndjson->day, timestamp_since_1970(line->ndjson->sink.stream, time_ns));
    buffer_literal(line->out, "\",");
}

void ndjson_write_text(struct ndjson_line *line, const struct muster_text *text)
{
    bool is_cut = text->full_bytes > text->size_bytes;
    size_t shown_bytes = is_cut && text->head_bytes > 0 ? text->head_bytes : text->size_bytes;
    bool is_exact = json_string(line->out, text->bytes, shown_bytes, line->json_flags);
    if (!is_exact || shown_bytes != text->size_bytes)
        line->inexact |= MUSTER_FIELD_BIT(text->field);
}

static struct ndjson_line line_begin(struct ndjson_sink *ndjson, const struct muster_record *record)
{
    struct ndjson_line line;
    line.ndjson = ndjson;
    line.out = &ndjson->sink.output.buffer;
    line.record = record;
    line.present = 0;
    line.inexact = 0;
    line.json_flags = (record->flags & MUSTER_RECORD_WTF8) != 0 ? JSON_WTF8 : 0;
    struct muster_text text;
    for (uint32_t cursor = 0; muster_record_next_text(record, &cursor, &text);) {
        if (text.field < MUSTER_FIELD_FIRST_TEXT || text.field >= MUSTER_FIELD_COUNT)
            continue;
        line.texts[text.field - MUSTER_FIELD_FIRST_TEXT] = text;
        line.present |= MUSTER_FIELD_BIT(text.field);
    }
    return line;
}

static void write_gap_event(struct ndjson_line *line)
{
    struct muster_gap gap = tally_gap(line->record);
    if (gap.start_ns != 0) {
        json_member(line->out, "start");
        ndjson_write_time(line, gap.start_ns);
    }
    if (gap.end_ns != 0) {
        json_member(line->out, "end");
        ndjson_write_time(line, gap.end_ns);
    }
    buffer_literal(line->out, "\"reason\":\"");
    tally_write_reason(line->out, &gap);
    buffer_literal(line->out, "\",");
}

static void write_event(struct ndjson_line *line)
{
    const struct muster_record *record = line->record;
    write_constant(line, line->ndjson->head[record->type]);
    if (muster_event_is_numbered(record->type) && record->sequence != 0) {
        json_member(line->out, "sequence");
        json_number(line->out, record->sequence);
    }
    write_constant(line, line->ndjson->source);
    if (record->type == MUSTER_EVENT_PROCESS_EXIT && muster_record_has(record, MUSTER_FIELD_RUN_TIME)) {
        json_member(line->out, "duration");
        json_number(line->out, ((const struct muster_process_exit *)record)->run_time_ns);
    }
    if (record->type == MUSTER_EVENT_GAP)
        write_gap_event(line);
    json_close(line->out, '}');
}

static void write_subject(struct ndjson_line *line)
{
    const struct muster_text *message = NULL;
    switch (line->record->type) {
    case MUSTER_EVENT_PROCESS_START:
    case MUSTER_EVENT_PROCESS_EXIT:
    case MUSTER_EVENT_PROCESS_FORK:
    case MUSTER_EVENT_PROCESS_RUNNING:
        ndjson_write_process(line);
        break;
    case MUSTER_EVENT_GAP:
        buffer_literal(line->out, "\"error\":{\"code\":\"EVENTS_LOST\"},");
        break;
    default:
        message = line_text(line, MUSTER_FIELD_MESSAGE);
        break;
    }
    if (message != NULL) {
        json_member(line->out, "message");
        ndjson_write_text(line, message);
    }
}

static bool format(struct muster_sink *sink, const struct muster_record *record)
{
    if (record->type == 0 || record->type > MUSTER_EVENT_TYPE_COUNT)
        return true;
    struct ndjson_line line = line_begin((struct ndjson_sink *)sink, record);
    buffer_literal(line.out, "{\"@timestamp\":");
    ndjson_write_time(&line, record->time_ns);
    write_event(&line);
    write_constant(&line, line.ndjson->host);
    write_subject(&line);
    write_constant(&line, line.ndjson->agent);
    ndjson_write_muster(&line);
    json_close(line.out, '}');
    if (line.out->no_memory)
        return false;
    line.out->bytes[line.out->size_bytes - 1] = '\n';
    output_end_line(&sink->output);
    return true;
}

static void deinit(struct muster_sink *sink)
{
    buffer_deinit(&((struct ndjson_sink *)sink)->constants);
}

struct muster_sink *muster_sink_ndjson_create(const struct muster_sink_options *options)
{
    static const struct muster_sink_operations operations = {.format = format, .deinit = deinit};
    struct ndjson_sink *ndjson = sink_allocate(sizeof(*ndjson), &operations, options);
    if (ndjson == NULL)
        return NULL;
    if (!make_constants(ndjson)) {
        muster_sink_destroy(&ndjson->sink);
        return NULL;
    }
    return &ndjson->sink;
}
