/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records through the NDJSON sink: a clean line a record, which jansson reads as an object without a key
 * twice, and which has what the record has: its action, its numbers, and each text, in the line or in
 * muster.raw.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "fuzz/fuzz_sink.h"
#include "unit/json_checker.h"

#define PARSING (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL)

/* By a path such as "process.parent.pid"; keys inside muster.raw and muster.truncated have dots. NULL where
 * it is not there. */
static json_t *find(json_t *object, const char *path)
{
    for (const char *dot; object != NULL && (dot = strchr(path, '.')) != NULL; path = dot + 1)
        object = json_object_getn(object, path, (size_t)(dot - path));
    return object == NULL ? NULL : json_object_get(object, path);
}

static void require_number(json_t *line, const char *path, uint64_t value)
{
    const json_t *found = find(line, path);
    FUZZ_REQUIRE(found != NULL && json_is_real(found));
    /* jansson has read it as a double, which is exact below 2^53. */
    FUZZ_REQUIRE(value >= 1ULL << 53 || json_real_value(found) == (double)value);
}

static bool is_utf8(const char *bytes, size_t size)
{
    for (size_t at = 0, step; at < size; at += step) {
        uint32_t code;
        if ((step = checker_character((const unsigned char *)bytes + at, size - at, &code)) == 0)
            return false;
    }
    return true;
}

/* Either the line has a string with these bytes, or muster.raw has them. */
static void require_text(json_t *line, const char *path, const struct muster_text *text)
{
    char key[64];
    const json_t *shown = find(line, path);
    json_t *muster = find(line, "muster");
    const json_t *truncated = json_object_get(json_object_get(muster, "truncated"), path);

    FUZZ_REQUIRE(shown != NULL && json_is_string(shown));
    FUZZ_REQUIRE((truncated != NULL) == (text->full_bytes > text->size_bytes));
    (void)snprintf(key, sizeof key, "%s_b64", path);
    const json_t *raw = json_object_get(json_object_get(muster, "raw"), key);
    if (raw == NULL) {
        FUZZ_REQUIRE(is_utf8(text->bytes, text->size_bytes) && json_string_length(shown) == text->size_bytes);
        FUZZ_REQUIRE(memcmp(json_string_value(shown), text->bytes, text->size_bytes) == 0);
        return;
    }
    const size_t length = json_string_length(raw);
    char *decoded = malloc(length + 1);
    FUZZ_REQUIRE(decoded != NULL);
    memcpy(decoded, json_string_value(raw), length);
    FUZZ_REQUIRE(checker_base64(decoded, length) == text->size_bytes);
    FUZZ_REQUIRE(memcmp(decoded, text->bytes, text->size_bytes) == 0);
    free(decoded);
}

static const struct {
    unsigned field;
    const char *path;
} shown_texts[] = {
    {MUSTER_FIELD_EXECUTABLE, "process.executable"},     {MUSTER_FIELD_WORKING_DIRECTORY, "process.working_directory"},
    {MUSTER_FIELD_THREAD_NAME, "process.thread.name"},   {MUSTER_FIELD_PARENT_EXECUTABLE, "process.parent.executable"},
    {MUSTER_FIELD_COMMAND_LINE, "process.command_line"},
};

static void require_process(json_t *line, const struct muster_record *record)
{
    const struct muster_process_fork *fork = (const struct muster_process_fork *)(const void *)record;
    struct muster_text text;

    if (muster_record_has(record, MUSTER_FIELD_PID))
        require_number(line, "process.pid", fork->process.pid);
    else
        FUZZ_REQUIRE(find(line, "process.pid") == NULL);
    if (muster_record_has(record, MUSTER_FIELD_PARENT_PID))
        require_number(line, "process.parent.pid", fork->process.parent_pid);
    for (size_t i = 0; i < sizeof shown_texts / sizeof *shown_texts; i++)
        if (muster_record_text(record, (enum muster_field)shown_texts[i].field, &text))
            require_text(line, shown_texts[i].path, &text);
}

static void require_gap(json_t *line, const struct muster_gap *gap)
{
    require_number(line, "muster.loss.count", gap->count);
    FUZZ_REQUIRE((find(line, "muster.loss.last_sequence") != NULL) ==
                 muster_record_has(&gap->record, MUSTER_FIELD_SEQUENCE_RANGE));
    if (gap->causes[MUSTER_CAUSE_RING_FULL] != 0)
        require_number(line, "muster.loss.causes.ring_full", gap->causes[MUSTER_CAUSE_RING_FULL]);
}

static const char *const actions[MUSTER_EVENT_TYPE_COUNT + 1] = {
    NULL,          "process-started", "process-exited",  "process-forked", "message",
    "events-lost", "sensor-status",   "process-running", "sensor-started", "sensor-stopped"};

static void require_content(json_t *line, const struct muster_record *record)
{
    struct muster_text text;
    const char *action = json_string_value(find(line, "event.action"));

    FUZZ_REQUIRE(action != NULL && strcmp(action, actions[record->type]) == 0);
    FUZZ_REQUIRE(json_is_string(find(line, "@timestamp")));
    switch (record->type) {
    case MUSTER_EVENT_PROCESS_START:
    case MUSTER_EVENT_PROCESS_RUNNING:
    case MUSTER_EVENT_PROCESS_EXIT:
    case MUSTER_EVENT_PROCESS_FORK:
        require_process(line, record);
        break;
    case MUSTER_EVENT_GAP:
        require_gap(line, (const struct muster_gap *)(const void *)record);
        break;
    case MUSTER_EVENT_MESSAGE:
        if (muster_record_text(record, MUSTER_FIELD_MESSAGE, &text))
            require_text(line, "message", &text);
        break;
    default:
        require_number(line, "muster.ledger.produced",
                       ((const struct muster_sensor_status *)(const void *)record)->produced);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_copy copy = fuzz_copy_make(data, size, false);
    struct fuzz_output output = fuzz_through_sink("ndjson", MUSTER_COLOR_NEVER, copy.bytes, size);
    size_t at = 0;

    FUZZ_REQUIRE(fuzz_require_clean_lines(&output) == output.record_count);
    const struct muster_record *record;
    for (size_t offset = 0; (record = fuzz_next_record(copy.bytes, size, &offset)) != NULL;) {
        const char *begin = output.bytes + at;
        const size_t line_bytes = (size_t)(fuzz_line_end(&output, begin) - begin);
        json_t *line = json_loadb(begin, line_bytes, PARSING, NULL);
        FUZZ_REQUIRE(json_is_object(line));
        require_content(line, record);
        json_decref(line);
        at += line_bytes;
    }
    FUZZ_REQUIRE(at == output.size);
    free(output.bytes);
    fuzz_copy_free(&copy);
    return 0;
}
