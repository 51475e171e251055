/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records through the NDJSON sink: a clean line a record, which jansson reads as an object without a key
 * twice, and which has what the record has and nothing else: its action, its numbers, and each field of
 * fields.h under its name and in its form; each text in the line or in muster.raw.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

/* ---- the table --------------------------------------------------------------------------------- */

static void require_string(const json_t *found, const char *expected)
{
    FUZZ_REQUIRE(json_is_string(found) && strcmp(json_string_value(found), expected) == 0);
}

static bool has_string(const json_t *array, const char *expected)
{
    bool is_in = false;
    for (size_t i = 0; i < json_array_size(array); i++)
        is_in = is_in || strcmp(json_string_value(json_array_get(array, i)), expected) == 0;
    return is_in;
}

static void require_wall_time(const json_t *found, uint64_t ns)
{
    char date[32], expected[64];
    const time_t seconds = (time_t)(ns / 1000000000);
    struct tm tm;
    FUZZ_REQUIRE(gmtime_r(&seconds, &tm) != NULL && strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm) != 0);
    (void)snprintf(expected, sizeof expected, "%s.%09uZ", date, (unsigned)(ns % 1000000000));
    require_string(found, expected);
}

static void require_time(const json_t *found)
{
    FUZZ_REQUIRE(json_is_string(found) && json_string_length(found) == 30 && json_string_value(found)[29] == 'Z');
}

/* As many as there are bits, no two the same. */
static void require_set(const json_t *found, uint64_t set, const char *prefix)
{
    FUZZ_REQUIRE(json_is_array(found) && json_array_size(found) == (size_t)__builtin_popcountll(set));
    for (size_t i = 0; i < json_array_size(found); i++) {
        const char *name = json_string_value(json_array_get(found, i));
        FUZZ_REQUIRE(name != NULL && strncmp(name, prefix, strlen(prefix)) == 0);
        for (size_t j = 0; j < i; j++)
            FUZZ_REQUIRE(strcmp(name, json_string_value(json_array_get(found, j))) != 0);
    }
}

static void require_scalar(json_t *line, const char *form, const char *path, uint64_t value)
{
    const json_t *found = find(line, path);
    const unsigned major = (unsigned)(value >> 20), minor = (unsigned)(value & 0xfffff);
    char expected[32];

    if (strcmp(form, "NUMBER") == 0) {
        require_number(line, path, value);
    } else if (strcmp(form, "ID") == 0) {
        (void)snprintf(expected, sizeof expected, "%" PRIu64, value);
        require_string(found, expected);
    } else if (strcmp(form, "FLAG") == 0) {
        FUZZ_REQUIRE(json_is_boolean(found) && json_is_true(found) == (value != 0));
    } else if (strcmp(form, "TIME") == 0) {
        require_time(found);
    } else if (strcmp(form, "WALL_TIME") == 0) {
        require_wall_time(found, value);
    } else if (strcmp(form, "HEX") == 0) {
        (void)snprintf(expected, sizeof expected, "0x%" PRIx64, value);
        require_string(found, expected);
    } else if (strcmp(form, "CAPABILITIES") == 0) {
        require_set(found, value, "CAP_");
    } else if (strcmp(form, "INTEGRITY") == 0) {
        FUZZ_REQUIRE(json_is_string(found) && json_string_length(found) >= 3);
    } else if (strcmp(form, "IMAGE") == 0 && (value & 31) == 0) {
        FUZZ_REQUIRE(found == NULL);
    } else if (strcmp(form, "IMAGE") == 0) {
        require_set(found, value & 31, "");
    } else if (strcmp(form, "DEVICE") == 0) {
        (void)snprintf(expected, sizeof expected, "%u:%u", major, minor);
        require_string(found, expected);
    } else {
        FUZZ_REQUIRE(strcmp(form, "TTY") == 0 && json_object_size(found) == 2);
        FUZZ_REQUIRE(json_real_value(json_object_get(found, "major")) == (double)major);
        FUZZ_REQUIRE(json_real_value(json_object_get(found, "minor")) == (double)minor);
    }
}

static void require_field(json_t *line, const struct muster_record *record, unsigned field, const char *form,
                          const char *path)
{
    const bool is_cut_arguments = strcmp(form, "ARGUMENTS") == 0;
    struct muster_text text;

    if (!muster_record_text(record, (enum muster_field)field, &text))
        return;
    if (!is_cut_arguments)
        require_text(line, path, &text);
    else if (text.full_bytes == text.size_bytes)
        FUZZ_REQUIRE(json_is_array(find(line, path)));
}

/* Whether a line may have this name though it does not have the field: others are told by it too. */
static bool is_told_by_another(const struct muster_record *record, unsigned field)
{
    switch (field) {
    case MUSTER_FIELD_USER:
        return muster_record_has(record, MUSTER_FIELD_USER_SID);
    case MUSTER_FIELD_USER_SID:
        return muster_record_has(record, MUSTER_FIELD_USER);
    case MUSTER_FIELD_EXIT_CODE:
        return muster_record_has(record, MUSTER_FIELD_EXIT_SIGNAL);
    case MUSTER_FIELD_COMMAND_LINE:
        return muster_record_has(record, MUSTER_FIELD_ARGS);
    default:
        return false;
    }
}

#define REQUIRE_SCALAR(type, symbol, member, form, name)                                                               \
    if (!muster_record_has(record, MUSTER_FIELD_##symbol))                                                             \
        FUZZ_REQUIRE(is_told_by_another(record, MUSTER_FIELD_##symbol) || find(line, name) == NULL);                   \
    else if (MUSTER_FIELD_##symbol == MUSTER_FIELD_EXIT_CODE && muster_record_has(record, MUSTER_FIELD_EXIT_SIGNAL))   \
        require_number(line, name, 128U + ((const struct muster_process_exit *)(const void *)record)->exit_signal);    \
    else if (MUSTER_FIELD_##symbol != MUSTER_FIELD_USER || !muster_record_has(record, MUSTER_FIELD_USER_SID))          \
        require_scalar(line, #form, name, ((const struct type *)(const void *)record)->member);
#define REQUIRE_PROCESS(symbol, number, member, form, name, ...)                                                       \
    REQUIRE_SCALAR(muster_process_fork, symbol, member, form, name)
#define REQUIRE_START(symbol, number, member, form, name, ...)                                                         \
    REQUIRE_SCALAR(muster_process_start, symbol, member, form, name)
#define REQUIRE_EXIT(symbol, number, member, form, name, ...)                                                          \
    REQUIRE_SCALAR(muster_process_exit, symbol, member, form, name)
#define REQUIRE_GAP(symbol, number, member, form, name, ...) REQUIRE_SCALAR(muster_gap, symbol, member, form, name)
#define REQUIRE_TEXT(symbol, number, member, form, name, ...)                                                          \
    if (muster_record_has(record, MUSTER_FIELD_##symbol))                                                              \
        require_field(line, record, number, #form, name);                                                              \
    else                                                                                                               \
        FUZZ_REQUIRE(is_told_by_another(record, number) || find(line, name) == NULL);
#define COUNT_UNAVAILABLE(symbol, number, member, form, name, ...)                                                     \
    if (muster_record_unavailable(record, MUSTER_FIELD_##symbol) && ++unavailable_count != 0)                          \
        FUZZ_REQUIRE(has_string(unavailable, name));

/* Of a scalar that the type does not have, no bit is set: so each may be asked for in any record. */
static void require_fields(json_t *line, const struct muster_record *record)
{
    const json_t *unavailable = find(line, "muster.unavailable");
    size_t unavailable_count = 0;

    MUSTER_PROCESS_FIELDS(REQUIRE_PROCESS)
    MUSTER_START_FIELDS(REQUIRE_START)
    MUSTER_EXIT_FIELDS(REQUIRE_EXIT)
    MUSTER_GAP_FIELDS(REQUIRE_GAP)
    MUSTER_TEXT_FIELDS(REQUIRE_TEXT)
    MUSTER_FIELDS(COUNT_UNAVAILABLE)
    FUZZ_REQUIRE((unavailable == NULL) == (unavailable_count == 0));
    FUZZ_REQUIRE(json_array_size(unavailable) == unavailable_count);
}

/* ---- and all else ------------------------------------------------------------------------------ */

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
    const char *action = json_string_value(find(line, "event.action"));

    FUZZ_REQUIRE(action != NULL && strcmp(action, actions[record->type]) == 0);
    require_time(find(line, "@timestamp"));
    require_fields(line, record);
    switch (record->type) {
    case MUSTER_EVENT_PROCESS_START:
    case MUSTER_EVENT_PROCESS_RUNNING:
    case MUSTER_EVENT_PROCESS_EXIT:
    case MUSTER_EVENT_PROCESS_FORK:
        break;
    case MUSTER_EVENT_GAP:
        require_gap(line, (const struct muster_gap *)(const void *)record);
        break;
    case MUSTER_EVENT_MESSAGE:
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
