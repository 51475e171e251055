/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the sinks share: a stream, records, and a target that keeps what it is given and
 * can be told to take little, to be interrupted, or to be full.
 */
#ifndef MUSTER_TESTS_SINK_FIXTURE_H
#define MUSTER_TESTS_SINK_FIXTURE_H

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "muster/record.h"
#include "muster/sink.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FIXTURE_IS_SANITIZED 1
#endif
#endif
#ifndef FIXTURE_IS_SANITIZED
#define FIXTURE_IS_SANITIZED 0
#endif

/* ---- the target --------------------------------------------------------------------------------- */

struct fixture_target {
    char *bytes;
    size_t size;
    size_t capacity;
    size_t room;      /* takes so many bytes in all, then fails */
    int error;        /* with this */
    size_t step;      /* at most so many a call; 0: all */
    bool interrupted; /* every other call is */
    bool misbehaves;  /* takes nothing and reports no error */
    unsigned calls;
};

static inline long fixture_write(void *context, const char *bytes, size_t size)
{
    struct fixture_target *target = context;
    target->calls++;
    if (target->misbehaves)
        return 0;
    if (target->interrupted && target->calls % 2 == 1) {
        errno = EINTR;
        return -1;
    }
    if (target->size == target->room) {
        errno = target->error;
        return -1;
    }
    if (target->step != 0 && size > target->step)
        size = target->step;
    if (size > target->room - target->size)
        size = target->room - target->size;
    if (target->capacity - target->size < size) {
        target->capacity = (target->size + size) * 2;
        target->bytes = realloc(target->bytes, target->capacity);
        assert_non_null(target->bytes);
    }
    memcpy(target->bytes + target->size, bytes, size);
    target->size += size;
    return (long)size;
}

static inline struct fixture_target fixture_target_make(void)
{
    return (struct fixture_target){.room = SIZE_MAX, .error = ENOSPC};
}

/* ---- the stream ----------------------------------------------------------------------------------- */

static inline const char *fixture_user_name(uint32_t user_id)
{
    return user_id == 0 ? "root" : user_id == 1001 ? "a-long-name" : user_id == 1002 ? "e\033vil" : NULL;
}

/* 2026-08-20T10:00:00Z is second 100 of this boot. */
#define FIXTURE_SECOND 1000000000ULL
#define FIXTURE_BASE   (100 * FIXTURE_SECOND)

static inline struct muster_stream fixture_stream(void)
{
    return (struct muster_stream){
        .epoch = 0x0123456789abcdefULL,
        .boot_id = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
        .boot_id_valid = true,
        .clock_offset_ns = 1787220000000000000LL - (int64_t)FIXTURE_BASE,
        .tick_ns = 10000000,
        .provider = "ebpf",
        .os_type = "linux",
        .os_kernel = "6.1.0",
        .host_name = "web1",
        .host_id = "4d3c",
        .version = "0.1.0",
        .user_name = fixture_user_name,
    };
}

/* ---- records -------------------------------------------------------------------------------------- */

union fixture_record {
    struct muster_record record;
    uint64_t words[MUSTER_RECORD_MAX_BYTES / 8];
};

/* A static one: a record may be too large for a stack. Good until the next call but one. */
static inline const struct muster_record *fixture_encode(const struct muster_record *fixed,
                                                         const struct muster_text *texts, size_t text_count)
{
    static union fixture_record records[2];
    static unsigned turn;
    union fixture_record *to = &records[turn++ % 2];
    assert_int_not_equal(muster_record_size(fixed, texts, text_count), 0);
    muster_record_encode(to, fixed, texts, text_count);
    const struct muster_record *record = NULL;
    assert_int_equal(muster_record_validate(to, sizeof(*to), &record), MUSTER_OK);
    return record;
}

static inline struct muster_text fixture_text(enum muster_field field, const char *bytes, size_t size)
{
    return (struct muster_text){(uint16_t)field, bytes, (uint32_t)size, (uint32_t)size, (uint32_t)size};
}

#define FIXTURE_TEXT(field, literal) fixture_text((field), (literal), sizeof(literal) - 1)

static inline struct muster_text fixture_cut(enum muster_field field, const char *bytes, size_t size, size_t head,
                                             size_t full)
{
    return (struct muster_text){(uint16_t)field, bytes, (uint32_t)size, (uint32_t)head, (uint32_t)full};
}

#define FIXTURE_PROCESS_FIELDS (MUSTER_FIELD_BIT(MUSTER_FIELD_REAL_GROUP + 1) - 1)

static inline struct muster_process fixture_process(void)
{
    return (struct muster_process){
        .pid = 4242,
        .tid = 4242,
        .start_ns = FIXTURE_BASE + 123456789,
        .parent_start_ns = 5 * FIXTURE_SECOND,
        .parent_pid = 4200,
        .session_id = 4100,
        .user_id = 0,
        .group_id = 10,
        .real_user_id = 1000,
        .real_group_id = 100,
    };
}

static inline struct muster_process_start fixture_start(void)
{
    return (struct muster_process_start){
        .record = {.type = MUSTER_EVENT_PROCESS_START,
                   .sequence = 4711,
                   .time_ns = FIXTURE_BASE + 123999001,
                   .valid = FIXTURE_PROCESS_FIELDS | MUSTER_FIELD_BIT(MUSTER_FIELD_ARGS_COUNT) |
                            MUSTER_FIELD_BIT(MUSTER_FIELD_IMAGE_FLAGS),
                   .fixed_bytes = sizeof(struct muster_process_start)},
        .process = fixture_process(),
        .args_count = 3,
    };
}

static inline struct muster_process_exit fixture_exit(void)
{
    return (struct muster_process_exit){
        .record = {.type = MUSTER_EVENT_PROCESS_EXIT,
                   .sequence = 4712,
                   .time_ns = FIXTURE_BASE + FIXTURE_SECOND + 357456789,
                   .valid = FIXTURE_PROCESS_FIELDS | MUSTER_FIELD_BIT(MUSTER_FIELD_EXIT_CODE) |
                            MUSTER_FIELD_BIT(MUSTER_FIELD_RUN_TIME),
                   .fixed_bytes = sizeof(struct muster_process_exit)},
        .process = fixture_process(),
        .exit_code = 3,
        .run_time_ns = 1234000000,
    };
}

static inline struct muster_message fixture_message(void)
{
    return (struct muster_message){.record = {.type = MUSTER_EVENT_MESSAGE,
                                              .sequence = 9,
                                              .time_ns = FIXTURE_BASE,
                                              .fixed_bytes = sizeof(struct muster_message)}};
}

static inline struct muster_gap fixture_gap(void)
{
    return (struct muster_gap){
        .record = {.type = MUSTER_EVENT_GAP,
                   .time_ns = FIXTURE_BASE + 3 * FIXTURE_SECOND,
                   .valid = MUSTER_FIELD_BIT(MUSTER_FIELD_SEQUENCE_RANGE),
                   .fixed_bytes = sizeof(struct muster_gap)},
        .first_sequence = 100,
        .last_sequence = 120,
        .count = 12,
        .start_ns = FIXTURE_BASE + FIXTURE_SECOND + 123000000,
        .end_ns = FIXTURE_BASE + 2 * FIXTURE_SECOND + 456000000,
        .stage = MUSTER_STAGE_KERNEL_RING,
        .causes = {[MUSTER_CAUSE_RING_FULL] = 12},
        .types = {5, 7},
    };
}

static inline struct muster_sensor_status fixture_status(enum muster_event_type type)
{
    return (struct muster_sensor_status){
        .record = {.type = (uint16_t)type, .time_ns = FIXTURE_BASE, .fixed_bytes = sizeof(struct muster_sensor_status)},
        .epoch = 0x0123456789abcdefULL,
        .produced = 1234,
        .delivered = 1234,
        .types = {600, 634},
    };
}

/* ---- one record through one sink ------------------------------------------------------------------ */

struct fixture_sink {
    struct muster_stream stream;
    struct fixture_target target;
    struct muster_sink *sink;
};

/* In place: the sink keeps pointers into it. */
static inline void fixture_open(struct fixture_sink *fixture, const char *format, enum muster_color color)
{
    fixture->stream = fixture_stream();
    fixture->target = fixture_target_make();
    struct muster_sink_options options = {
        .stream = &fixture->stream, .target = {fixture_write, &fixture->target}, .color = color};
    bool known = false;
    fixture->sink = muster_sink_create(format, &options, &known);
    assert_true(known);
    assert_non_null(fixture->sink);
}

static inline void fixture_close(struct fixture_sink *fixture)
{
    muster_sink_destroy(fixture->sink);
    free(fixture->target.bytes);
}

/* Writes and flushes. What comes out stands in target.bytes, from its beginning, and is terminated. */
static inline const char *fixture_line(struct fixture_sink *fixture, const struct muster_record *record)
{
    fixture->target.size = 0;
    assert_int_equal(muster_sink_write(fixture->sink, record), MUSTER_OK);
    assert_int_equal(muster_sink_flush(fixture->sink), MUSTER_OK);
    if (fixture->target.size == fixture->target.capacity) {
        fixture->target.capacity += 64;
        fixture->target.bytes = realloc(fixture->target.bytes, fixture->target.capacity);
        assert_non_null(fixture->target.bytes);
    }
    fixture->target.bytes[fixture->target.size] = 0;
    return fixture->target.bytes;
}

#endif
