/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_sink.h */
#include "fuzz/fuzz_sink.h"

#include <stdlib.h>
#include <string.h>

#include "unit/json_checker.h"

enum { KNOWS_BOOT = 1, KNOWS_NAMES = 2, KNOWS_USERS = 4, RUNS_BACK = 8, WRITES_LITTLE = 16 };

struct target {
    struct fuzz_output *output;
    bool writes_little;
};

static long take(void *context, const char *bytes, size_t size)
{
    const struct target *target = context;
    struct fuzz_output *output = target->output;

    if (target->writes_little && size > 7)
        size = size / 2;
    if (output->capacity - output->size < size) {
        output->capacity = (output->size + size) * 2;
        output->bytes = realloc(output->bytes, output->capacity);
        FUZZ_REQUIRE(output->bytes != NULL);
    }
    memcpy(output->bytes + output->size, bytes, size);
    output->size += size;
    return (long)size;
}

static const char *name_of_user(uint32_t user_id)
{
    static const char *const names[] = {"root", "a-name-that-is-long", "e\033vil\xe2\x80\xae", NULL};
    return names[user_id % 4];
}

static const char *name_of_sid(const char *sid, size_t sid_bytes)
{
    return sid_bytes == 0 || sid[sid_bytes - 1] % 2 == 0 ? NULL : "HOST\\some body\n";
}

static struct muster_stream stream_of(unsigned wish)
{
    struct muster_stream stream = {
        .epoch = 0xfeedULL << 48,
        .boot_id = {1, 2, 3},
        .boot_id_valid = (wish & KNOWS_BOOT) != 0,
        .clock_offset_ns = (wish & RUNS_BACK) != 0 ? INT64_MIN + 1 : 1787220000000000000LL,
        .tick_ns = (wish & KNOWS_BOOT) != 0 ? 10000000 : 0,
    };
    if ((wish & KNOWS_NAMES) != 0) {
        stream.provider = "eb\"pf\n";
        stream.os_type = "linux";
        stream.os_kernel = "6.1\x01";
        stream.host_name = "h\xe2\x80\xa8\xff";
        stream.host_id = "\\";
        stream.version = "0.1\033[31m";
    }
    if ((wish & KNOWS_USERS) != 0) {
        stream.user_name = name_of_user;
        stream.user_sid_name = name_of_sid;
    }
    return stream;
}

static void write_records(struct muster_sink *sink, const unsigned char *bytes, size_t size, unsigned batch_count,
                          struct fuzz_output *output)
{
    const struct muster_record *record;
    uint64_t numbered_count = 0;

    for (size_t offset = 0; (record = fuzz_next_record(bytes, size, &offset)) != NULL;) {
        FUZZ_REQUIRE(muster_sink_write(sink, record) == MUSTER_OK);
        numbered_count += muster_record_is_numbered(record) ? 1 : 0;
        output->record_count++;
        output->by_type[record->type]++;
        if (batch_count != 0 && output->record_count % batch_count == 0)
            FUZZ_REQUIRE(muster_sink_flush(sink) == MUSTER_OK && muster_sink_delivered(sink) == numbered_count);
    }
    FUZZ_REQUIRE(muster_sink_flush(sink) == MUSTER_OK);
    FUZZ_REQUIRE(muster_sink_delivered(sink) == numbered_count);
    FUZZ_REQUIRE(muster_sink_whole_bytes(sink) == output->size);
}

struct fuzz_output fuzz_through_sink(const char *format, enum muster_color color, const unsigned char *bytes,
                                     size_t size)
{
    struct fuzz_output output = {0};
    size_t end = 0;
    while (fuzz_next_record(bytes, size, &end) != NULL)
        ;
    const unsigned wish = fuzz_wish(bytes, size, end, 0);
    const struct muster_stream stream = stream_of(wish);
    struct target target = {.output = &output, .writes_little = (wish & WRITES_LITTLE) != 0};
    const struct muster_sink_options options = {.stream = &stream, .target = {take, &target}, .color = color};
    bool is_known = false;

    (void)setenv("TZ", "UTC", 1); /* no file of the machine's */
    struct muster_sink *sink = muster_sink_create(format, &options, &is_known);
    FUZZ_REQUIRE(is_known && sink != NULL);
    write_records(sink, bytes, size, fuzz_wish(bytes, size, end, 1) % 8, &output);
    muster_sink_destroy(sink);
    return output;
}

const char *fuzz_line_end(const struct fuzz_output *output, const char *line)
{
    const char *newline = memchr(line, '\n', (size_t)(output->bytes + output->size - line));
    FUZZ_REQUIRE(newline != NULL);
    return newline + 1;
}

unsigned fuzz_require_clean_lines(const struct fuzz_output *output)
{
    unsigned count = 0;
    for (size_t at = 0; at < output->size; count++) {
        const char *line = output->bytes + at;
        const size_t line_bytes = (size_t)(fuzz_line_end(output, line) - line);
        FUZZ_REQUIRE(checker_is_clean_line(line, line_bytes));
        at += line_bytes;
    }
    return count;
}
