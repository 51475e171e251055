/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is delivered when the target takes little, is interrupted, or fails: at every byte, in every
 * format, the count is what can be counted in the bytes that got out.
 */
#include "unit/sink_fixture.h"

#include "sinks/sink_internal.h"

enum { SCRIPT_LENGTH = 7 };

/* Numbered and not, in two batches: a flush stands behind the fourth and the last. */
static void give(struct fixture_sink *fixture, unsigned index, enum muster_status *ret_status)
{
    struct muster_process_start start = fixture_start();
    struct muster_process_exit exit = fixture_exit();
    struct muster_message message = fixture_message();
    struct muster_gap gap = fixture_gap();
    struct muster_sensor_status status = fixture_status(MUSTER_EVENT_STATUS);
    struct muster_record *const script[SCRIPT_LENGTH] = {&start.record, &gap.record,    &exit.record,   &message.record,
                                                         &exit.record,  &status.record, &message.record};
    struct muster_text text = FIXTURE_TEXT(MUSTER_FIELD_MESSAGE, "hello\nworld");
    bool has_text = script[index] == &message.record;
    *ret_status = muster_sink_write(fixture->sink, fixture_encode(script[index], &text, has_text ? 1 : 0));
    if (*ret_status == MUSTER_OK && (index == 3 || index == SCRIPT_LENGTH - 1))
        *ret_status = muster_sink_flush(fixture->sink);
}

static enum muster_status run_script(struct fixture_sink *fixture)
{
    enum muster_status status = MUSTER_OK;
    for (unsigned i = 0; i < SCRIPT_LENGTH && status == MUSTER_OK; i++)
        give(fixture, i, &status);
    return status;
}

/* Numbered records for each line of the script's output, by format. */
struct expectation {
    const char *format;
    uint64_t numbered[SCRIPT_LENGTH + 1];
    uint64_t line_count;
};

static const struct expectation expectations[] = {
    {"ndjson", {1, 0, 1, 1, 1, 0, 1}, 7},
    {"text", {0, 1, 0, 1, 1, 1, 0, 1}, 8},
    {"driver-messages", {3, 2}, 2},
};

static void assert_account(const struct fixture_sink *fixture, const struct expectation *expectation)
{
    uint64_t delivered = 0;
    uint64_t whole_bytes = 0;
    size_t line = 0;
    for (size_t i = 0; i < fixture->target.size; i++) {
        if (fixture->target.bytes[i] != '\n')
            continue;
        delivered += expectation->numbered[line++];
        whole_bytes = i + 1;
    }
    assert_int_equal(muster_sink_delivered(fixture->sink), delivered);
    assert_int_equal(muster_sink_whole_bytes(fixture->sink), whole_bytes);
}

static void assert_ended(struct fixture_sink *fixture, int error)
{
    struct muster_message message = fixture_message();
    size_t size = fixture->target.size;
    fixture->target.room = SIZE_MAX;
    fixture->target.misbehaves = false;
    errno = 0;
    assert_int_equal(muster_sink_write(fixture->sink, fixture_encode(&message.record, NULL, 0)), MUSTER_OUTPUT_FAILED);
    assert_int_equal(errno, error);
    errno = 0;
    assert_int_equal(muster_sink_flush(fixture->sink), MUSTER_OUTPUT_FAILED);
    assert_int_equal(errno, error);
    assert_int_equal(fixture->target.size, size);
}

static size_t whole_size(const struct expectation *expectation)
{
    struct fixture_sink fixture;
    fixture_open(&fixture, expectation->format, MUSTER_COLOR_NEVER);
    assert_int_equal(run_script(&fixture), MUSTER_OK);
    assert_account(&fixture, expectation);
    assert_int_equal(muster_sink_delivered(fixture.sink), 5);
    assert_int_equal(muster_sink_whole_bytes(fixture.sink), fixture.target.size);
    size_t size = fixture.target.size;
    fixture_close(&fixture);
    return size;
}

static void fail_at(const struct expectation *expectation, size_t room, size_t step, bool interrupted)
{
    struct fixture_sink fixture;
    fixture_open(&fixture, expectation->format, MUSTER_COLOR_NEVER);
    fixture.target.room = room;
    fixture.target.step = step;
    fixture.target.interrupted = interrupted;
    errno = 0;
    assert_int_equal(run_script(&fixture), MUSTER_OUTPUT_FAILED);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(fixture.target.size, room);
    assert_account(&fixture, expectation);
    assert_ended(&fixture, ENOSPC);
    assert_account(&fixture, expectation);
    fixture_close(&fixture);
}

static void test_full_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        size_t size = whole_size(&expectations[i]);
        for (size_t room = 0; room < size; room++) {
            fail_at(&expectations[i], room, 0, false);
            fail_at(&expectations[i], room, 7, false);
            fail_at(&expectations[i], room, 100, true);
        }
    }
}

static void test_short_and_interrupted_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        struct fixture_sink whole, pieces;
        fixture_open(&whole, expectations[i].format, MUSTER_COLOR_NEVER);
        fixture_open(&pieces, expectations[i].format, MUSTER_COLOR_NEVER);
        pieces.target.step = 1;
        pieces.target.interrupted = true;
        assert_int_equal(run_script(&whole), MUSTER_OK);
        assert_int_equal(run_script(&pieces), MUSTER_OK);
        assert_int_equal(pieces.target.size, whole.target.size);
        assert_memory_equal(pieces.target.bytes, whole.target.bytes, whole.target.size);
        assert_account(&pieces, &expectations[i]);
        fixture_close(&whole);
        fixture_close(&pieces);
    }
}

static void test_other_errors_end_it(void **state)
{
    (void)state;
    static const int errors[] = {EAGAIN, EPIPE, EIO};
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct fixture_sink fixture;
        fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
        fixture.target.room = 600;
        fixture.target.error = errors[i];
        assert_int_equal(run_script(&fixture), MUSTER_OUTPUT_FAILED);
        assert_int_equal(errno, errors[i]);
        assert_ended(&fixture, errors[i]);
        fixture_close(&fixture);
    }
}

static void test_a_target_that_takes_nothing(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    fixture.target.misbehaves = true;
    assert_int_equal(run_script(&fixture), MUSTER_OUTPUT_FAILED);
    assert_int_equal(errno, EIO);
    assert_int_equal(muster_sink_delivered(fixture.sink), 0);
    assert_ended(&fixture, EIO);
    fixture_close(&fixture);
}

static void test_writes_without_flush(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "text", MUSTER_COLOR_NEVER);
    struct muster_message message = fixture_message();
    const struct muster_record *record = fixture_encode(&message.record, NULL, 0);
    for (unsigned i = 0; i < 5000; i++)
        assert_int_equal(muster_sink_write(fixture.sink, record), MUSTER_OK);
    assert_true(fixture.target.size > 0);
    assert_true(muster_sink_delivered(fixture.sink) > 3000 && muster_sink_delivered(fixture.sink) < 5000);
    assert_int_equal(muster_sink_whole_bytes(fixture.sink), fixture.target.size);
    assert_int_equal(muster_sink_flush(fixture.sink), MUSTER_OK);
    assert_int_equal(muster_sink_delivered(fixture.sink), 5000);
    assert_int_equal(muster_sink_whole_bytes(fixture.sink), fixture.target.size);
    /* Nothing to write is no call. */
    unsigned calls = fixture.target.calls;
    assert_int_equal(muster_sink_flush(fixture.sink), MUSTER_OK);
    assert_int_equal(fixture.target.calls, calls);
    fixture_close(&fixture);
}

static void test_no_memory(void **state)
{
    (void)state;
    static const char *const formats[] = {"ndjson", "text"};
    for (size_t i = 0; i < 2; i++) {
        struct fixture_sink fixture;
        fixture_open(&fixture, formats[i], MUSTER_COLOR_NEVER);
        enum muster_status status;
        give(&fixture, 0, &status);
        assert_int_equal(status, MUSTER_OK);
        assert_int_equal(muster_sink_flush(fixture.sink), MUSTER_OK);
        fixture.sink->output.buffer.no_memory = true;
        for (unsigned record = 0; record < SCRIPT_LENGTH; record++) {
            give(&fixture, record, &status);
            assert_int_equal(status, MUSTER_NO_MEMORY);
            assert_int_equal(errno, ENOMEM);
        }
        assert_int_equal(muster_sink_delivered(fixture.sink), 1);
        fixture_close(&fixture);
    }
}

/* ---- memory that runs out ------------------------------------------------------------------------- */

/* A sanitizer has its own realloc, which a test cannot take the place of. */
#if !FIXTURE_IS_SANITIZED && defined(__GLIBC__)
#define CAN_FAIL_REALLOC 1

/* Which call to realloc fails: 0 is none. All growing of the sinks' buffers goes through it. */
static unsigned fail_realloc;

extern void *__libc_realloc(void *old, size_t size);

void *realloc(void *old, size_t size)
{
    if (fail_realloc != 0 && --fail_realloc == 0)
        return NULL;
    return __libc_realloc(old, size);
}

static struct muster_sink *create_failing(struct fixture_sink *fixture, const char *format, unsigned nth)
{
    fixture->stream = fixture_stream();
    fixture->target = fixture_target_make();
    fixture->target.capacity = 2 * 1024 * 1024;
    fixture->target.bytes = malloc(fixture->target.capacity);
    struct muster_sink_options options = {
        .stream = &fixture->stream, .target = {fixture_write, &fixture->target}, .color = MUSTER_COLOR_NEVER};
    bool known = false;
    fail_realloc = nth;
    fixture->sink = muster_sink_create(format, &options, &known);
    assert_true(known);
    return fixture->sink;
}

/* Small records, then one that makes the buffer grow several times while it is formatted. Whatever
 * fails, lines stay whole and are counted right. Returns whether something failed. */
static bool run_out_of_memory(const char *format, unsigned nth)
{
    static char bytes[100000];
    memset(bytes, 1, sizeof(bytes));
    struct fixture_sink fixture;
    enum muster_status status = MUSTER_OK;
    if (create_failing(&fixture, format, nth) != NULL) {
        for (unsigned i = 0; i < SCRIPT_LENGTH && status == MUSTER_OK; i++)
            give(&fixture, i, &status);
        struct muster_process_start start = fixture_start();
        struct muster_text text = fixture_text(MUSTER_FIELD_ARGS, bytes, sizeof(bytes));
        const struct muster_record *record = fixture_encode(&start.record, &text, 1);
        if (status == MUSTER_OK)
            status = muster_sink_write(fixture.sink, record);
        if (status == MUSTER_OK)
            status = muster_sink_flush(fixture.sink);
        assert_true(status == MUSTER_OK || status == MUSTER_NO_MEMORY);
        assert_int_equal(muster_sink_whole_bytes(fixture.sink), fixture.target.size);
        assert_true(fixture.target.size == 0 || fixture.target.bytes[fixture.target.size - 1] == '\n');
        assert_int_equal(muster_sink_delivered(fixture.sink) == 6, status == MUSTER_OK);
        fail_realloc = 0;
        if (status == MUSTER_NO_MEMORY)
            assert_int_equal(muster_sink_flush(fixture.sink), MUSTER_NO_MEMORY);
    }
    bool failed = fixture.sink == NULL || status != MUSTER_OK;
    fail_realloc = 0;
    fixture_close(&fixture);
    return failed;
}

static void test_memory_runs_out_at_every_growth(void **state)
{
    (void)state;
    enum { MORE_THAN_THERE_ARE = 40 };
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        unsigned failed = 0;
        for (unsigned nth = 1; nth < MORE_THAN_THERE_ARE; nth++)
            failed += run_out_of_memory(expectations[i].format, nth) ? 1 : 0;
        assert_true(failed >= 3);
        assert_false(run_out_of_memory(expectations[i].format, MORE_THAN_THERE_ARE));
    }
}

#endif

static void test_unknown_format(void **state)
{
    (void)state;
    struct muster_stream stream = fixture_stream();
    struct fixture_target target = fixture_target_make();
    struct muster_sink_options options = {
        .stream = &stream, .target = {fixture_write, &target}, .color = MUSTER_COLOR_NEVER};
    bool known = true;
    assert_null(muster_sink_create("xml", &options, &known));
    assert_false(known);
    muster_sink_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_at_every_byte),
        cmocka_unit_test(test_short_and_interrupted_writes),
        cmocka_unit_test(test_other_errors_end_it),
        cmocka_unit_test(test_a_target_that_takes_nothing),
        cmocka_unit_test(test_writes_without_flush),
        cmocka_unit_test(test_no_memory),
#ifdef CAN_FAIL_REALLOC
        cmocka_unit_test(test_memory_runs_out_at_every_growth),
#endif
        cmocka_unit_test(test_unknown_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
