/* SPDX-License-Identifier: Apache-2.0 */
/* text_judge.h: the formats, one after the other. */
#include "text/text_judge.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "muster/sink.h"
#include "unit/json_checker.h"

/* ---- what comes out ----------------------------------------------------------------------------------- */

struct output {
    struct muster_sink *sink;
    char *bytes;
    size_t size;
    size_t capacity;
};

static struct output ndjson, text_output, driver_messages;

static long collect(void *context, const char *bytes, size_t size)
{
    struct output *output = context;
    if (output->capacity - output->size < size) {
        output->capacity = (output->size + size) * 2;
        output->bytes = realloc(output->bytes, output->capacity);
        if (output->bytes == NULL)
            abort();
    }
    memcpy(output->bytes + output->size, bytes, size);
    output->size += size;
    return (long)size;
}

static void open_output(struct output *output, const char *format)
{
    static const struct muster_stream stream = {.epoch = 1};
    const struct muster_sink_options options = {.stream = &stream, .target = {collect, output}};
    bool is_known;
    output->sink = muster_sink_create(format, &options, &is_known);
    JUDGE_REQUIRE(output->sink != NULL && muster_sink_flush(output->sink) == MUSTER_OK, NULL);
}

void judge_init(void)
{
    open_output(&ndjson, "ndjson");
    open_output(&text_output, "text");
    open_output(&driver_messages, "driver-messages");
}

static void write_record(struct output *output, const struct muster_record *fixed, const struct muster_text *texts,
                         size_t text_count)
{
    static uint64_t words[MUSTER_RECORD_MAX_BYTES / 8];
    const struct muster_record *record;
    JUDGE_REQUIRE(muster_record_size(fixed, texts, text_count) != 0, NULL);
    muster_record_encode(words, fixed, texts, text_count);
    JUDGE_REQUIRE(muster_record_validate(words, sizeof words, &record) == MUSTER_OK, NULL);
    JUDGE_REQUIRE(muster_sink_write(output->sink, record) == MUSTER_OK, NULL);
}

static void write_message(struct output *output, const struct judged_text *text, uint8_t flags)
{
    const struct muster_record message = {
        .type = MUSTER_EVENT_MESSAGE, .flags = flags, .sequence = 1, .fixed_bytes = sizeof(struct muster_message)};
    const struct muster_text whole = muster_text_whole(MUSTER_FIELD_MESSAGE, text->bytes, text->size_bytes);
    write_record(output, &message, &whole, 1);
}

static void begin(struct output *output)
{
    output->size = 0;
}

static void end(struct output *output)
{
    JUDGE_REQUIRE(muster_sink_flush(output->sink) == MUSTER_OK, NULL);
}

/* ---- one line of JSON --------------------------------------------------------------------------------- */

/* The byte sequences of C1, U+061C, U+200E, U+200F, U+2028 to U+202E and U+2066 to U+2069: jansson has looked at the
 * rest. */
static bool is_harmful(const unsigned char *at)
{
    switch (at[0]) {
    case 0xc2:
        return at[1] <= 0x9f;
    case 0xd8:
        return at[1] == 0x9c;
    case 0xe2:
        return (at[1] == 0x80 && (at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xa8 && at[2] <= 0xae))) ||
               (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9);
    default:
        return at[0] < 0x20 || at[0] == 0x7f;
    }
}

/* The caller gives it back. `text` is one of those in it. */
static json_t *parse_line(const struct output *output, const struct judged_text *text)
{
    JUDGE_REQUIRE(output->size > 0 && output->bytes[output->size - 1] == '\n', text);
    json_error_t error;
    json_t *root = json_loadb(output->bytes, output->size - 1, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    JUDGE_REQUIRE(root != NULL && json_is_object(root), text);
    const unsigned char *bytes = (const unsigned char *)output->bytes;
    for (size_t at = 0; at < output->size - 1; at++)
        JUDGE_REQUIRE(!is_harmful(bytes + at), text);
    return root;
}

static void require_string(const json_t *value, const char *bytes, size_t size, const struct judged_text *text)
{
    JUDGE_REQUIRE(json_is_string(value) && json_string_length(value) == size, text);
    JUDGE_REQUIRE(memcmp(json_string_value(value), bytes, size) == 0, text);
}

/* The text, or where JSON cannot hold it something that says so. */
static void require_shown(const json_t *value, const struct judged_text *text)
{
    if (text->is_exact)
        require_string(value, text->bytes, text->size_bytes, text);
    else
        JUDGE_REQUIRE(json_is_string(value) &&
                          memmem(json_string_value(value), json_string_length(value), "\xef\xbf\xbd", 3),
                      text);
}

/* What is not exact is there byte for byte, and only that. */
static void require_raw(const json_t *root, const char *name, const char *bytes, size_t size, bool is_exact,
                        const struct judged_text *text)
{
    const json_t *raw = json_object_get(json_object_get(json_object_get(root, "muster"), "raw"), name);
    JUDGE_REQUIRE((raw == NULL) == is_exact, text);
    if (is_exact)
        return;
    static char decoded[MUSTER_RECORD_MAX_BYTES * 2];
    size_t decoded_size = json_string_length(raw);
    JUDGE_REQUIRE(json_is_string(raw) && decoded_size < sizeof decoded, text);
    memcpy(decoded, json_string_value(raw), decoded_size + 1);
    JUDGE_REQUIRE(checker_base64(decoded, decoded_size) == size && memcmp(decoded, bytes, size) == 0, text);
}

/* ---- NDJSON ------------------------------------------------------------------------------------------- */

static void judge_ndjson_message(const struct judged_text *text, uint8_t flags)
{
    begin(&ndjson);
    write_message(&ndjson, text, flags);
    end(&ndjson);
    json_t *root = parse_line(&ndjson, text);
    require_shown(json_object_get(root, "message"), text);
    require_raw(root, "message_b64", text->bytes, text->size_bytes, text->is_exact, text);
    json_decref(root);
}

static const struct muster_process_start *start_of(uint8_t flags)
{
    static struct muster_process_start start = {.record = {.type = MUSTER_EVENT_PROCESS_START, .sequence = 1}};
    start.record.fixed_bytes = sizeof start;
    start.record.flags = flags;
    return &start;
}

static bool has_nul(const struct judged_text *text)
{
    return text->size_bytes != 0 && memchr(text->bytes, 0, text->size_bytes) != NULL;
}

/* The command line is what the array has, joined by spaces. */
static void require_joined(const json_t *process, const struct judged_text *text)
{
    const json_t *array = json_object_get(process, "args");
    const json_t *joined = json_object_get(process, "command_line");
    const char *at = json_string_value(joined);
    const char *last = at + json_string_length(joined);
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *argument = json_array_get(array, i);
        size_t size = json_string_length(argument);
        JUDGE_REQUIRE(i == 0 || (at < last && *at++ == ' '), text);
        JUDGE_REQUIRE((size_t)(last - at) >= size && memcmp(at, json_string_value(argument), size) == 0, text);
        at += size;
    }
    JUDGE_REQUIRE(at == last, text);
}

static void judge_ndjson_args(const struct judged_text *texts, size_t count, uint8_t flags)
{
    static char args[JUDGED_TEXTS_MAX * 16];
    size_t size = 0;
    bool is_exact = true;
    for (size_t i = 0; i < count; i++) {
        if (has_nul(&texts[i]))
            continue;
        memcpy(args + size, texts[i].bytes, texts[i].size_bytes);
        size += texts[i].size_bytes;
        args[size++] = 0;
        is_exact = is_exact && texts[i].is_exact;
    }
    if (size == 0)
        return;
    const struct muster_text whole = muster_text_whole(MUSTER_FIELD_ARGS, args, (uint32_t)size);
    begin(&ndjson);
    write_record(&ndjson, &start_of(flags)->record, &whole, 1);
    end(&ndjson);
    json_t *root = parse_line(&ndjson, texts);
    const json_t *process = json_object_get(root, "process");
    const json_t *array = json_object_get(process, "args");
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        if (!has_nul(&texts[i]))
            require_shown(json_array_get(array, at++), &texts[i]);
    JUDGE_REQUIRE(json_array_size(array) == at, texts);
    require_joined(process, texts);
    require_raw(root, "process.args_b64", args, size, is_exact, texts);
    json_decref(root);
}

/* ---- text --------------------------------------------------------------------------------------------- */

/* Takes one escape behind a backslash. Returns the length of what it stands for, 0 if it is none. */
static size_t unescape(const char **at, char *out)
{
    const char letter = *(*at)++;
    const char *found = strchr("n\nr\rt\t\\\\", letter);
    if (letter != 0 && found != NULL && letter != '\n') {
        *out = found[1];
        return 1;
    }
    unsigned digit_count = letter == 'x' ? 2 : letter == 'u' ? 4 : 0;
    uint32_t code = 0;
    for (unsigned i = 0; i < digit_count; i++) {
        int digit = checker_hex_digit(*(*at)++);
        if (digit < 0)
            return 0;
        code = code << 4 | (uint32_t)digit;
    }
    *out = (char)code;
    return digit_count == 4 ? checker_encode(out, code) : digit_count / 2;
}

/* Returns what stands behind the line. */
static const char *judge_line(const char *line, const char *last, const struct judged_text *text)
{
    enum { MESSAGE_COLUMN = 21 };
    const char *line_end = memchr(line, '\n', (size_t)(last - line));
    JUDGE_REQUIRE(line_end != NULL && line_end - line >= MESSAGE_COLUMN, text);
    JUDGE_REQUIRE(checker_is_clean_line(line, (size_t)(line_end + 1 - line)), text);
    char shown[128];
    size_t size = 0;
    for (const char *at = line + MESSAGE_COLUMN; at < line_end;) {
        JUDGE_REQUIRE(size + 4 < sizeof shown, text);
        size_t step = 1;
        if (*at == '\\') {
            at++;
            step = unescape(&at, shown + size);
            JUDGE_REQUIRE(step != 0 && at <= line_end, text);
        } else {
            shown[size] = *at++;
        }
        size += step;
    }
    JUDGE_REQUIRE(size == text->size_bytes && memcmp(shown, text->bytes, size) == 0, text);
    return line_end + 1;
}

static void judge_text_messages(const struct judged_text *texts, size_t count, uint8_t flags)
{
    begin(&text_output);
    for (size_t i = 0; i < count; i++)
        write_message(&text_output, &texts[i], flags);
    end(&text_output);
    const char *at = text_output.bytes;
    const char *last = at + text_output.size;
    for (size_t i = 0; i < count; i++)
        at = judge_line(at, last, &texts[i]);
    JUDGE_REQUIRE(at == last, &texts[count - 1]);
}

/* ---- driver-messages ---------------------------------------------------------------------------------- */

static void judge_driver_messages(const struct judged_text *texts, size_t count, uint8_t flags)
{
    begin(&driver_messages);
    for (size_t i = 0; i < count; i++)
        write_message(&driver_messages, &texts[i], flags);
    end(&driver_messages);
    json_t *root = parse_line(&driver_messages, texts);
    const json_t *array = json_object_get(root, "messages");
    JUDGE_REQUIRE(json_object_size(root) == 2 && json_array_size(array) == count, texts);
    for (size_t i = 0; i < count; i++)
        require_shown(json_array_get(array, i), &texts[i]);
    json_decref(root);
}

void judge_texts(const struct judged_text *texts, size_t count, uint8_t flags)
{
    judge_text_messages(texts, count, flags);
    judge_driver_messages(texts, count, flags);
    judge_ndjson_args(texts, count, flags);
    for (size_t i = 0; i < count; i++)
        if (has_nul(&texts[i]))
            judge_ndjson_message(&texts[i], flags);
}

/* ---- every other field -------------------------------------------------------------------------------- */

/* Of which the first two are what driver-messages shows. */
static const struct {
    enum muster_field field;
    const char *object; /* in "process", NULL: in itself; "muster" */
    const char *key;
    const char *raw;
} fields[] = {
    {MUSTER_FIELD_EXECUTABLE, NULL, "executable", "process.executable_b64"},
    {MUSTER_FIELD_WORKING_DIRECTORY, NULL, "working_directory", "process.working_directory_b64"},
    {MUSTER_FIELD_SCRIPT, "muster", "script", "muster.script_b64"},
    {MUSTER_FIELD_THREAD_NAME, "thread", "name", "process.thread.name_b64"},
    {MUSTER_FIELD_PARENT_EXECUTABLE, "parent", "executable", "process.parent.executable_b64"},
    {MUSTER_FIELD_COMMAND_LINE, NULL, "command_line", "process.command_line_b64"},
};

enum { FIELD_COUNT = sizeof fields / sizeof fields[0] };

static const json_t *field_of(const json_t *root, unsigned i)
{
    const json_t *object = json_object_get(root, "process");
    if (fields[i].object != NULL && strcmp(fields[i].object, "muster") == 0)
        object = json_object_get(root, "muster");
    else if (fields[i].object != NULL)
        object = json_object_get(object, fields[i].object);
    return json_object_get(object, fields[i].key);
}

static void judge_process(const struct judged_text *texts, uint8_t flags)
{
    struct muster_text whole[FIELD_COUNT];
    for (unsigned i = 0; i < FIELD_COUNT; i++)
        whole[i] = muster_text_whole(fields[i].field, texts[i].bytes, texts[i].size_bytes);
    begin(&ndjson);
    write_record(&ndjson, &start_of(flags)->record, whole, FIELD_COUNT);
    end(&ndjson);
    json_t *root = parse_line(&ndjson, texts);
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        require_shown(field_of(root, i), &texts[i]);
        require_raw(root, fields[i].raw, texts[i].bytes, texts[i].size_bytes, texts[i].is_exact, &texts[i]);
    }
    json_decref(root);
    begin(&driver_messages);
    write_record(&driver_messages, &start_of(flags)->record, whole, FIELD_COUNT);
    end(&driver_messages);
    root = parse_line(&driver_messages, texts);
    const json_t *creation = json_array_get(json_object_get(root, "process_creations"), 0);
    require_shown(json_object_get(creation, "image_name"), &texts[0]);
    require_shown(json_object_get(creation, "command_line"), &texts[FIELD_COUNT - 1]);
    json_decref(root);
}

void judge_fields(const struct judged_text *texts, size_t count, uint8_t flags)
{
    size_t at = 0;
    for (; at + FIELD_COUNT <= count; at += FIELD_COUNT)
        judge_process(texts + at, flags);
    if (at < count && count >= FIELD_COUNT)
        judge_process(texts + count - FIELD_COUNT, flags);
}
