/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `muster verify` is made of: NDJSON and captures, and the account of an epoch. The first byte of the input are
 * wishes, as for fuzz_capture.c; the rest is a file. Read in any pieces the verdict is the same; a line that is JSON
 * for the one is JSON for the other (jansson); and where all was called complete, it is not without any one event.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "agent/json_scan.h"
#include "agent/verify_capture.h"
#include "agent/verify_lines.h"
#include "fuzz/capture_repair.h"
#include "fuzz/fuzz_input.h"

enum { LINES_MOST = 64 };

struct file {
    const unsigned char *bytes;
    size_t size;
    size_t at;
    size_t step;
};

static long file_read(void *context, char *bytes, size_t size)
{
    struct file *file = context;
    const size_t left = file->size - file->at;

    size = size < file->step ? size : file->step;
    size = size < left ? size : left;
    memcpy(bytes, file->bytes + file->at, size);
    file->at += size;
    return (long)size;
}

struct verdict {
    enum verify_severity worst;
    uint64_t counts[VERIFY_SEVERITY_COUNT];
    uint64_t epoch_count;
    uint64_t sums[3]; /* events, lost, missing */
};

static void capture_feed(struct verification *verification, struct file *file)
{
    struct verify_capture capture = {.verification = verification, .file = "input"};
    struct muster_capture_source source = {.read = file_read, .context = file};
    struct muster_capture_reader *reader = muster_capture_reader_create(&source);
    struct muster_capture_part part;

    FUZZ_REQUIRE(reader != NULL);
    while (muster_capture_read(reader, &part) == MUSTER_OK)
        verify_capture_take(&capture, &part);
    muster_capture_reader_destroy(reader);
}

static void lines_feed(struct verification *verification, struct file *file)
{
    struct verify_lines lines = {.verification = verification, .file = "input"};

    while (file->at < file->size) {
        const size_t left = file->size - file->at;
        const size_t some = left < file->step ? left : file->step;
        struct fuzz_copy copy = fuzz_copy_make(file->bytes + file->at, some, false);
        verify_lines_take(&lines, (const char *)copy.bytes, some);
        fuzz_copy_free(&copy);
        file->at += some;
    }
    verify_lines_end(&lines);
}

static struct verdict judge(const unsigned char *bytes, size_t size, size_t step)
{
    struct verification verification = {.findings.limit = 20};
    struct file file = {.bytes = bytes, .size = size, .step = step};
    struct verdict verdict = {0};

    if (muster_capture_is_one(bytes, size))
        capture_feed(&verification, &file);
    else
        lines_feed(&verification, &file);
    verification_judge(&verification);
    verdict.worst = verification_worst(&verification);
    for (unsigned severity = 0; severity < VERIFY_SEVERITY_COUNT; severity++) {
        const struct verify_finding_list *list = &verification.findings.of[severity];
        verdict.counts[severity] = list->count;
        FUZZ_REQUIRE(list->kept_count <= 20 && list->kept_count <= list->count);
        for (size_t i = 0; i < list->kept_count; i++)
            FUZZ_REQUIRE(list->kept[i].text[0] != 0 && memchr(list->kept[i].text, 0, VERIFY_TEXT_BYTES) != NULL);
    }
    verdict.epoch_count = verification.epoch_count;
    for (size_t i = 0; i < verification.epoch_count; i++) {
        verdict.sums[0] += verification.epochs[i]->seen.count;
        verdict.sums[1] += verification.epochs[i]->lost_count;
        verdict.sums[2] += verification.epochs[i]->missing_count;
    }
    verification_deinit(&verification);
    return verdict;
}

/* ---- lines --------------------------------------------------------------------------------------------- */

/* As far as the two mean the same by JSON: jansson refuses numbers that do not fit, halves of pairs, and NULs in keys.
 */
static void json_compare(const unsigned char *line, size_t size)
{
    struct fuzz_copy copy = fuzz_copy_make(line, size, false);
    struct json_value object;
    json_error_t error;
    const bool is_object = json_scan_object((const char *)copy.bytes, size, &object);
    json_t *value = json_loadb((const char *)copy.bytes, size, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);

    if (value != NULL && json_is_object(value) && !is_object) {
        unsigned depth = 0, deepest = 0;
        for (size_t i = 0; i < size; i++) {
            depth += copy.bytes[i] == '{' || copy.bytes[i] == '[';
            depth -= copy.bytes[i] == '}' || copy.bytes[i] == ']';
            deepest = depth > deepest && depth < size ? depth : deepest;
        }
        FUZZ_REQUIRE(deepest > JSON_SCAN_DEPTH_MAX);
    }
    if (is_object && value == NULL)
        FUZZ_REQUIRE(json_error_code(&error) == json_error_numeric_overflow || memchr(copy.bytes, '\\', size) != NULL);
    json_decref(value);
    fuzz_copy_free(&copy);
}

struct line {
    size_t begin;
    size_t end; /* behind its newline */
    struct verify_event event;
    bool is_event;
};

static size_t lines_find(const unsigned char *bytes, size_t size, struct line lines[LINES_MOST])
{
    size_t count = 0;

    for (size_t at = 0; at < size && count < LINES_MOST; count++) {
        const unsigned char *newline = memchr(bytes + at, '\n', size - at);
        const size_t end = newline != NULL ? (size_t)(newline - bytes) : size;
        const char *why = NULL;
        struct fuzz_copy copy = fuzz_copy_make(bytes + at, end - at, false);
        enum verify_line read;

        lines[count] = (struct line){.begin = at, .end = newline != NULL ? end + 1 : end};
        read = verify_line_read((const char *)copy.bytes, end - at, &lines[count].event, &why);
        lines[count].is_event = read == VERIFY_LINE_EVENT;
        FUZZ_REQUIRE(read != VERIFY_LINE_BAD || why != NULL);
        json_compare(bytes + at, end - at);
        at = lines[count].end;
        fuzz_copy_free(&copy);
    }
    return count;
}

/* A number that is there once, and is taken out, is missing. */
static void line_remove(const unsigned char *bytes, size_t size, const struct line *lines, size_t count, unsigned wish)
{
    const struct line *gone = &lines[wish % count];
    unsigned times = 0;

    if (!gone->is_event || gone->event.kind != VERIFY_NUMBERED)
        return;
    for (size_t i = 0; i < count; i++)
        times += lines[i].is_event && lines[i].event.kind == VERIFY_NUMBERED &&
                 lines[i].event.epoch == gone->event.epoch && lines[i].event.sequence == gone->event.sequence;
    if (times != 1)
        return;
    struct fuzz_copy copy = fuzz_copy_make(bytes, size, false);
    memmove(copy.bytes + gone->begin, copy.bytes + gone->end, size - gone->end);
    FUZZ_REQUIRE(judge(copy.bytes, size - (gone->end - gone->begin), SIZE_MAX).worst == VERIFY_UNACCOUNTED);
    fuzz_copy_free(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct line lines[LINES_MOST];

    if (size == 0)
        return 0;
    struct fuzz_copy copy = fuzz_copy_make(data + 1, size - 1, false);
    const size_t step = 1 + (size_t)(data[0] >> 3) * 37;
    capture_repair(copy.bytes, size - 1, data[0] & 7U);
    const struct verdict verdict = judge(copy.bytes, size - 1, SIZE_MAX);
    const struct verdict again = judge(copy.bytes, size - 1, step);
    FUZZ_REQUIRE(memcmp(&verdict, &again, sizeof verdict) == 0);
    FUZZ_REQUIRE((verdict.worst == VERIFY_UNACCOUNTED) == (verdict.counts[VERIFY_UNACCOUNTED] > 0));
    FUZZ_REQUIRE(verdict.worst != VERIFY_NOTE || (verdict.sums[1] == 0 && verdict.sums[2] == 0));
    if (!muster_capture_is_one(copy.bytes, size - 1)) {
        const size_t count = lines_find(copy.bytes, size - 1, lines);
        if (verdict.worst != VERIFY_UNACCOUNTED && count > 0 && lines[count - 1].end == size - 1)
            line_remove(copy.bytes, size - 1, lines, count, data[0] >> 3);
    }
    fuzz_copy_free(&copy);
    return 0;
}
