/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and checking records. Hostile records are copied to heap buffers of their exact size, so
 * that AddressSanitizer sees a read of one byte too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "muster/record.h"
#include "unit/test_platform.h"

#define BUFFER_BYTES 4096

/* A record with everything in it: scalars, an empty text, texts with and without padding, a cut one. */
struct sample {
    uint64_t bytes[BUFFER_BYTES / 8];
    size_t size;
};

static struct muster_record *record_of(struct sample *sample)
{
    return (struct muster_record *)(void *)sample->bytes;
}

static const struct muster_text sample_texts[] = {
    {MUSTER_FIELD_EXECUTABLE, "/usr/bin/env", 12, 12, 12},
    {MUSTER_FIELD_WORKING_DIRECTORY, "/tmp/abc", 8, 8, 8},
    {MUSTER_FIELD_ARGS, "env\0-i\0sh", 10, 4, 70000},
    {MUSTER_FIELD_SCRIPT, "", 0, 0, 0},
};

#define SAMPLE_TEXT_COUNT (sizeof sample_texts / sizeof sample_texts[0])

static void encode(struct sample *sample, const struct muster_record *fixed, const struct muster_text *texts,
                   size_t count)
{
    memset(sample->bytes, 0xa5, sizeof sample->bytes);
    sample->size = muster_record_size(fixed, texts, count);
    assert_in_range(sample->size, sizeof *fixed, BUFFER_BYTES);
    muster_record_encode(sample->bytes, fixed, texts, count);
    assert_int_equal(record_of(sample)->size_bytes, sample->size);
}

static void make_start(struct sample *sample)
{
    const struct muster_process_start start = {
        .record = {.type = MUSTER_EVENT_PROCESS_START,
                   .flags = MUSTER_RECORD_SYNTHETIC,
                   .sequence = 77,
                   .time_ns = 88,
                   .valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_ARGS_COUNT),
                   .unavailable = MUSTER_FIELD_BIT(MUSTER_FIELD_USER),
                   .fixed_bytes = sizeof start},
        .process = {.pid = 4242},
        .args_count = 3,
    };
    encode(sample, &start.record, sample_texts, SAMPLE_TEXT_COUNT);
}

static void make_exit(struct sample *sample)
{
    const struct muster_process_exit exit = {
        .record = {.type = MUSTER_EVENT_PROCESS_EXIT,
                   .valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_CORE_DUMPED) |
                            MUSTER_FIELD_BIT(MUSTER_FIELD_RUN_TIME),
                   .fixed_bytes = sizeof exit},
        .process = {.pid = 1},
        .core_dumped = 1,
        .run_time_ns = 5,
    };
    encode(sample, &exit.record, NULL, 0);
}

static void make_gap(struct sample *sample)
{
    struct muster_gap gap = {
        .record = {.type = MUSTER_EVENT_GAP,
                   .valid = MUSTER_FIELD_BIT(MUSTER_FIELD_SEQUENCE_RANGE),
                   .fixed_bytes = sizeof gap},
        .first_sequence = 10,
        .last_sequence = 14,
        .count = 4,
        .start_ns = 1,
        .end_ns = 2,
        .stage = MUSTER_STAGE_DRIVER_QUEUE,
    };
    gap.causes[MUSTER_CAUSE_QUEUE_FULL] = 3;
    gap.causes[MUSTER_CAUSE_CLASS_SHED] = 1;
    gap.types[MUSTER_EVENT_PROCESS_START - 1] = 4;
    encode(sample, &gap.record, NULL, 0);
}

static void make_status(struct sample *sample)
{
    const struct muster_sensor_status status = {
        .record = {.type = MUSTER_EVENT_STATUS, .fixed_bytes = sizeof status},
        .epoch = 1,
        .produced = 2,
    };
    encode(sample, &status.record, NULL, 0);
}

/* Keeps the reads below. */
static volatile uint64_t sink;

/* Validates a copy that ends where its buffer ends, and reads all that a reader may read of it. */
static enum muster_status check(const void *bytes, size_t size)
{
    unsigned char *copy = malloc(size == 0 ? 1 : size);
    const struct muster_record *record = NULL;

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    const enum muster_status status = muster_record_validate(copy, size, &record);
    if (status != MUSTER_OK) {
        assert_null(record);
    } else {
        struct muster_text text;
        uint32_t cursor = 0;
        unsigned count = 0;
        assert_ptr_equal(record, copy);
        while (muster_record_next_text(record, &cursor, &text)) {
            for (uint32_t i = 0; i < text.size_bytes; i++)
                sink += (unsigned char)text.bytes[i];
            count++;
        }
        assert_int_equal(count, record->text_count);
        for (unsigned field = 0; field < 64; field++)
            if (muster_record_text(record, (enum muster_field)field, &text))
                sink += text.size_bytes != 0 ? (unsigned char)text.bytes[text.size_bytes - 1] : 0;
        if (muster_record_has(record, MUSTER_FIELD_RUN_TIME))
            sink += ((const struct muster_process_exit *)(const void *)record)->run_time_ns;
        if (muster_record_has(record, MUSTER_FIELD_IMAGE_FLAGS))
            sink += ((const struct muster_process_start *)(const void *)record)->image_flags;
        if (record->type == MUSTER_EVENT_GAP)
            sink += ((const struct muster_gap *)(const void *)record)->types[MUSTER_GAP_TYPES - 1];
        if (record->type == MUSTER_EVENT_STATUS)
            sink += ((const struct muster_sensor_status *)(const void *)record)->types[MUSTER_GAP_TYPES - 1];
    }
    free(copy);
    return status;
}

static enum muster_status check_sample(const struct sample *sample)
{
    return check(sample->bytes, sample->size);
}

/* ---- making ------------------------------------------------------------------------------------ */

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    struct sample sample;
    struct muster_text text;
    uint32_t cursor = 0;

    make_start(&sample);
    assert_int_equal(check_sample(&sample), MUSTER_OK);
    const struct muster_process_start *start = (const void *)sample.bytes;
    assert_int_equal(start->record.type, MUSTER_EVENT_PROCESS_START);
    assert_int_equal(start->record.version, MUSTER_RECORD_VERSION);
    assert_int_equal(start->record.flags, MUSTER_RECORD_SYNTHETIC);
    assert_int_equal(start->record.sequence, 77);
    assert_int_equal(start->record.time_ns, 88);
    assert_int_equal(start->process.pid, 4242);
    assert_int_equal(start->args_count, 3);
    assert_true(muster_record_has(&start->record, MUSTER_FIELD_PID));
    assert_false(muster_record_has(&start->record, MUSTER_FIELD_TID));
    assert_true(muster_record_unavailable(&start->record, MUSTER_FIELD_USER));
    for (size_t i = 0; i < SAMPLE_TEXT_COUNT; i++) {
        assert_true(muster_record_next_text(&start->record, &cursor, &text));
        assert_int_equal(text.field, sample_texts[i].field);
        assert_int_equal(text.size_bytes, sample_texts[i].size_bytes);
        assert_int_equal(text.head_bytes, sample_texts[i].head_bytes);
        assert_int_equal(text.full_bytes, sample_texts[i].full_bytes);
        assert_memory_equal(text.bytes, sample_texts[i].bytes, text.size_bytes);
        memset(&text, 0, sizeof text);
        assert_true(muster_record_text(&start->record, (enum muster_field)sample_texts[i].field, &text));
        assert_int_equal(text.full_bytes, sample_texts[i].full_bytes);
    }
    assert_false(muster_record_next_text(&start->record, &cursor, &text));
    memset(&text, 0x11, sizeof text);
    const struct muster_text before = text;
    assert_false(muster_record_text(&start->record, MUSTER_FIELD_MESSAGE, &text));
    assert_false(muster_record_text(&start->record, MUSTER_FIELD_PID, &text));
    assert_memory_equal(&text, &before, sizeof text);
}

static void size_is_what_encode_writes(void **state)
{
    (void)state;
    static char many[200];
    uint64_t buffer[64];
    struct muster_process_fork fork = {.record = {.type = MUSTER_EVENT_PROCESS_FORK, .fixed_bytes = sizeof fork}};

    for (uint32_t size = 0; size < sizeof many; size++) {
        const struct muster_text text = muster_text_whole(MUSTER_FIELD_EXECUTABLE, many, size);
        const size_t bytes = muster_record_size(&fork.record, &text, 1);
        memset(buffer, 0xee, sizeof buffer);
        muster_record_encode(buffer, &fork.record, &text, 1);
        assert_int_equal(bytes % 8, 0);
        assert_int_equal(((struct muster_record *)(void *)buffer)->size_bytes, bytes);
        assert_int_equal(buffer[bytes / 8], 0xeeeeeeeeeeeeeeeeULL);
        assert_int_equal(check(buffer, bytes), MUSTER_OK);
    }
}

static void too_large_has_no_size(void **state)
{
    (void)state;
    const struct muster_message message = {.record = {.type = MUSTER_EVENT_MESSAGE, .fixed_bytes = sizeof message}};
    const uint32_t most = MUSTER_RECORD_MAX_BYTES - sizeof message - sizeof(struct muster_text_header);
    struct muster_text texts[3] = {muster_text_whole(MUSTER_FIELD_MESSAGE, NULL, most)};

    assert_int_equal(muster_record_size(&message.record, texts, 1), MUSTER_RECORD_MAX_BYTES);
    texts[0].size_bytes = most + 1;
    assert_int_equal(muster_record_size(&message.record, texts, 1), 0);
    texts[0].size_bytes = UINT32_MAX;
    assert_int_equal(muster_record_size(&message.record, texts, 1), 0);
    texts[2] = texts[1] = texts[0] = muster_text_whole(MUSTER_FIELD_MESSAGE, NULL, MUSTER_RECORD_MAX_BYTES);
    assert_int_equal(muster_record_size(&message.record, texts, 3), 0);
}

static void texts_come_on_top_of_a_whole_record(void **state)
{
    (void)state;
    struct sample first, second;
    const struct muster_text more = muster_text_whole(MUSTER_FIELD_THREAD_NAME, "env", 3);
    struct muster_text text;

    make_start(&first);
    encode(&second, record_of(&first), &more, 1);
    assert_int_equal(second.size, first.size + sizeof(struct muster_text_header) + 8);
    assert_int_equal(check_sample(&second), MUSTER_OK);
    assert_int_equal(record_of(&second)->text_count, SAMPLE_TEXT_COUNT + 1);
    assert_true(muster_record_text(record_of(&second), MUSTER_FIELD_THREAD_NAME, &text));
    assert_memory_equal(text.bytes, "env", 3);
    assert_true(muster_record_text(record_of(&second), MUSTER_FIELD_ARGS, &text));
    assert_int_equal(text.full_bytes, 70000);
}

static void bits_follow_the_texts(void **state)
{
    (void)state;
    struct sample sample;
    const struct muster_text text = muster_text_whole(MUSTER_FIELD_EXECUTABLE, "/x", 2);
    const struct muster_process_fork fork = {
        .record = {.type = MUSTER_EVENT_PROCESS_FORK,
                   .fixed_bytes = sizeof fork,
                   .valid = MUSTER_FIELD_BIT(MUSTER_FIELD_ARGS),
                   .unavailable = MUSTER_FIELD_BIT(MUSTER_FIELD_EXECUTABLE) | MUSTER_FIELD_BIT(MUSTER_FIELD_SCRIPT)},
    };

    encode(&sample, &fork.record, &text, 1);
    assert_int_equal(record_of(&sample)->valid, MUSTER_FIELD_BIT(MUSTER_FIELD_EXECUTABLE));
    assert_int_equal(record_of(&sample)->unavailable, MUSTER_FIELD_BIT(MUSTER_FIELD_SCRIPT));
    assert_int_equal(check_sample(&sample), MUSTER_OK);
}

/* ---- checking ---------------------------------------------------------------------------------- */

/* Expects a status after one change of a sound start, exit or gap record. */
#define AFTER(make, type_, change, expected)                                                                           \
    do {                                                                                                               \
        struct sample sample_;                                                                                         \
        make(&sample_);                                                                                                \
        type_ *r = (type_ *)(void *)sample_.bytes;                                                                     \
        change;                                                                                                        \
        assert_int_equal(check_sample(&sample_), expected);                                                            \
    } while (0)
#define START_AFTER(change, expected) AFTER(make_start, struct muster_process_start, change, expected)
#define EXIT_AFTER(change, expected)  AFTER(make_exit, struct muster_process_exit, change, expected)
#define GAP_AFTER(change, expected)   AFTER(make_gap, struct muster_gap, change, expected)

static struct muster_text_header *text_at(struct muster_process_start *start, unsigned index)
{
    unsigned char *at = (unsigned char *)start + start->record.fixed_bytes;
    for (unsigned i = 0; i < index; i++) {
        struct muster_text_header *text = (void *)at;
        at += sizeof *text + (text->size_bytes + 7) / 8 * 8;
    }
    return (void *)at;
}

static void malformed_headers_are_refused(void **state)
{
    (void)state;
    START_AFTER((void)r, MUSTER_OK);
    START_AFTER(r->record.size_bytes = 0, MUSTER_INVALID);
    START_AFTER(r->record.size_bytes = 40, MUSTER_INVALID);
    START_AFTER(r->record.size_bytes += 4, MUSTER_INVALID);
    START_AFTER(r->record.size_bytes += 8, MUSTER_INVALID);
    START_AFTER(r->record.size_bytes -= 8, MUSTER_INVALID);
    START_AFTER(r->record.size_bytes = UINT32_MAX - 7, MUSTER_INVALID);
    START_AFTER(r->record.type = 0, MUSTER_INVALID);
    START_AFTER(r->record.type = MUSTER_EVENT_TYPE_COUNT + 1, MUSTER_UNSUPPORTED);
    START_AFTER(r->record.version = 0, MUSTER_INVALID);
    START_AFTER(r->record.version = 2, MUSTER_UNSUPPORTED);
    START_AFTER(r->record.fixed_bytes = 0, MUSTER_INVALID);
    START_AFTER(r->record.fixed_bytes = 40, MUSTER_INVALID);
    START_AFTER(r->record.fixed_bytes += 4, MUSTER_INVALID);
    START_AFTER(r->record.fixed_bytes = 0xfff8, MUSTER_INVALID);
    START_AFTER(r->record.reserved = 1, MUSTER_INVALID);
    START_AFTER(r->record.unavailable |= MUSTER_FIELD_BIT(MUSTER_FIELD_PID), MUSTER_INVALID);
    START_AFTER(r->record.text_count--, MUSTER_INVALID);
    START_AFTER(r->record.text_count++, MUSTER_INVALID);
    START_AFTER(r->record.text_count = UINT16_MAX, MUSTER_INVALID);
}

static void a_record_over_the_maximum_is_refused(void **state)
{
    (void)state;
    const size_t size = MUSTER_RECORD_MAX_BYTES + 8;
    struct muster_message *message = calloc(1, size);
    assert_non_null(message);
    message->record = (struct muster_record){.size_bytes = MUSTER_RECORD_MAX_BYTES,
                                             .type = MUSTER_EVENT_MESSAGE,
                                             .version = 1,
                                             .fixed_bytes = 48,
                                             .text_count = 1,
                                             .valid = MUSTER_FIELD_BIT(MUSTER_FIELD_MESSAGE)};
    struct muster_text_header *text = (void *)(message + 1);
    const uint32_t most = MUSTER_RECORD_MAX_BYTES - 64;
    *text = (struct muster_text_header){MUSTER_FIELD_MESSAGE, 0, most, most, most};
    assert_int_equal(check(message, size), MUSTER_OK);
    message->record.size_bytes += 8;
    text->size_bytes = text->head_bytes = text->full_bytes = most + 8;
    assert_int_equal(check(message, size), MUSTER_INVALID);
    free(message);
}

static void malformed_scalars_are_refused(void **state)
{
    (void)state;
    START_AFTER(r->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_EXIT_CODE), MUSTER_INVALID);
    START_AFTER(r->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_SEQUENCE_RANGE), MUSTER_INVALID);
    START_AFTER(r->record.type = MUSTER_EVENT_MESSAGE, MUSTER_INVALID);
    START_AFTER(r->record.type = MUSTER_EVENT_PROCESS_FORK, MUSTER_INVALID); /* has no ARGS_COUNT */
    START_AFTER(r->record.type = MUSTER_EVENT_PROCESS_RUNNING, MUSTER_OK);
    START_AFTER(r->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_SEQUENCE_RANGE + 1), MUSTER_OK);
    EXIT_AFTER((void)r, MUSTER_OK);
    EXIT_AFTER(r->core_dumped = 2, MUSTER_INVALID);
    EXIT_AFTER((r->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_WINDOW), r->window_start_ns = 2, r->window_end_ns = 2),
               MUSTER_OK);
    EXIT_AFTER((r->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_WINDOW), r->window_start_ns = 3, r->window_end_ns = 2),
               MUSTER_INVALID);
    START_AFTER((r->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_WINDOW), r->window_start_ns = 3), MUSTER_INVALID);
    EXIT_AFTER(r->reserved = 1, MUSTER_INVALID);
    /* An older record, whose fixed part ends before the run time. */
    EXIT_AFTER(r->record.size_bytes = r->record.fixed_bytes = 104, MUSTER_INVALID);
    EXIT_AFTER((r->record.size_bytes = r->record.fixed_bytes = 104,
                r->record.valid &= ~MUSTER_FIELD_BIT(MUSTER_FIELD_RUN_TIME)),
               MUSTER_OK);
    EXIT_AFTER((r->record.size_bytes = r->record.fixed_bytes = 48, r->record.valid = 0), MUSTER_OK);
}

static void malformed_texts_are_refused(void **state)
{
    (void)state;
    START_AFTER(text_at(r, 0)->reserved = 1, MUSTER_INVALID);
    START_AFTER(text_at(r, 0)->field = MUSTER_FIELD_PID, MUSTER_INVALID);
    START_AFTER(text_at(r, 0)->field = 64, MUSTER_INVALID);
    START_AFTER(text_at(r, 3)->field = 64 + MUSTER_FIELD_SCRIPT, MUSTER_INVALID);
    START_AFTER(text_at(r, 1)->field = MUSTER_FIELD_EXECUTABLE, MUSTER_INVALID);
    START_AFTER(text_at(r, 0)->field = MUSTER_FIELD_ARGS, MUSTER_INVALID);
    START_AFTER(text_at(r, 3)->field = MUSTER_FIELD_MESSAGE, MUSTER_INVALID); /* no bit for it */
    /* Out of order, and twice the same, with the bits to match. */
    START_AFTER((text_at(r, 0)->field = MUSTER_FIELD_WORKING_DIRECTORY, text_at(r, 1)->field = MUSTER_FIELD_EXECUTABLE),
                MUSTER_INVALID);
    START_AFTER((text_at(r, 1)->field = MUSTER_FIELD_EXECUTABLE,
                 r->record.valid &= ~MUSTER_FIELD_BIT(MUSTER_FIELD_WORKING_DIRECTORY)),
                MUSTER_INVALID);
    START_AFTER(text_at(r, 0)->size_bytes = UINT32_MAX, MUSTER_INVALID);
    START_AFTER(text_at(r, 0)->size_bytes = 13, MUSTER_INVALID);
    START_AFTER(text_at(r, 0)->head_bytes = 11, MUSTER_INVALID);
    START_AFTER(text_at(r, 0)->head_bytes = 13, MUSTER_INVALID);
    START_AFTER(text_at(r, 0)->full_bytes = 11, MUSTER_INVALID);
    START_AFTER(text_at(r, 0)->full_bytes = 13, MUSTER_OK); /* cut: the head is all of it */
    START_AFTER(text_at(r, 2)->head_bytes = 11, MUSTER_INVALID);
    START_AFTER(text_at(r, 2)->head_bytes = 0, MUSTER_OK);
    START_AFTER(((char *)(text_at(r, 0) + 1))[12] = 1, MUSTER_INVALID);
    START_AFTER(((char *)(text_at(r, 0) + 1))[15] = 1, MUSTER_INVALID);
    START_AFTER(r->record.valid &= ~MUSTER_FIELD_BIT(MUSTER_FIELD_ARGS), MUSTER_INVALID);
    START_AFTER(r->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_MESSAGE), MUSTER_INVALID);
    START_AFTER(r->record.valid |= MUSTER_FIELD_BIT(63), MUSTER_INVALID);
}

static void malformed_gaps_are_refused(void **state)
{
    (void)state;
    GAP_AFTER((void)r, MUSTER_OK);
    GAP_AFTER(r->reserved = 1, MUSTER_INVALID);
    GAP_AFTER(r->count = 0, MUSTER_INVALID);
    GAP_AFTER(r->count = 5, MUSTER_INVALID);
    GAP_AFTER(r->causes[MUSTER_CAUSE_QUEUE_FULL]--, MUSTER_INVALID);
    GAP_AFTER(r->causes[MUSTER_GAP_CAUSES - 1]++, MUSTER_INVALID);
    GAP_AFTER((r->causes[0] = UINT64_MAX, r->causes[MUSTER_CAUSE_QUEUE_FULL] += 1), MUSTER_INVALID);
    GAP_AFTER(r->types[MUSTER_EVENT_MESSAGE - 1]++, MUSTER_INVALID);
    GAP_AFTER(r->types[MUSTER_EVENT_PROCESS_START - 1] = 0, MUSTER_OK); /* counted by cause alone */
    GAP_AFTER(r->first_sequence = 0, MUSTER_INVALID);
    GAP_AFTER(r->first_sequence = 15, MUSTER_INVALID);
    GAP_AFTER(r->first_sequence = 12, MUSTER_INVALID); /* three numbers, four missing */
    GAP_AFTER(r->first_sequence = 11, MUSTER_OK);
    GAP_AFTER(r->start_ns = 3, MUSTER_INVALID);
    GAP_AFTER((r->first_sequence = r->last_sequence = 0, r->record.valid = 0), MUSTER_OK);
    GAP_AFTER((r->record.size_bytes = r->record.fixed_bytes = sizeof *r - 8), MUSTER_INVALID);
}

static void what_a_later_version_adds_is_accepted(void **state)
{
    (void)state;
    struct sample sample;
    struct {
        struct muster_process_start start;
        uint64_t new_scalars[3];
    } longer = {
        .start.record = {.type = MUSTER_EVENT_PROCESS_START,
                         .flags = 0x80,
                         .fixed_bytes = sizeof longer,
                         .valid = MUSTER_FIELD_BIT(47) | MUSTER_FIELD_BIT(MUSTER_FIELD_PID),
                         .unavailable = MUSTER_FIELD_BIT(46)},
        .new_scalars = {1, 2, 3},
    };
    const struct muster_text texts[] = {
        {MUSTER_FIELD_ARGS, "a", 2, 2, 2},
        {62, "later", 5, 5, 5},
        {63, "last", 4, 4, 4},
    };
    struct muster_text text;

    encode(&sample, &longer.start.record, texts, 3);
    assert_int_equal(check_sample(&sample), MUSTER_OK);
    assert_true(muster_record_text(record_of(&sample), MUSTER_FIELD_ARGS, &text));
    assert_int_equal(text.size_bytes, 2);
    assert_true(muster_record_text(record_of(&sample), (enum muster_field)63, &text));
    assert_memory_equal(text.bytes, "last", 4);
}

static void more_may_follow_a_record(void **state)
{
    (void)state;
    struct sample sample;

    make_start(&sample);
    assert_int_equal(check(sample.bytes, sample.size + 8), MUSTER_OK);
    assert_int_equal(check(sample.bytes, sample.size + 1), MUSTER_OK);
}

typedef void make_sample(struct sample *sample);
static make_sample *const all_samples[] = {make_start, make_exit, make_gap, make_status};

#define SAMPLE_COUNT (sizeof all_samples / sizeof all_samples[0])

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct sample sample;
        all_samples[i](&sample);
        assert_int_equal(check_sample(&sample), MUSTER_OK);
        for (size_t size = 0; size < sample.size; size++)
            assert_int_equal(check(sample.bytes, size), MUSTER_INVALID);
    }
}

/* Each that is accepted all the same has been read in check(), every byte that a reader may read. */
static void every_flipped_bit_is_safe(void **state)
{
    (void)state;
    unsigned accepted = 0, refused = 0;

    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct sample sample;
        all_samples[i](&sample);
        for (size_t bit = 0; bit < 8 * sample.size; bit++) {
            unsigned char *byte = (unsigned char *)sample.bytes + bit / 8;
            *byte ^= (unsigned char)(1U << bit % 8);
            if (check_sample(&sample) == MUSTER_OK)
                accepted++;
            else
                refused++;
            *byte ^= (unsigned char)(1U << bit % 8);
        }
    }
    assert_true(accepted != 0 && refused != 0);
}

/* Several at once, and bytes that mean something. */
static void random_damage_is_safe(void **state)
{
    (void)state;
    static const unsigned char telling[] = {0, 1, 7, 8, 16, 48, 0x7f, 0x80, 0xf8, 0xff};
    struct test_random random = {.state = 20240601};

    for (unsigned round = 0; round < 400 * test_scale_percent(); round++) {
        struct sample sample;
        all_samples[test_random_below(&random, SAMPLE_COUNT)](&sample);
        const uint64_t changes = 1 + test_random_below(&random, 4);
        for (uint64_t i = 0; i < changes; i++)
            ((unsigned char *)sample.bytes)[test_random_below(&random, sample.size)] =
                telling[test_random_below(&random, sizeof telling)];
        (void)check(sample.bytes, 8 * test_random_below(&random, sample.size / 8 + 1));
        (void)check_sample(&sample);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(size_is_what_encode_writes),
        cmocka_unit_test(too_large_has_no_size),
        cmocka_unit_test(texts_come_on_top_of_a_whole_record),
        cmocka_unit_test(bits_follow_the_texts),
        cmocka_unit_test(malformed_headers_are_refused),
        cmocka_unit_test(a_record_over_the_maximum_is_refused),
        cmocka_unit_test(malformed_scalars_are_refused),
        cmocka_unit_test(malformed_texts_are_refused),
        cmocka_unit_test(malformed_gaps_are_refused),
        cmocka_unit_test(what_a_later_version_adds_is_accepted),
        cmocka_unit_test(more_may_follow_a_record),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_bit_is_safe),
        cmocka_unit_test(random_damage_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
