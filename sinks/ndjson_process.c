/* SPDX-License-Identifier: Apache-2.0 */
/* The NDJSON sink: what is known about a process. Called by ndjson.c for each process event. */
#include "arguments.h"
#include "ndjson_internal.h"
#include "path.h"

static const struct muster_process *process_of(const struct muster_record *record)
{
    return &((const struct muster_process_start *)record)->process;
}

static bool has(const struct ndjson_line *line, enum muster_field field)
{
    return muster_record_has(line->record, field);
}

void ndjson_write_entity(struct ndjson_line *line, uint32_t pid, uint64_t start_ns)
{
    const char *digits = entity_digits(&line->ndjson->entities, line->ndjson->sink.stream, pid, start_ns);
    if (digits == NULL)
        return;
    json_member(line->out, "entity_id");
    buffer_byte(line->out, '"');
    buffer_append(line->out, digits, ENTITY_DIGITS);
    buffer_literal(line->out, "\",");
}

static void write_identity(struct ndjson_line *line, const struct muster_process *process)
{
    if (has(line, MUSTER_FIELD_PID)) {
        json_member(line->out, "pid");
        json_number(line->out, process->pid);
        if (has(line, MUSTER_FIELD_START))
            ndjson_write_entity(line, process->pid, process->start_ns);
    }
    if (has(line, MUSTER_FIELD_START)) {
        json_member(line->out, "start");
        ndjson_write_time(line, process->start_ns);
    }
}

static void write_name(struct ndjson_line *line, const struct muster_text *path)
{
    const char *name = NULL;
    size_t name_bytes = 0;
    if (!path_name(path, (line->json_flags & JSON_WTF8) != 0, &name, &name_bytes))
        return;
    json_member(line->out, "name");
    (void)json_string(line->out, name, name_bytes, line->json_flags);
}

static void write_executable(struct ndjson_line *line)
{
    const struct muster_text *path = line_text(line, MUSTER_FIELD_EXECUTABLE);
    if (path == NULL)
        return;
    write_name(line, path);
    json_member(line->out, "executable");
    ndjson_write_text(line, path);
}

/* False where not one argument is whole. */
static bool write_argument_array(struct ndjson_line *line, const struct muster_text *text)
{
    struct json_scope array = json_open_array(line->out, "args");
    struct arguments arguments = arguments_whole(text);
    bool is_exact = true;
    bool is_empty = true;
    const char *bytes;
    size_t size_bytes;
    while (arguments_next(&arguments, &bytes, &size_bytes)) {
        is_exact = json_string(line->out, bytes, size_bytes, line->json_flags) && is_exact;
        is_empty = false;
    }
    if (!is_exact || arguments.left_out)
        line->inexact |= MUSTER_FIELD_BIT(MUSTER_FIELD_ARGS);
    if (text->full_bytes == 0)
        json_close(line->out, ']');
    else
        json_close_or_remove(line->out, ']', array);
    return !is_empty;
}

/* The arguments, joined by spaces. */
static void write_joined(struct ndjson_line *line, const struct muster_text *text)
{
    json_member(line->out, "command_line");
    struct arguments arguments = arguments_whole(text);
    const char *bytes;
    size_t size_bytes;
    char separator = '"';
    while (arguments_next(&arguments, &bytes, &size_bytes)) {
        buffer_byte(line->out, separator);
        (void)json_text(line->out, bytes, size_bytes, line->json_flags);
        separator = ' ';
    }
    buffer_literal(line->out, "\",");
}

static void write_arguments(struct ndjson_line *line)
{
    const struct muster_text *text = line_text(line, MUSTER_FIELD_ARGS);
    bool has_whole = text != NULL && write_argument_array(line, text);
    if (has(line, MUSTER_FIELD_ARGS_COUNT)) {
        json_member(line->out, "args_count");
        json_number(line->out, ((const struct muster_process_start *)line->record)->args_count);
    }
    if (has_whole)
        write_joined(line, text);
}

/* Linux has arguments, Windows a command line. */
static void write_command_line(struct ndjson_line *line)
{
    const struct muster_text *text = line_text(line, MUSTER_FIELD_COMMAND_LINE);
    if (text == NULL) {
        write_arguments(line);
        return;
    }
    json_member(line->out, "command_line");
    ndjson_write_text(line, text);
}

static void write_thread(struct ndjson_line *line, const struct muster_process *process)
{
    struct json_scope thread = json_open_object(line->out, "thread");
    if (has(line, MUSTER_FIELD_TID)) {
        json_member(line->out, "id");
        json_number(line->out, process->tid);
    }
    const struct muster_text *name = line_text(line, MUSTER_FIELD_THREAD_NAME);
    if (name != NULL) {
        json_member(line->out, "name");
        ndjson_write_text(line, name);
    }
    json_close_or_remove(line->out, '}', thread);
}

#define WRITE_ID(line, key, value)                                                                                     \
    do {                                                                                                               \
        buffer_literal((line)->out, "\"" key "\":{\"id\":\"");                                                         \
        buffer_decimal((line)->out, (value));                                                                          \
        buffer_literal((line)->out, "\"},");                                                                           \
    } while (0)

/* A number, or on Windows a security identifier. */
static void write_user(struct ndjson_line *line, const struct muster_process *process)
{
    const struct muster_text *sid = line_text(line, MUSTER_FIELD_USER_SID);
    if (sid != NULL) {
        buffer_literal(line->out, "\"user\":{\"id\":");
        ndjson_write_text(line, sid);
        json_close(line->out, '}');
    } else if (has(line, MUSTER_FIELD_USER)) {
        WRITE_ID(line, "user", process->user_id);
    }
}

static void write_credentials(struct ndjson_line *line, const struct muster_process *process)
{
    write_user(line, process);
    if (has(line, MUSTER_FIELD_REAL_USER))
        WRITE_ID(line, "real_user", process->real_user_id);
    if (has(line, MUSTER_FIELD_GROUP))
        WRITE_ID(line, "group", process->group_id);
    if (has(line, MUSTER_FIELD_REAL_GROUP))
        WRITE_ID(line, "real_group", process->real_group_id);
    if (has(line, MUSTER_FIELD_SESSION)) {
        buffer_literal(line->out, "\"session_leader\":{\"pid\":");
        buffer_decimal(line->out, process->session_id);
        buffer_literal(line->out, "},");
    }
}

static void write_exit(struct ndjson_line *line)
{
    const struct muster_process_exit *exit = (const struct muster_process_exit *)line->record;
    if (has(line, MUSTER_FIELD_EXIT_SIGNAL)) {
        json_member(line->out, "exit_code");
        json_number(line->out, 128U + exit->exit_signal);
    } else if (has(line, MUSTER_FIELD_EXIT_CODE)) {
        json_member(line->out, "exit_code");
        json_number(line->out, exit->exit_code);
    }
    json_member(line->out, "end");
    ndjson_write_time(line, line->record->time_ns);
}

static void write_parent(struct ndjson_line *line, const struct muster_process *process)
{
    struct json_scope parent = json_open_object(line->out, "parent");
    if (has(line, MUSTER_FIELD_PARENT_PID)) {
        json_member(line->out, "pid");
        json_number(line->out, process->parent_pid);
        if (has(line, MUSTER_FIELD_PARENT_START))
            ndjson_write_entity(line, process->parent_pid, process->parent_start_ns);
    }
    if (has(line, MUSTER_FIELD_PARENT_START)) {
        json_member(line->out, "start");
        ndjson_write_time(line, process->parent_start_ns);
    }
    const struct muster_text *path = line_text(line, MUSTER_FIELD_PARENT_EXECUTABLE);
    if (path != NULL) {
        json_member(line->out, "executable");
        ndjson_write_text(line, path);
        write_name(line, path);
    }
    json_close_or_remove(line->out, '}', parent);
}

void ndjson_write_process(struct ndjson_line *line)
{
    const struct muster_process *process = process_of(line->record);
    struct json_scope scope = json_open_object(line->out, "process");
    write_identity(line, process);
    write_executable(line);
    write_command_line(line);
    const struct muster_text *directory = line_text(line, MUSTER_FIELD_WORKING_DIRECTORY);
    if (directory != NULL) {
        json_member(line->out, "working_directory");
        ndjson_write_text(line, directory);
    }
    write_thread(line, process);
    write_credentials(line, process);
    if (line->record->type == MUSTER_EVENT_PROCESS_EXIT)
        write_exit(line);
    write_parent(line, process);
    json_close_or_remove(line->out, '}', scope);
    write_user(line, process);
}
