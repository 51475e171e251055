/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text sink: lines about processes. What is not known stays blank; a '-' or a 0 would be a value.
 */
#include "arguments.h"
#include "path.h"
#include "shell_text.h"
#include "signal_name.h"
#include "text_internal.h"

/* From here on an exit code of Windows is a status that came from the system: information, a warning, an
 * error. Those are known by their hex digits. */
#define NTSTATUS_LEAST 0x40000000U

static bool has(const struct text_line *line, enum muster_field field)
{
    return muster_record_has(line->record, field);
}

/* By its place, and not by its value: a fixed part may end before a member whose bit is not set. */
static void write_pid(struct text_line *line, enum muster_field field, const uint32_t *place)
{
    const bool is_known = has(line, field);
    char digits[12] = "";
    size_t digit_count = 0;
    for (uint32_t rest = is_known ? *place : 0; is_known && (rest != 0 || digit_count == 0); rest /= 10)
        digits[sizeof(digits) - ++digit_count] = (char)('0' + rest % 10);
    if (digit_count < TEXT_PID_WIDTH)
        buffer_spaces(line->out, TEXT_PID_WIDTH - digit_count);
    buffer_append(line->out, digits + sizeof(digits) - digit_count, digit_count);
    buffer_byte(line->out, ' ');
}

static void write_parent_name(struct text_line *line)
{
    struct muster_text path;
    const char *name = "";
    size_t name_bytes = 0;
    if (muster_record_text(line->record, MUSTER_FIELD_PARENT_EXECUTABLE, &path))
        (void)path_name(&path, line->wtf8, &name, &name_bytes);
    shell_column(line->out, name, name_bytes, line->wtf8, TEXT_NAME_WIDTH);
    buffer_byte(line->out, ' ');
}

static void write_user(struct text_line *line, const struct muster_process *process)
{
    const struct muster_stream *stream = line->text->sink.stream;
    struct muster_text sid = {.bytes = ""};
    const char *name = NULL;
    if (muster_record_text(line->record, MUSTER_FIELD_USER_SID, &sid) && stream->user_sid_name != NULL)
        name = stream->user_sid_name(sid.bytes, sid.size_bytes);
    else if (has(line, MUSTER_FIELD_USER) && stream->user_name != NULL)
        name = stream->user_name(process->user_id);
    size_t begin_bytes = line->out->size_bytes;
    if (name != NULL) {
        shell_column(line->out, name, strlen(name), line->wtf8, TEXT_USER_WIDTH);
    } else {
        shell_escaped(line->out, sid.bytes, sid.size_bytes, line->wtf8);
        if (has(line, MUSTER_FIELD_USER))
            buffer_decimal(line->out, process->user_id);
        size_t columns = line->out->size_bytes - begin_bytes;
        buffer_spaces(line->out, columns < TEXT_USER_WIDTH ? TEXT_USER_WIDTH - columns : 0);
    }
    buffer_byte(line->out, ' ');
}

/* Every argument in these bytes, with a space before each but the first. */
static void write_words(struct text_line *line, const char *bytes, size_t size_bytes)
{
    struct arguments arguments = arguments_of_bytes(bytes, size_bytes);
    const char *separator = "";
    const char *word;
    size_t word_bytes;
    while (arguments_next(&arguments, &word, &word_bytes)) {
        buffer_string(line->out, separator);
        shell_word(line->out, word, word_bytes, line->wtf8);
        separator = " ";
    }
}

static void write_arguments(struct text_line *line, const struct muster_text *text)
{
    if (text->full_bytes <= text->size_bytes) {
        write_words(line, text->bytes, text->size_bytes);
        return;
    }
    write_words(line, text->bytes, text->head_bytes);
    buffer_literal(line->out, " … [");
    buffer_decimal(line->out, text->full_bytes);
    buffer_literal(line->out, " bytes in all] … ");
    write_words(line, text->bytes + text->head_bytes, text->size_bytes - text->head_bytes);
}

/* One string, which its creator wrote: shown as it is, and not cut into words that only the program
 * itself would know. */
static void write_command_line(struct text_line *line, const struct muster_text *text)
{
    bool is_cut = text->full_bytes > text->size_bytes;
    shell_line(line->out, text->bytes, is_cut ? text->head_bytes : text->size_bytes, line->wtf8);
    if (!is_cut)
        return;
    buffer_literal(line->out, " … [");
    buffer_decimal(line->out, text->full_bytes);
    buffer_literal(line->out, " bytes in all] … ");
    shell_line(line->out, text->bytes + text->head_bytes, text->size_bytes - text->head_bytes, line->wtf8);
}

/* A window is of a start or an exit: no other record may have one. */
static void write_concluded(struct text_line *line)
{
    buffer_literal(line->out, " [concluded, not seen");
    if (has(line, MUSTER_FIELD_WINDOW)) {
        const bool is_exit = line->record->type == MUSTER_EVENT_PROCESS_EXIT;
        const struct muster_process_start *start = (const struct muster_process_start *)line->record;
        const struct muster_process_exit *exit = (const struct muster_process_exit *)line->record;
        buffer_literal(line->out, ": between ");
        text_write_time(line, is_exit ? exit->window_start_ns : start->window_start_ns);
        buffer_literal(line->out, " and ");
        text_write_time(line, is_exit ? exit->window_end_ns : start->window_end_ns);
    }
    buffer_byte(line->out, ']');
}

static void write_remarks(struct text_line *line)
{
    uint32_t flags = 0;
    if (has(line, MUSTER_FIELD_IMAGE_FLAGS))
        flags = ((const struct muster_process_start *)line->record)->image_flags;
    if ((flags & MUSTER_IMAGE_MEMFD) != 0)
        buffer_literal(line->out, " [memfd]");
    else if ((flags & MUSTER_IMAGE_DELETED) != 0)
        buffer_literal(line->out, " [deleted]");
    /* Why the user is another than the one who called for it. */
    if ((flags & MUSTER_IMAGE_SETUID) != 0)
        buffer_literal(line->out, " [setuid]");
    if ((flags & MUSTER_IMAGE_SETGID) != 0)
        buffer_literal(line->out, " [setgid]");
    if ((line->record->flags & MUSTER_RECORD_SKELETON) != 0)
        buffer_literal(line->out, " [degraded: no room for its texts]");
    if ((line->record->flags & MUSTER_RECORD_SYNTHETIC) != 0)
        write_concluded(line);
}

/* The comm of the process, or the name of its file. False where neither is known. */
static bool write_name(struct text_line *line)
{
    struct muster_text text;
    const char *name = NULL;
    size_t name_bytes = 0;
    if (muster_record_text(line->record, MUSTER_FIELD_THREAD_NAME, &text)) {
        name = text.bytes;
        name_bytes = text.size_bytes;
    } else if (!muster_record_text(line->record, MUSTER_FIELD_EXECUTABLE, &text) ||
               !path_name(&text, line->wtf8, &name, &name_bytes)) {
        return false;
    }
    shell_word(line->out, name, name_bytes, line->wtf8);
    return true;
}

static void write_command(struct text_line *line)
{
    struct muster_text text;
    if (muster_record_text(line->record, MUSTER_FIELD_ARGS, &text) && text.size_bytes > 0)
        write_arguments(line, &text);
    else if (muster_record_text(line->record, MUSTER_FIELD_COMMAND_LINE, &text) && text.full_bytes > 0)
        write_command_line(line, &text);
    else if (muster_record_text(line->record, MUSTER_FIELD_EXECUTABLE, &text))
        shell_word(line->out, text.bytes, text.head_bytes > 0 ? text.head_bytes : text.size_bytes, line->wtf8);
    else
        (void)write_name(line);
    write_remarks(line);
}

static void write_tenths(struct buffer *out, uint64_t tenths, const char *unit)
{
    buffer_decimal(out, tenths / 10);
    if (tenths % 10 != 0) {
        buffer_byte(out, '.');
        buffer_byte(out, (char)('0' + tenths % 10));
    }
    buffer_string(out, unit);
}

static void write_two_units(struct buffer *out, uint64_t value, unsigned per_unit, const char *unit,
                            const char *smaller)
{
    buffer_decimal(out, value / per_unit);
    buffer_string(out, unit);
    if (value % per_unit == 0)
        return;
    buffer_byte(out, ' ');
    buffer_decimal(out, value % per_unit);
    buffer_string(out, smaller);
}

static void write_duration(struct buffer *out, uint64_t ns)
{
    uint64_t seconds = ns / 1000000000U;
    if (ns < 10000000U)
        write_tenths(out, ns / 100000U, " ms");
    else if (seconds == 0)
        write_tenths(out, ns / 1000000U * 10, " ms");
    else if (seconds < 60)
        write_tenths(out, ns / 100000000U, " s");
    else if (seconds < 3600)
        write_two_units(out, seconds, 60, " min", " s");
    else if (seconds < 86400)
        write_two_units(out, seconds / 60, 60, " h", " min");
    else
        write_two_units(out, seconds / 3600, 24, " d", " h");
}

static void write_signal(struct text_line *line, const struct muster_process_exit *exit)
{
    text_paint(line, TEXT_RESET TEXT_RED);
    buffer_literal(line->out, "killed by ");
    const char *name = signal_name(exit->exit_signal);
    if (name != NULL) {
        buffer_string(line->out, name);
    } else {
        buffer_literal(line->out, "signal ");
        buffer_decimal(line->out, exit->exit_signal);
    }
    if (has(line, MUSTER_FIELD_CORE_DUMPED) && exit->core_dumped != 0)
        buffer_literal(line->out, ", core dumped,");
    text_paint(line, TEXT_RESET TEXT_DIM);
}

static void write_exit_code(struct text_line *line, const struct muster_process_exit *exit)
{
    bool is_failure = exit->exit_code != 0;
    if (is_failure)
        text_paint(line, TEXT_RESET TEXT_YELLOW);
    buffer_literal(line->out, "exit ");
    if (exit->exit_code >= NTSTATUS_LEAST) {
        buffer_literal(line->out, "0x");
        buffer_hex(line->out, exit->exit_code, 8);
    } else {
        buffer_decimal(line->out, exit->exit_code);
    }
    if (is_failure)
        text_paint(line, TEXT_RESET TEXT_DIM);
}

/* "sleep: exit 3 after 1.2 s" */
static void write_end(struct text_line *line)
{
    const struct muster_process_exit *exit = (const struct muster_process_exit *)line->record;
    if (write_name(line))
        buffer_literal(line->out, ": ");
    if (has(line, MUSTER_FIELD_EXIT_SIGNAL))
        write_signal(line, exit);
    else if (has(line, MUSTER_FIELD_EXIT_CODE))
        write_exit_code(line, exit);
    else
        buffer_literal(line->out, "exit");
    if (has(line, MUSTER_FIELD_RUN_TIME)) {
        buffer_literal(line->out, " after ");
        write_duration(line->out, exit->run_time_ns);
    }
    write_remarks(line);
}

static void write_event(struct text_line *line)
{
    switch (line->record->type) {
    case MUSTER_EVENT_PROCESS_START:
        text_write_begin(line, "start", TEXT_GREEN);
        break;
    case MUSTER_EVENT_PROCESS_EXIT:
        text_paint(line, TEXT_DIM);
        text_write_begin(line, "exit", NULL);
        break;
    case MUSTER_EVENT_PROCESS_FORK:
        text_write_begin(line, "fork", NULL);
        break;
    default:
        text_write_begin(line, "running", NULL);
        break;
    }
}

void text_write_process(struct text_line *line)
{
    const struct muster_process *process = &((const struct muster_process_start *)line->record)->process;
    write_event(line);
    write_pid(line, MUSTER_FIELD_PID, &process->pid);
    write_pid(line, MUSTER_FIELD_PARENT_PID, &process->parent_pid);
    write_parent_name(line);
    write_user(line, process);
    if (line->record->type == MUSTER_EVENT_PROCESS_EXIT) {
        write_end(line);
        text_paint(line, TEXT_RESET);
    } else {
        write_command(line);
    }
}
