/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the C code makes of captures, for tests/capture/.
 *
 *     capture_probe write     on standard input commands, each 4 bytes of kind, 4 of length, and so many bytes:
 *                             0 a record, 1 a flush, 2 a clock offset (8 bytes), 3 a new capture (8 bytes: its name),
 *                             4 likewise, of Windows. The captures on standard output
 *     capture_probe FORMAT    likewise, but into that sink, such as ndjson: what `muster replay` should write
 *     capture_probe read      on standard input captures, each 4 bytes of length and so many bytes; a line of JSON for
 *                             each: an array of its parts. A record is told as type, number, size and FNV-1a
 *     capture_probe slow      likewise, but reads give a few bytes at a time, and are interrupted
 *     capture_probe verify    likewise captures or ndjson; on each line what `muster verify` ends with
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/verify_capture.h"
#include "agent/verify_lines.h"
#include "muster/capture_file.h"

enum { INPUT_MOST = 64 << 20 };

static void die(const char *what)
{
    (void)fprintf(stderr, "capture_probe: %s\n", what);
    exit(1);
}

static bool take(void *to, size_t size)
{
    return fread(to, 1, size, stdin) == size;
}

/* ---- write ------------------------------------------------------------------------------------------------- */

static long output_write(void *context, const char *bytes, size_t size)
{
    (void)context;
    return (long)fwrite(bytes, 1, size, stdout);
}

static struct muster_stream stream = {
    .epoch = 0x0123456789abcdefU,
    .boot_id = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    .boot_id_valid = true,
    .tick_ns = 10000000,
    .provider = "ebpf",
    .os_type = "linux",
    .os_kernel = "6.1.0",
    .host_name = "web1",
    .version = "0.1.0",
};

static void stream_choose(uint32_t kind)
{
    stream.tick_ns = kind == 4 ? 100 : 10000000;
    stream.provider = kind == 4 ? "muster.sys" : "ebpf";
    stream.os_type = kind == 4 ? "windows" : "linux";
    stream.os_kernel = kind == 4 ? "10.0.19045" : "6.1.0";
}

static struct muster_sink *sink_make(const char *format, uint64_t name)
{
    struct muster_sink_options options = {.stream = &stream, .target = {.write = output_write}, .capture = name};
    bool known;
    struct muster_sink *sink = muster_sink_create(format, &options, &known);

    if (!sink)
        die("no such format, or no memory");
    return sink;
}

static void sink_end(struct muster_sink *sink)
{
    if (sink && muster_sink_flush(sink) != MUSTER_OK)
        die("cannot flush");
    muster_sink_destroy(sink);
}

static void record_write(struct muster_sink *sink, const void *bytes, size_t size)
{
    const struct muster_record *record;

    if (!sink || muster_record_validate(bytes, size, &record) != MUSTER_OK || record->size_bytes != size)
        die("a record that is none");
    if (muster_sink_write(sink, record) != MUSTER_OK)
        die("cannot write");
}

static void command_do(const char *format, struct muster_sink **sink, uint32_t kind, const void *bytes, size_t size)
{
    uint64_t number;

    if (kind == 0) {
        record_write(*sink, bytes, size);
        return;
    }
    memcpy(&number, bytes, sizeof(number));
    if (kind >= 3) {
        sink_end(*sink);
        stream_choose(kind);
        *sink = sink_make(format, number);
    } else if (muster_sink_flush(*sink) != MUSTER_OK)
        die("cannot flush");
    if (kind == 2)
        stream.clock_offset_ns = (int64_t)number;
}

static int captures_write(const char *format)
{
    static uint64_t bytes[MUSTER_RECORD_MAX_BYTES / 8];
    struct muster_sink *sink = NULL;
    uint32_t head[2];

    while (take(head, sizeof(head))) {
        if (head[1] > sizeof(bytes) || !take(bytes, head[1]))
            die("a command that is none");
        command_do(format, &sink, head[0], bytes, head[1]);
    }
    sink_end(sink);
    return fflush(stdout) != 0;
}

/* ---- read --------------------------------------------------------------------------------------------------- */

struct input {
    const char *bytes;
    size_t left;
    size_t step; /* at most so many a read; 0: all */
    unsigned calls;
};

static long input_read(void *context, char *bytes, size_t size)
{
    struct input *input = context;

    if (input->step != 0 && ++input->calls % 5 == 0) {
        errno = EINTR;
        return -1;
    }
    if (input->step != 0 && size > 1 + input->calls % input->step)
        size = 1 + input->calls % input->step;
    if (size > input->left)
        size = input->left;
    memcpy(bytes, input->bytes, size);
    input->bytes += size;
    input->left -= size;
    return (long)size;
}

static uint64_t fnv(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint64_t hash = 0xcbf29ce484222325U;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * 0x100000001b3U;
    return hash;
}

static void print_numbers(const char *key, const uint64_t *numbers, unsigned count)
{
    (void)printf(",\"%s\":[", key);
    for (unsigned i = 0; i < count; i++)
        (void)printf("%s%" PRIu64, i ? "," : "", numbers[i]);
    (void)printf("]");
}

static void print_hex(const char *key, const uint8_t *bytes, unsigned count)
{
    (void)printf(",\"%s\":\"", key);
    for (unsigned i = 0; i < count; i++)
        (void)printf("%02x", bytes[i]);
    (void)printf("\"");
}

static void print_damage(const struct muster_capture_damage *damage)
{
    (void)printf(",\"damage\":\"%s\",\"offset\":%" PRIu64 ",\"size\":%" PRIu64,
                 muster_capture_damage_name(damage->kind), damage->offset_bytes, damage->size_bytes);
    if (damage->frames_known)
        (void)printf(",\"frames\":[%" PRIu64 ",%" PRIu64 "]", damage->first_frame, damage->last_frame);
    if (damage->counted) {
        print_numbers("types", damage->types, MUSTER_EVENT_NUMBERED_COUNT);
        (void)printf(",\"records\":%" PRIu64, damage->record_count);
    }
    if (damage->range_known)
        (void)printf(",\"range\":[%" PRIu64 ",%" PRIu64 "]", damage->first_sequence, damage->last_sequence);
    (void)printf(",\"times\":[%" PRIu64 ",%" PRIu64 "]", damage->start_ns, damage->end_ns);
}

static void print_records(const struct muster_capture_part *part)
{
    const struct muster_record *record;
    const char *separator = "";
    size_t cursor = 0;

    (void)printf(",\"clock\":%" PRId64 ",\"records\":[", part->clock_offset_ns);
    while ((record = muster_capture_next_record(part, &cursor)) != NULL) {
        (void)printf("%s[%u,%" PRIu64 ",%u,%" PRIu64 "]", separator, record->type, record->sequence, record->size_bytes,
                     fnv(record, record->size_bytes));
        separator = ",";
    }
    (void)printf("]");
}

static void print_description(const struct muster_capture_description *description)
{
    struct muster_stream said;

    muster_capture_stream(description, &said);
    (void)printf(",\"epoch\":%" PRIu64 ",\"tick\":%" PRIu64 ",\"texts\":[\"%s\",\"%s\",\"%s\",\"%s\",\"%s\",\"%s\"]",
                 said.epoch, said.tick_ns, said.provider ? said.provider : "", said.os_type ? said.os_type : "",
                 said.os_kernel ? said.os_kernel : "", said.host_name ? said.host_name : "",
                 said.host_id ? said.host_id : "", said.version ? said.version : "");
    if (said.boot_id_valid)
        print_hex("boot", said.boot_id, 16);
}

static void print_part(const struct muster_capture_part *part)
{
    static const char *const kinds[] = {"begin", "records", "checkpoint", "damage", "end"};

    (void)printf("{\"part\":\"%s\",\"capture\":%" PRIu64 ",\"at\":%" PRIu64 ",\"frame\":%" PRIu64, kinds[part->kind],
                 part->capture, part->offset_bytes, part->frame);
    if (part->kind == MUSTER_CAPTURE_PART_BEGIN)
        print_description(part->description);
    if (part->kind == MUSTER_CAPTURE_PART_RECORDS)
        print_records(part);
    if (part->kind == MUSTER_CAPTURE_PART_CHECKPOINT)
        print_numbers("lost", part->lost, MUSTER_GAP_CAUSES);
    if (part->kind == MUSTER_CAPTURE_PART_DAMAGE)
        print_damage(&part->damage);
    if (part->kind == MUSTER_CAPTURE_PART_END) {
        (void)printf(",\"whole\":%s", part->whole ? "true" : "false");
        print_numbers("totals", part->totals, MUSTER_EVENT_NUMBERED_COUNT);
        print_hex("digest", part->digest, MUSTER_CAPTURE_DIGEST_BYTES);
    }
    (void)printf("}");
}

static void capture_print(const char *bytes, size_t size, size_t step)
{
    struct input input = {.bytes = bytes, .left = size, .step = step};
    struct muster_capture_source source = {.read = input_read, .context = &input};
    struct muster_capture_reader *reader = muster_capture_reader_create(&source);
    struct muster_capture_part part;
    enum muster_status status;
    const char *separator = "[";

    if (!reader)
        die("no memory");
    while ((status = muster_capture_read(reader, &part)) == MUSTER_OK) {
        (void)printf("%s", separator);
        print_part(&part);
        separator = ",";
    }
    if (status != MUSTER_EMPTY)
        die("cannot read");
    (void)printf("%s]\n", separator[0] == '[' ? "[" : "");
    muster_capture_reader_destroy(reader);
}

static void verdict_print(const char *bytes, size_t size, size_t step)
{
    static const int codes[] = {[VERIFY_UNACCOUNTED] = 4, [VERIFY_LOST] = 3, [VERIFY_NOTE] = 0};
    struct input input = {.bytes = bytes, .left = size, .step = step};
    struct muster_capture_source source = {.read = input_read, .context = &input};
    struct verification verification = {.findings.limit = 100};
    struct verify_lines lines = {.verification = &verification, .file = "input"};
    struct verify_capture capture = {.verification = &verification, .file = "input"};
    struct muster_capture_reader *reader = NULL;
    struct muster_capture_part part;

    if (!muster_capture_is_one(bytes, size < 4096 ? size : 4096)) {
        verify_lines_take(&lines, bytes, size);
        verify_lines_end(&lines);
    } else {
        reader = muster_capture_reader_create(&source);
        if (!reader)
            die("no memory");
        while (muster_capture_read(reader, &part) == MUSTER_OK)
            verify_capture_take(&capture, &part);
    }
    muster_capture_reader_destroy(reader);
    verification_judge(&verification);
    (void)printf("%d\n", verification.epoch_count == 0 ? 1 : codes[verification_worst(&verification)]);
    verification_deinit(&verification);
}

static int captures_read(size_t step, void (*print)(const char *, size_t, size_t))
{
    char *bytes = malloc(INPUT_MOST);
    uint32_t size;

    if (!bytes)
        die("no memory");
    while (take(&size, sizeof(size))) {
        if (size > INPUT_MOST || !take(bytes, size))
            die("an input that ends early");
        print(bytes, size, step);
    }
    free(bytes);
    return fflush(stdout) != 0;
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "write") == 0)
        return captures_write("capture");
    if (count == 2 && strcmp(arguments[1], "read") == 0)
        return captures_read(0, capture_print);
    if (count == 2 && strcmp(arguments[1], "slow") == 0)
        return captures_read(700, capture_print);
    if (count == 2 && strcmp(arguments[1], "verify") == 0)
        return captures_read(0, verdict_print);
    if (count == 2)
        return captures_write(arguments[1]);
    die("name a mode");
    return 2;
}
