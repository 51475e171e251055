/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capture sink: what it counts as delivered is what stands in whole frames, wherever the output fails; and what was
 * written is read back, by the reader of muster/capture_file.h, as the records that were given. That reader is checked
 * against another one in tests/capture/.
 */
#include "unit/sink_fixture.h"

#include "muster/capture_file.h"

/* ---- reading back ----------------------------------------------------------------------------------- */

struct read_back {
    const char *bytes;
    size_t left;
    uint64_t numbered_count;
    uint64_t record_count;
    uint64_t damage_count;
    uint64_t end_count;
    bool whole;
};

static long read_bytes(void *context, char *bytes, size_t size)
{
    struct read_back *back = context;

    if (size > back->left)
        size = back->left;
    if (size == 0)
        return 0;
    memcpy(bytes, back->bytes, size);
    back->bytes += size;
    back->left -= size;
    return (long)size;
}

static void count_part(struct read_back *back, const struct muster_capture_part *part)
{
    const struct muster_record *record;
    size_t cursor = 0;

    if (part->kind == MUSTER_CAPTURE_PART_RECORDS)
        while ((record = muster_capture_next_record(part, &cursor)) != NULL) {
            back->record_count++;
            back->numbered_count += muster_record_is_numbered(record);
        }
    back->damage_count += part->kind == MUSTER_CAPTURE_PART_DAMAGE;
    back->end_count += part->kind == MUSTER_CAPTURE_PART_END;
    if (part->kind == MUSTER_CAPTURE_PART_END)
        back->whole = part->whole;
}

static struct read_back read_back(const char *bytes, size_t size)
{
    struct read_back back = {.bytes = bytes, .left = size};
    struct muster_capture_source source = {.read = read_bytes, .context = &back};
    struct muster_capture_reader *reader = muster_capture_reader_create(&source);
    struct muster_capture_part part;

    assert_non_null(reader);
    while (muster_capture_read(reader, &part) == MUSTER_OK)
        count_part(&back, &part);
    assert_int_equal(muster_capture_read(reader, &part), MUSTER_EMPTY);
    muster_capture_reader_destroy(reader);
    return back;
}

/* ---- writing ------------------------------------------------------------------------------------------ */

/* Two batches, a clock that is set without a flush, and the end: 7 numbered records. */
static enum muster_status script(struct fixture_sink *fixture)
{
    struct muster_sensor_status started = fixture_status(MUSTER_EVENT_SENSOR_STARTED);
    struct muster_sensor_status stopped = fixture_status(MUSTER_EVENT_SENSOR_STOPPED);
    struct muster_message message = fixture_message();
    enum muster_status status;

    status = muster_sink_write(fixture->sink, fixture_encode(&started.record, NULL, 0));
    for (unsigned i = 0; i < 7 && status == MUSTER_OK; i++) {
        message.record.sequence = i + 1;
        if (i == 5)
            fixture->stream.clock_offset_ns++;
        status = muster_sink_write(fixture->sink, fixture_encode(&message.record, NULL, 0));
        if (i == 2 && status == MUSTER_OK)
            status = muster_sink_flush(fixture->sink);
    }
    if (status == MUSTER_OK)
        status = muster_sink_write(fixture->sink, fixture_encode(&stopped.record, NULL, 0));
    return status == MUSTER_OK ? muster_sink_flush(fixture->sink) : status;
}

static void test_what_was_written_is_read(void **state)
{
    (void)state;
    struct fixture_sink fixture;

    fixture_open(&fixture, "capture", MUSTER_COLOR_NEVER);
    assert_int_equal(script(&fixture), MUSTER_OK);
    struct read_back back = read_back(fixture.target.bytes, fixture.target.size);
    assert_true(back.whole);
    assert_int_equal(back.record_count, 9);
    assert_int_equal(back.numbered_count, 7);
    assert_int_equal(back.damage_count, 0);
    assert_int_equal(back.end_count, 1);
    assert_int_equal(muster_sink_delivered(fixture.sink), 7);
    assert_int_equal(muster_sink_whole_bytes(fixture.sink), fixture.target.size);
    fixture_close(&fixture);
}

/* At every byte: delivered is what can be read, and up to whole_bytes nothing is damaged. */
static void test_full_at_every_byte(void **state)
{
    (void)state;
    struct fixture_sink fixture;

    fixture_open(&fixture, "capture", MUSTER_COLOR_NEVER);
    assert_int_equal(script(&fixture), MUSTER_OK);
    size_t size = fixture.target.size;
    fixture_close(&fixture);
    for (size_t room = 0; room < size; room += FIXTURE_IS_SANITIZED ? 11 : 1) {
        fixture_open(&fixture, "capture", MUSTER_COLOR_NEVER);
        fixture.target.room = room;
        assert_int_equal(script(&fixture), MUSTER_OUTPUT_FAILED);
        size_t whole_bytes = muster_sink_whole_bytes(fixture.sink);
        assert_in_range(whole_bytes, 0, room);
        struct read_back back = read_back(fixture.target.bytes, whole_bytes);
        assert_int_equal(back.numbered_count, muster_sink_delivered(fixture.sink));
        assert_int_equal(back.damage_count, back.end_count); /* cut, once it has begun, and nothing else */
        assert_int_equal(read_back(fixture.target.bytes, fixture.target.size).numbered_count, back.numbered_count);
        fixture_close(&fixture);
    }
}

/* Frames are closed when they are full, and the buffer is written between them. */
static void test_many_and_large_records(void **state)
{
    (void)state;
    static char bytes[200 * 1024];
    struct muster_process_start start = fixture_start();
    struct fixture_sink fixture;
    uint64_t count = 0;

    fixture_open(&fixture, "capture", MUSTER_COLOR_NEVER);
    for (size_t size = 0; size < sizeof(bytes); size += size < 40000 ? 97 : 9973) {
        struct muster_text text = fixture_text(MUSTER_FIELD_ARGS, bytes, size);
        start.record.sequence = ++count;
        assert_int_equal(muster_sink_write(fixture.sink, fixture_encode(&start.record, &text, 1)), MUSTER_OK);
    }
    assert_in_range(muster_sink_delivered(fixture.sink), 1, count);
    assert_int_equal(muster_sink_flush(fixture.sink), MUSTER_OK);
    assert_int_equal(muster_sink_delivered(fixture.sink), count);
    struct read_back back = read_back(fixture.target.bytes, fixture.target.size);
    assert_int_equal(back.numbered_count, count);
    assert_int_equal(back.damage_count, 1); /* no end */
    assert_false(back.whole);
    fixture_close(&fixture);
}

static void test_nothing_behind_the_end(void **state)
{
    (void)state;
    struct muster_message message = fixture_message();
    struct fixture_sink fixture;

    fixture_open(&fixture, "capture", MUSTER_COLOR_NEVER);
    assert_int_equal(script(&fixture), MUSTER_OK);
    size_t size = fixture.target.size;
    assert_int_equal(muster_sink_write(fixture.sink, fixture_encode(&message.record, NULL, 0)), MUSTER_OK);
    assert_int_equal(muster_sink_flush(fixture.sink), MUSTER_OK);
    assert_int_equal(fixture.target.size, size);
    fixture_close(&fixture);
}

/* Without a name of its own a capture is named by its beginning: the same again, and another where that differs. */
static void test_names(void **state)
{
    (void)state;
    uint64_t names[3];

    for (unsigned i = 0; i < 3; i++) {
        struct fixture_sink fixture;
        fixture_open(&fixture, "capture", MUSTER_COLOR_NEVER);
        fixture.stream.clock_offset_ns += i == 2;
        assert_int_equal(script(&fixture), MUSTER_OK);
        memcpy(&names[i], fixture.target.bytes + offsetof(struct muster_capture_frame, capture), sizeof(names[i]));
        fixture_close(&fixture);
    }
    assert_int_equal(names[0], names[1]);
    assert_int_not_equal(names[0], names[2]);
}

/* ---- a source that fails ---------------------------------------------------------------------------- */

static long read_fails(void *context, char *bytes, size_t size)
{
    struct read_back *back = context;

    if (back->left > 0)
        return read_bytes(context, bytes, size);
    errno = EISDIR;
    return -1;
}

static void test_a_source_that_fails(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    unsigned damages = 0, ends = 0;

    fixture_open(&fixture, "capture", MUSTER_COLOR_NEVER);
    assert_int_equal(script(&fixture), MUSTER_OK);
    struct read_back back = {.bytes = fixture.target.bytes, .left = fixture.target.size - 1000};
    struct muster_capture_source source = {.read = read_fails, .context = &back};
    struct muster_capture_reader *reader = muster_capture_reader_create(&source);
    struct muster_capture_part part;
    enum muster_status status;
    while ((status = muster_capture_read(reader, &part)) == MUSTER_OK) {
        damages += part.kind == MUSTER_CAPTURE_PART_DAMAGE;
        ends += part.kind == MUSTER_CAPTURE_PART_END;
    }
    assert_int_equal(status, MUSTER_INPUT_FAILED);
    assert_int_equal(errno, EISDIR);
    assert_int_equal(ends, 1);
    assert_in_range(damages, 1, 2);
    muster_capture_reader_destroy(reader);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_full_at_every_byte),
        cmocka_unit_test(test_many_and_large_records),
        cmocka_unit_test(test_nothing_behind_the_end),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_a_source_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
