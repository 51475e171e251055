/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver-messages sink: for each batch one line, the JSON that serde_json writes for the two
 * lists that the driver of the question (docs/origin.md) served to user mode.
 *
 *     {"messages":["..."],"process_creations":[{"image_name":"","command_line":"","parent_pid":"0x4d2"}]}
 *
 * It has the question's fields and nothing else, so it is lossy by nature: baseline, exits, forks and
 * status leave no trace. The lists are built side by side and joined when the batch ends; to walk
 * the records twice was rejected, since a sink sees each record once and does not own it.
 */
#include "arguments.h"
#include "json.h"
#include "sink_internal.h"
#include "tally.h"

/* Memory for each list that stays between batches. */
enum { LIST_KEPT_BYTES = 64 * 1024 };

struct driver_messages_sink {
    struct muster_sink sink; /* first */
    struct buffer messages;  /* elements, each with its comma */
    struct buffer process_creations;
};

static unsigned json_flags(const struct muster_record *record)
{
    return JSON_SHORT_ESCAPES | ((record->flags & MUSTER_RECORD_WTF8) != 0 ? (unsigned)JSON_WTF8 : 0U);
}

/* What is kept of a text; of one that was cut the head, or the tail if there is no head. */
static void write_text(struct buffer *out, const struct muster_record *record, enum muster_field field)
{
    struct muster_text text = {.bytes = ""};
    (void)muster_record_text(record, field, &text);
    bool is_cut = text.full_bytes > text.size_bytes;
    size_t shown_bytes = is_cut && text.head_bytes > 0 ? text.head_bytes : text.size_bytes;
    (void)json_string(out, text.bytes, shown_bytes, json_flags(record));
}

/* Linux has arguments, Windows a command line. */
static void write_command_line(struct buffer *out, const struct muster_record *record)
{
    struct muster_text text = {.bytes = ""};
    if (muster_record_text(record, MUSTER_FIELD_COMMAND_LINE, &text)) {
        write_text(out, record, MUSTER_FIELD_COMMAND_LINE);
        return;
    }
    (void)muster_record_text(record, MUSTER_FIELD_ARGS, &text);
    struct arguments arguments = arguments_whole(&text);
    const char *bytes;
    size_t size_bytes;
    const char *separator = "";
    buffer_byte(out, '"');
    while (arguments_next(&arguments, &bytes, &size_bytes)) {
        buffer_string(out, separator);
        (void)json_text(out, bytes, size_bytes, json_flags(record));
        separator = " ";
    }
    buffer_literal(out, "\",");
}

/* As Rust's {:?} shows a HANDLE. */
static void write_handle(struct buffer *out, uint32_t pid)
{
    unsigned digit_count = 1;
    while (digit_count < 8 && pid >> (4 * digit_count) != 0)
        digit_count++;
    buffer_literal(out, "\"0x");
    buffer_hex(out, pid, digit_count);
    buffer_literal(out, "\",");
}

static void add_process_creation(struct buffer *out, const struct muster_record *record)
{
    const struct muster_process_start *start = (const struct muster_process_start *)record;
    buffer_literal(out, "{\"image_name\":");
    write_text(out, record, MUSTER_FIELD_EXECUTABLE);
    json_member(out, "command_line");
    write_command_line(out, record);
    json_member(out, "parent_pid");
    write_handle(out, muster_record_has(record, MUSTER_FIELD_PARENT_PID) ? start->process.parent_pid : 0);
    json_close(out, '}');
}

static void add_gap(struct buffer *out, const struct muster_record *record)
{
    struct muster_gap gap = tally_gap(record);
    buffer_byte(out, '"');
    tally_write_reason(out, &gap);
    if (muster_record_has(record, MUSTER_FIELD_SEQUENCE_RANGE)) {
        buffer_literal(out, "; sequence ");
        buffer_decimal(out, gap.first_sequence);
        buffer_literal(out, " to ");
        buffer_decimal(out, gap.last_sequence);
    }
    buffer_literal(out, "\",");
}

static bool format(struct muster_sink *sink, const struct muster_record *record)
{
    struct driver_messages_sink *lists = (struct driver_messages_sink *)sink;
    switch (record->type) {
    case MUSTER_EVENT_PROCESS_START:
        add_process_creation(&lists->process_creations, record);
        break;
    case MUSTER_EVENT_MESSAGE:
        write_text(&lists->messages, record, MUSTER_FIELD_MESSAGE);
        break;
    case MUSTER_EVENT_GAP:
        add_gap(&lists->messages, record);
        break;
    default:
        break;
    }
    return !lists->messages.no_memory && !lists->process_creations.no_memory;
}

static void move_list(struct buffer *out, struct buffer *list)
{
    buffer_append(out, list->bytes, list->size_bytes);
    json_close(out, ']');
    list->size_bytes = 0;
    buffer_shrink(list, LIST_KEPT_BYTES);
}

static bool end_batch(struct muster_sink *sink)
{
    struct driver_messages_sink *lists = (struct driver_messages_sink *)sink;
    struct buffer *out = &sink->output.buffer;
    if (lists->messages.size_bytes == 0 && lists->process_creations.size_bytes == 0)
        return true;
    buffer_literal(out, "{\"messages\":[");
    move_list(out, &lists->messages);
    buffer_literal(out, "\"process_creations\":[");
    move_list(out, &lists->process_creations);
    json_close(out, '}');
    if (out->no_memory)
        return false;
    out->bytes[out->size_bytes - 1] = '\n';
    output_end_line(&sink->output);
    return true;
}

static void deinit(struct muster_sink *sink)
{
    struct driver_messages_sink *lists = (struct driver_messages_sink *)sink;
    buffer_deinit(&lists->messages);
    buffer_deinit(&lists->process_creations);
}

struct muster_sink *muster_sink_driver_messages_create(const struct muster_sink_options *options)
{
    static const struct muster_sink_operations operations = {
        .format = format, .end_batch = end_batch, .deinit = deinit};
    struct driver_messages_sink *lists = sink_allocate(sizeof(*lists), &operations, options);
    return lists == NULL ? NULL : &lists->sink;
}
