/* SPDX-License-Identifier: Apache-2.0 */
/* verify_lines.h: bytes into lines. */
#include "verify_lines.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct verify_place place_of(const struct verify_lines *lines)
{
    return (struct verify_place){.file = lines->file, .line = lines->line_count};
}

static void bad_report(const struct verify_lines *lines, const char *why)
{
    const struct verify_finding finding = {.what = "bad-line", .place = place_of(lines)};

    verify_findings_add(&lines->verification->findings, VERIFY_UNACCOUNTED, &finding,
                        "a line that is not as muster wrote it: %s", why);
}

static void line_take(struct verify_lines *lines, const char *bytes, size_t size_bytes)
{
    const char *why = NULL;
    struct verify_event event;
    struct verify_place place;

    lines->line_count++;
    place = place_of(lines);
    switch (verify_line_read(bytes, size_bytes, &event, &why)) {
    case VERIFY_LINE_EVENT:
        lines->muster_count++;
        verification_take(lines->verification, &event, &place);
        break;
    case VERIFY_LINE_FOREIGN:
        lines->foreign_count++;
        break;
    default:
        bad_report(lines, why);
        break;
    }
}

static bool rest_grow(struct verify_lines *lines, size_t needed_bytes)
{
    size_t wanted = lines->rest_capacity ? lines->rest_capacity : 4096;
    char *grown;

    if (needed_bytes <= lines->rest_capacity)
        return true;
    while (wanted < needed_bytes)
        wanted *= 2;
    grown = needed_bytes <= VERIFY_LINE_MAX_BYTES ? realloc(lines->rest, wanted) : NULL;
    if (!grown)
        return false;
    lines->rest = grown;
    lines->rest_capacity = wanted;
    return true;
}

static void rest_add(struct verify_lines *lines, const char *bytes, size_t size_bytes)
{
    if (lines->too_long)
        return;
    if (!rest_grow(lines, lines->rest_bytes + size_bytes)) {
        lines->too_long = true;
        lines->rest_bytes = 0;
        return;
    }
    memcpy(lines->rest + lines->rest_bytes, bytes, size_bytes);
    lines->rest_bytes += size_bytes;
}

static void rest_take(struct verify_lines *lines)
{
    if (lines->too_long) {
        lines->line_count++;
        bad_report(lines, "it is too long");
    } else
        line_take(lines, lines->rest, lines->rest_bytes);
    lines->too_long = false;
    lines->rest_bytes = 0;
}

void verify_lines_take(struct verify_lines *lines, const char *bytes, size_t size_bytes)
{
    while (size_bytes > 0) {
        const char *end = memchr(bytes, '\n', size_bytes);
        size_t line_bytes = end ? (size_t)(end - bytes) : size_bytes;

        if (end && lines->rest_bytes == 0 && !lines->too_long)
            line_take(lines, bytes, line_bytes);
        else {
            rest_add(lines, bytes, line_bytes);
            if (end)
                rest_take(lines);
        }
        line_bytes += end != NULL;
        bytes += line_bytes;
        size_bytes -= line_bytes;
    }
}

/* Half a line is what an agent leaves that is killed. What it said was written again, or is missing, and then that is
 * found. */
static void rest_end(struct verify_lines *lines)
{
    struct verify_finding finding = {.what = "cut-line"};
    struct verify_event event;
    const char *why;

    if (!lines->too_long && verify_line_read(lines->rest, lines->rest_bytes, &event, &why) != VERIFY_LINE_BAD) {
        line_take(lines, lines->rest, lines->rest_bytes);
        return;
    }
    lines->line_count++;
    finding.place = place_of(lines);
    verify_findings_add(&lines->verification->findings, VERIFY_NOTE, &finding,
                        "the last line has no end: it was cut, or the writer was killed");
}

void verify_lines_end(struct verify_lines *lines)
{
    const struct verify_finding finding = {
        .what = "foreign-lines", .place = {.file = lines->file}, .count = lines->foreign_count};

    if (lines->rest_bytes > 0 || lines->too_long)
        rest_end(lines);
    if (lines->foreign_count > 0)
        verify_findings_add(&lines->verification->findings, VERIFY_NOTE, &finding,
                            "%" PRIu64 " lines that are empty or somebody else's were passed over",
                            lines->foreign_count);
    free(lines->rest);
    lines->rest = NULL;
    lines->rest_bytes = lines->rest_capacity = 0;
}
