/* SPDX-License-Identifier: Apache-2.0 */
/* driver-messages: what serde_json writes for the two structs of the question, one line a batch. */
#include "unit/sink_fixture.h"

#include "unit/json_checker.h"

static void give(struct fixture_sink *fixture, const struct muster_record *record)
{
    assert_int_equal(muster_sink_write(fixture->sink, record), MUSTER_OK);
}

static void assert_batch(struct fixture_sink *fixture, const char *expected)
{
    size_t begin = fixture->target.size;
    assert_int_equal(muster_sink_flush(fixture->sink), MUSTER_OK);
    assert_int_equal(fixture->target.size - begin, strlen(expected));
    assert_memory_equal(fixture->target.bytes + begin, expected, strlen(expected));
    assert_true(checker_is_json_line(fixture->target.bytes + begin, fixture->target.size - begin));
}

static void give_start(struct fixture_sink *fixture, uint32_t parent_pid)
{
    struct muster_process_start start = fixture_start();
    start.process.parent_pid = parent_pid;
    const struct muster_text texts[] = {
        FIXTURE_TEXT(MUSTER_FIELD_EXECUTABLE, "/usr/bin/id"),
        FIXTURE_TEXT(MUSTER_FIELD_ARGS, "id\0\0-u\0"),
    };
    give(fixture, fixture_encode(&start.record, texts, 2));
}

static void give_message(struct fixture_sink *fixture, struct muster_text text)
{
    struct muster_message message = fixture_message();
    give(fixture, fixture_encode(&message.record, &text, 1));
}

static void test_one_batch(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "driver-messages", MUSTER_COLOR_ALWAYS);
    give_start(&fixture, 0x4d2);
    give_message(&fixture, FIXTURE_TEXT(MUSTER_FIELD_MESSAGE, "one"));
    give_start(&fixture, 0xabcdef12);
    give_message(&fixture, FIXTURE_TEXT(MUSTER_FIELD_MESSAGE, ""));
    assert_int_equal(muster_sink_delivered(fixture.sink), 0);
    assert_batch(&fixture,
                 "{\"messages\":[\"one\",\"\"],\"process_creations\":["
                 "{\"image_name\":\"/usr/bin/id\",\"command_line\":\"id  -u\",\"parent_pid\":\"0x4d2\"},"
                 "{\"image_name\":\"/usr/bin/id\",\"command_line\":\"id  -u\",\"parent_pid\":\"0xabcdef12\"}]}\n");
    assert_int_equal(muster_sink_delivered(fixture.sink), 4);
    assert_int_equal(muster_sink_whole_bytes(fixture.sink), fixture.target.size);
    fixture_close(&fixture);
}

static void test_absent_fields(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "driver-messages", MUSTER_COLOR_NEVER);
    struct muster_record bare = {.type = MUSTER_EVENT_PROCESS_START, .sequence = 1, .fixed_bytes = sizeof(bare)};
    give(&fixture, fixture_encode(&bare, NULL, 0));
    assert_batch(&fixture, "{\"messages\":[],\"process_creations\":["
                           "{\"image_name\":\"\",\"command_line\":\"\",\"parent_pid\":\"0x0\"}]}\n");
    fixture_close(&fixture);
}

static void test_gaps_are_messages(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "driver-messages", MUSTER_COLOR_NEVER);
    struct muster_gap gap = fixture_gap();
    give(&fixture, fixture_encode(&gap.record, NULL, 0));
    assert_batch(&fixture, "{\"messages\":[\"12 events (start 5, exit 7) lost in kernel_ring: ring_full 12; "
                           "sequence 100 to 120\"],\"process_creations\":[]}\n");
    fixture_close(&fixture);
}

/* The question's structs have no place for these, so they leave no trace and count all the same. */
static void test_other_events_leave_no_trace(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "driver-messages", MUSTER_COLOR_NEVER);
    struct muster_process_start running = fixture_start();
    running.record.type = MUSTER_EVENT_PROCESS_RUNNING;
    running.record.sequence = 0;
    struct muster_process_exit exit = fixture_exit();
    struct muster_sensor_status status = fixture_status(MUSTER_EVENT_STATUS);
    struct muster_process_fork fork = {.record = fixture_exit().record, .process = fixture_process()};
    fork.record.type = MUSTER_EVENT_PROCESS_FORK;
    fork.record.fixed_bytes = sizeof(fork);
    fork.record.valid = FIXTURE_PROCESS_FIELDS;
    for (unsigned batch = 1; batch <= 2; batch++) {
        give(&fixture, fixture_encode(&running.record, NULL, 0));
        give(&fixture, fixture_encode(&exit.record, NULL, 0));
        give(&fixture, fixture_encode(&status.record, NULL, 0));
        give(&fixture, fixture_encode(&fork.record, NULL, 0));
        assert_int_equal(muster_sink_flush(fixture.sink), MUSTER_OK);
        assert_int_equal(fixture.target.calls, 0);
        assert_int_equal(muster_sink_delivered(fixture.sink), 2 * batch);
    }
    assert_int_equal(muster_sink_flush(fixture.sink), MUSTER_OK);
    assert_int_equal(fixture.target.calls, 0);
    fixture_close(&fixture);
}

static void test_escapes(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "driver-messages", MUSTER_COLOR_NEVER);
    give_message(&fixture, FIXTURE_TEXT(MUSTER_FIELD_MESSAGE, "\"\\/\b\f\n\r\t\001\037\177\xff\xe2\x80\xa8\xc3\xa9"));
    assert_batch(&fixture,
                 "{\"messages\":[\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\xef\xbf\xbd\\u2028\xc3\xa9\"],"
                 "\"process_creations\":[]}\n");
    fixture_close(&fixture);
}

static void test_cut_texts(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "driver-messages", MUSTER_COLOR_NEVER);
    struct muster_process_start start = fixture_start();
    start.process.parent_pid = 1;
    const struct muster_text texts[] = {
        fixture_cut(MUSTER_FIELD_EXECUTABLE, "/headtail", 9, 5, 9000),
        fixture_cut(MUSTER_FIELD_ARGS, "a\0bcd\0e\0", 8, 3, 9000),
    };
    give(&fixture, fixture_encode(&start.record, texts, 2));
    give_message(&fixture, fixture_cut(MUSTER_FIELD_MESSAGE, "tail", 4, 0, 9000));
    assert_batch(&fixture, "{\"messages\":[\"tail\"],\"process_creations\":["
                           "{\"image_name\":\"/head\",\"command_line\":\"a e\",\"parent_pid\":\"0x1\"}]}\n");
    fixture_close(&fixture);
}

static void test_batch_larger_than_the_output(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "driver-messages", MUSTER_COLOR_NEVER);
    for (unsigned i = 0; i < 20000; i++)
        give_start(&fixture, i);
    assert_int_equal(fixture.target.size, 0);
    assert_int_equal(muster_sink_flush(fixture.sink), MUSTER_OK);
    assert_true(checker_is_json_line(fixture.target.bytes, fixture.target.size));
    assert_int_equal(muster_sink_delivered(fixture.sink), 20000);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_batch),
        cmocka_unit_test(test_absent_fields),
        cmocka_unit_test(test_gaps_are_messages),
        cmocka_unit_test(test_other_events_leave_no_trace),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_cut_texts),
        cmocka_unit_test(test_batch_larger_than_the_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
