/* SPDX-License-Identifier: Apache-2.0 */
/* NDJSON, word for word as contract.md has it; hostile text is in ndjson_hostile_test.c. */
#include "unit/sink_fixture.h"

#include "sinks/sink_internal.h"
#include "unit/json_checker.h"

#define ECS  "\"ecs\":{\"version\":\"8.11.0\"},\"event\":{"
#define FROM "\"provider\":\"ebpf\",\"module\":\"muster\",\"dataset\":\"muster.process\""
#define HOST                                                                                                           \
    "\"host\":{\"name\":\"web1\",\"id\":\"4d3c\",\"boot\":{\"id\":\"00010203-0405-0607-0809-0a0b0c0d0e0f\"},"          \
    "\"os\":{\"type\":\"linux\",\"kernel\":\"6.1.0\"}}"
#define AGENT "\"agent\":{\"type\":\"muster\",\"version\":\"0.1.0\",\"ephemeral_id\":\"0123456789abcdef\"}"
/* hashlib.blake2s(bytes(range(16)) + pid.to_bytes(4, "little") + ticks.to_bytes(8, "little"), digest_size=16) */
#define CHILD_ID  "acaf259be5e291c436af131444c5e88b"
#define PARENT_ID "0a59fd7b4490413c262c675ef631e652"
#define IDENTITY  "\"pid\":4242,\"entity_id\":\"" CHILD_ID "\",\"start\":\"2026-08-20T10:00:00.123456789Z\""
#define IDS                                                                                                            \
    "\"user\":{\"id\":\"0\"},\"real_user\":{\"id\":\"1000\"},\"group\":{\"id\":\"10\"},"                               \
    "\"real_group\":{\"id\":\"100\"},\"session_leader\":{\"pid\":4100}"
#define PARENT "\"pid\":4200,\"entity_id\":\"" PARENT_ID "\",\"start\":\"2026-08-20T09:58:25.000000000Z\""

static void assert_line(const struct muster_record *record, const char *expected)
{
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_ALWAYS);
    assert_string_equal(fixture_line(&fixture, record), expected);
    assert_true(checker_is_json_line(fixture.target.bytes, fixture.target.size));
    assert_int_equal(muster_sink_delivered(fixture.sink), muster_record_is_numbered(record) ? 1 : 0);
    fixture_close(&fixture);
}

static void test_start(void **state)
{
    (void)state;
    struct muster_process_start start = fixture_start();
    start.image_flags = MUSTER_IMAGE_DELETED | MUSTER_IMAGE_MEMFD;
    const struct muster_text texts[] = {
        FIXTURE_TEXT(MUSTER_FIELD_EXECUTABLE, "/usr/bin/bash"),
        FIXTURE_TEXT(MUSTER_FIELD_WORKING_DIRECTORY, "/root"),
        FIXTURE_TEXT(MUSTER_FIELD_ARGS, "bash\0-c\0id \"x\"\0"),
        FIXTURE_TEXT(MUSTER_FIELD_SCRIPT, "./run"),
        FIXTURE_TEXT(MUSTER_FIELD_THREAD_NAME, "bash"),
        FIXTURE_TEXT(MUSTER_FIELD_PARENT_EXECUTABLE, "/usr/sbin/sshd"),
    };
    assert_line(fixture_encode(&start.record, texts, 6),
                "{\"@timestamp\":\"2026-08-20T10:00:00.123999001Z\"," ECS
                "\"kind\":\"event\",\"category\":[\"process\"],\"type\":[\"start\"],\"action\":\"process-started\","
                "\"code\":\"1\",\"sequence\":4711," FROM "}," HOST ",\"process\":{" IDENTITY
                ",\"name\":\"bash\",\"executable\":\"/usr/bin/bash\",\"args\":[\"bash\",\"-c\",\"id \\\"x\\\"\"],"
                "\"args_count\":3,\"command_line\":\"bash -c id \\\"x\\\"\",\"working_directory\":\"/root\","
                "\"thread\":{\"id\":4242,\"name\":\"bash\"}," IDS ",\"parent\":{" PARENT
                ",\"executable\":\"/usr/sbin/sshd\",\"name\":\"sshd\"}},\"user\":{\"id\":\"0\"}," AGENT
                ",\"muster\":{\"image\":[\"deleted\",\"memfd\"],\"script\":\"./run\"}}\n");
}

static void test_running_is_a_state(void **state)
{
    (void)state;
    struct muster_process_start start = fixture_start();
    start.record.type = MUSTER_EVENT_PROCESS_RUNNING;
    start.record.sequence = 0;
    start.record.valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID);
    assert_line(fixture_encode(&start.record, NULL, 0),
                "{\"@timestamp\":\"2026-08-20T10:00:00.123999001Z\"," ECS
                "\"kind\":\"state\",\"category\":[\"process\"],\"type\":[\"info\"],\"action\":\"process-running\"," FROM
                "}," HOST ",\"process\":{\"pid\":4242}," AGENT "}\n");
}

static void test_fork(void **state)
{
    (void)state;
    struct muster_process_fork fork = {.process = fixture_process()};
    fork.record = fixture_start().record;
    fork.record.type = MUSTER_EVENT_PROCESS_FORK;
    fork.record.fixed_bytes = sizeof(fork);
    fork.record.valid = FIXTURE_PROCESS_FIELDS;
    fork.record.flags = MUSTER_RECORD_SYNTHETIC;
    assert_line(fixture_encode(&fork.record, NULL, 0),
                "{\"@timestamp\":\"2026-08-20T10:00:00.123999001Z\"," ECS
                "\"kind\":\"event\",\"category\":[\"process\"],\"type\":[\"start\"],\"action\":\"process-forked\"," FROM
                "}," HOST ",\"process\":{" IDENTITY ",\"thread\":{\"id\":4242}," IDS ",\"parent\":{" PARENT
                "}},\"user\":{\"id\":\"0\"}," AGENT ",\"muster\":{\"synthetic\":true}}\n");
}

/* No number, no end that anybody saw, and the two times between which it happened. */
static void test_concluded(void **state)
{
    (void)state;
    struct muster_process_exit exit = fixture_exit();
    exit.record.flags = MUSTER_RECORD_SYNTHETIC;
    exit.record.valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_WINDOW);
    exit.window_start_ns = FIXTURE_BASE;
    exit.window_end_ns = FIXTURE_BASE + 1;
    assert_line(fixture_encode(&exit.record, NULL, 0),
                "{\"@timestamp\":\"2026-08-20T10:00:01.357456789Z\"," ECS
                "\"kind\":\"event\",\"category\":[\"process\"],\"type\":[\"end\"],\"action\":\"process-exited\","
                "\"code\":\"5\"," FROM ",\"start\":\"2026-08-20T10:00:00.000000000Z\","
                "\"end\":\"2026-08-20T10:00:00.000000001Z\"}," HOST ",\"process\":{\"pid\":4242}," AGENT
                ",\"muster\":{\"synthetic\":true}}\n");
}

#define EXIT_BEGIN                                                                                                     \
    "{\"@timestamp\":\"2026-08-20T10:00:01.357456789Z\"," ECS                                                          \
    "\"kind\":\"event\",\"category\":[\"process\"],\"type\":[\"end\"],\"action\":\"process-exited\","                  \
    "\"code\":\"5\",\"sequence\":4712," FROM ",\"duration\":1234000000}," HOST ",\"process\":{" IDENTITY               \
    ",\"thread\":{\"id\":4242,\"name\":\"bash\"}," IDS
#define EXIT_END ",\"end\":\"2026-08-20T10:00:01.357456789Z\",\"parent\":{" PARENT "}},\"user\":{\"id\":\"0\"}," AGENT

static void test_exit(void **state)
{
    (void)state;
    struct muster_process_exit exit = fixture_exit();
    const struct muster_text name = FIXTURE_TEXT(MUSTER_FIELD_THREAD_NAME, "bash");
    assert_line(fixture_encode(&exit.record, &name, 1), EXIT_BEGIN ",\"exit_code\":3" EXIT_END "}\n");
    exit.exit_code = 3221225477U;
    assert_line(fixture_encode(&exit.record, &name, 1), EXIT_BEGIN ",\"exit_code\":3221225477" EXIT_END "}\n");
    exit.record.valid &= ~MUSTER_FIELD_BIT(MUSTER_FIELD_EXIT_CODE);
    assert_line(fixture_encode(&exit.record, &name, 1), EXIT_BEGIN EXIT_END "}\n");
    exit.record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_EXIT_SIGNAL) | MUSTER_FIELD_BIT(MUSTER_FIELD_CORE_DUMPED);
    exit.exit_signal = 11;
    exit.core_dumped = 1;
    assert_line(fixture_encode(&exit.record, &name, 1), EXIT_BEGIN
                ",\"exit_code\":139" EXIT_END ",\"muster\":{\"exit\":{\"signal\":11,\"core_dumped\":true}}}\n");
    exit.record.valid &= ~MUSTER_FIELD_BIT(MUSTER_FIELD_CORE_DUMPED);
    exit.exit_signal = 9;
    assert_line(fixture_encode(&exit.record, &name, 1),
                EXIT_BEGIN ",\"exit_code\":137" EXIT_END ",\"muster\":{\"exit\":{\"signal\":9}}}\n");
}

static void test_message(void **state)
{
    (void)state;
    struct muster_message message = fixture_message();
    const struct muster_text text =
        FIXTURE_TEXT(MUSTER_FIELD_MESSAGE, "a\tb\r\n\\\b\f\033\177\xc2\x85\xe2\x80\xae\xc3\xa9");
    assert_line(fixture_encode(&message.record, &text, 1),
                "{\"@timestamp\":\"2026-08-20T10:00:00.000000000Z\"," ECS
                "\"kind\":\"event\",\"category\":[\"process\"],\"type\":[\"info\"],\"action\":\"message\","
                "\"sequence\":9," FROM "}," HOST
                ",\"message\":\"a\\u0009b\\u000d\\u000a\\\\\\u0008\\u000c\\u001b\\u007f\\u0085\\u202e\xc3\xa9\"," AGENT
                "}\n");
}

#define GAP_BEGIN                                                                                                      \
    "{\"@timestamp\":\"2026-08-20T10:00:03.000000000Z\"," ECS                                                          \
    "\"kind\":\"event\",\"category\":[\"host\"],\"type\":[\"info\"],\"action\":\"events-lost\","                       \
    "\"code\":\"255\"," FROM ",\"start\":\"2026-08-20T10:00:01.123000000Z\","                                          \
    "\"end\":\"2026-08-20T10:00:02.456000000Z\",\"reason\":\""
#define GAP_MIDDLE "\"}," HOST ",\"error\":{\"code\":\"EVENTS_LOST\"}," AGENT ",\"muster\":{\"loss\":{\"count\":"

static void test_gap(void **state)
{
    (void)state;
    struct muster_gap gap = fixture_gap();
    assert_line(fixture_encode(&gap.record, NULL, 0),
                GAP_BEGIN "12 events (start 5, exit 7) lost in kernel_ring: ring_full 12" GAP_MIDDLE
                          "12,\"first_sequence\":100,\"last_sequence\":120,\"stage\":\"kernel_ring\","
                          "\"causes\":{\"ring_full\":12},\"types\":{\"start\":5,\"exit\":7}}}}\n");
}

static void test_gap_without_numbers(void **state)
{
    (void)state;
    struct muster_gap gap = fixture_gap();
    gap.record.valid = 0;
    gap.count = 1;
    gap.causes[MUSTER_CAUSE_RING_FULL] = 0;
    gap.causes[MUSTER_CAUSE_PROGRAM_MISSED] = 1;
    gap.types[0] = 0;
    gap.types[1] = 1;
    gap.first_sequence = 0;
    gap.last_sequence = 0;
    assert_line(fixture_encode(&gap.record, NULL, 0),
                GAP_BEGIN "1 event (exit 1) lost in kernel_ring: program_missed 1" GAP_MIDDLE
                          "1,\"stage\":\"kernel_ring\",\"causes\":{\"program_missed\":1},\"types\":{\"exit\":1}}}}\n");
}

/* A later version's cause is counted under a name of its own: left out, the sum would be wrong. */
static void test_gap_of_a_later_version(void **state)
{
    (void)state;
    struct muster_gap gap = fixture_gap();
    gap.stage = 77;
    gap.causes[MUSTER_CAUSE_RING_FULL] = 5;
    gap.causes[15] = 7;
    gap.types[1] = 0;
    gap.types[6] = 7;
    assert_line(fixture_encode(&gap.record, NULL, 0),
                GAP_BEGIN "12 events (start 5, type_7 7) lost: ring_full 5, cause_15 7" GAP_MIDDLE
                          "12,\"first_sequence\":100,\"last_sequence\":120,"
                          "\"causes\":{\"ring_full\":5,\"cause_15\":7},\"types\":{\"start\":5,\"type_7\":7}}}}\n");
}

#define STATUS_BEGIN "{\"@timestamp\":\"2026-08-20T10:00:00.000000000Z\"," ECS
#define LEDGER       ",\"muster\":{\"ledger\":{\"epoch\":\"0123456789abcdef\",\"produced\":"

static void test_status(void **state)
{
    (void)state;
    struct muster_sensor_status status = fixture_status(MUSTER_EVENT_STATUS);
    assert_line(fixture_encode(&status.record, NULL, 0), STATUS_BEGIN
                "\"kind\":\"metric\",\"category\":[\"host\"],\"type\":[\"info\"],\"action\":\"sensor-status\"," FROM
                "}," HOST "," AGENT LEDGER
                "1234,\"delivered\":1234,\"filtered\":0,\"held\":0,\"degraded\":0,\"dropped\":{}}}}\n");
}

static void test_started_and_stopped(void **state)
{
    (void)state;
    struct muster_sensor_status status = fixture_status(MUSTER_EVENT_SENSOR_STARTED);
    status.produced = status.delivered = 0;
    memset(status.types, 0, sizeof(status.types));
    assert_line(fixture_encode(&status.record, NULL, 0), STATUS_BEGIN
                "\"kind\":\"event\",\"category\":[\"host\"],\"type\":[\"info\"],\"action\":\"sensor-started\","
                "\"code\":\"4\"," FROM "}," HOST "," AGENT LEDGER
                "0,\"delivered\":0,\"filtered\":0,\"held\":0,\"degraded\":0,\"dropped\":{}}}}\n");
    status = fixture_status(MUSTER_EVENT_SENSOR_STOPPED);
    status.produced = 1249;
    status.filtered = 1;
    status.held = 2;
    status.degraded = 4;
    status.dropped[MUSTER_CAUSE_RING_FULL] = 10;
    status.dropped[MUSTER_CAUSE_UNEXPLAINED] = 2;
    assert_line(fixture_encode(&status.record, NULL, 0), STATUS_BEGIN
                "\"kind\":\"event\",\"category\":[\"host\"],\"type\":[\"info\"],\"action\":\"sensor-stopped\","
                "\"code\":\"4\"," FROM "}," HOST "," AGENT LEDGER
                "1249,\"delivered\":1234,\"filtered\":1,\"held\":2,\"degraded\":4,"
                "\"dropped\":{\"ring_full\":10,\"unexplained\":2}}}}\n");
}

/* ---- what is not known is absent ------------------------------------------------------------------ */

static void test_nothing_known(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture.stream = (struct muster_stream){.version = NULL};
    fixture.target = fixture_target_make();
    struct muster_sink_options options = {
        .stream = &fixture.stream, .target = {fixture_write, &fixture.target}, .color = MUSTER_COLOR_NEVER};
    fixture.sink = muster_sink_ndjson_create(&options);
    struct muster_record bare = {.type = MUSTER_EVENT_PROCESS_START, .fixed_bytes = sizeof(bare)};
    assert_string_equal(fixture_line(&fixture, fixture_encode(&bare, NULL, 0)),
                        "{\"@timestamp\":\"1970-01-01T00:00:00.000000000Z\"," ECS
                        "\"kind\":\"event\",\"category\":[\"process\"],\"type\":[\"start\"],"
                        "\"action\":\"process-started\",\"code\":\"1\",\"module\":\"muster\","
                        "\"dataset\":\"muster.process\"},\"agent\":{\"type\":\"muster\","
                        "\"ephemeral_id\":\"0000000000000000\"}}\n");
    fixture_close(&fixture);
}

static bool has_path(const struct fixture_sink *fixture, const char *path)
{
    struct checker value;
    return checker_find(fixture->target.bytes, fixture->target.size, path, &value);
}

static void assert_value(const struct fixture_sink *fixture, const char *path, const char *expected)
{
    struct checker value;
    assert_true(checker_find(fixture->target.bytes, fixture->target.size, path, &value));
    struct checker end = value;
    assert_true(checker_value(&end, 0));
    assert_int_equal(end.at - value.at, strlen(expected));
    assert_memory_equal(value.at, expected, strlen(expected));
}

/* One field after the other is not there, and nothing else changes but what is made of it. */
static void test_each_field_absent(void **state)
{
    (void)state;
    static const struct {
        enum muster_field field;
        const char *paths[4];
    } fields[] = {
        {MUSTER_FIELD_PID, {"process/pid", "process/entity_id"}},
        {MUSTER_FIELD_TID, {"process/thread"}},
        {MUSTER_FIELD_START, {"process/start", "process/entity_id"}},
        {MUSTER_FIELD_PARENT_PID, {"process/parent/pid", "process/parent/entity_id"}},
        {MUSTER_FIELD_PARENT_START, {"process/parent/start", "process/parent/entity_id"}},
        {MUSTER_FIELD_SESSION, {"process/session_leader"}},
        {MUSTER_FIELD_USER, {"process/user", "user"}},
        {MUSTER_FIELD_GROUP, {"process/group"}},
        {MUSTER_FIELD_REAL_USER, {"process/real_user"}},
        {MUSTER_FIELD_REAL_GROUP, {"process/real_group"}},
        {MUSTER_FIELD_EXIT_CODE, {"process/exit_code"}},
        {MUSTER_FIELD_RUN_TIME, {"event/duration"}},
    };
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    for (size_t without = 0; without < sizeof(fields) / sizeof(fields[0]); without++) {
        struct muster_process_exit exit = fixture_exit();
        exit.record.valid &= ~MUSTER_FIELD_BIT(fields[without].field);
        (void)fixture_line(&fixture, fixture_encode(&exit.record, NULL, 0));
        assert_true(checker_is_json_line(fixture.target.bytes, fixture.target.size));
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
            for (size_t path = 0; path < 4 && fields[i].paths[path] != NULL; path++) {
                bool gone = false;
                for (size_t other = 0; other < 4 && fields[without].paths[other] != NULL; other++)
                    gone = gone || strcmp(fields[i].paths[path], fields[without].paths[other]) == 0;
                assert_int_equal(has_path(&fixture, fields[i].paths[path]), !gone);
            }
        }
        assert_false(has_path(&fixture, "muster"));
    }
    fixture_close(&fixture);
}

static void test_parent_zero_is_a_value(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    struct muster_process_start start = fixture_start();
    start.process.parent_pid = 0;
    start.record.valid &= ~MUSTER_FIELD_BIT(MUSTER_FIELD_PARENT_START);
    (void)fixture_line(&fixture, fixture_encode(&start.record, NULL, 0));
    assert_value(&fixture, "process/parent", "{\"pid\":0}");
    fixture_close(&fixture);
}

static void test_unavailable(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    struct muster_process_start start = fixture_start();
    start.record.valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID);
    start.record.unavailable = MUSTER_FIELD_BIT(MUSTER_FIELD_START) | MUSTER_FIELD_BIT(MUSTER_FIELD_IMAGE_FLAGS) |
                               MUSTER_FIELD_BIT(MUSTER_FIELD_EXECUTABLE) | MUSTER_FIELD_BIT(MUSTER_FIELD_SCRIPT);
    start.record.flags = MUSTER_RECORD_SKELETON;
    (void)fixture_line(&fixture, fixture_encode(&start.record, NULL, 0));
    assert_value(&fixture, "muster",
                 "{\"skeleton\":true,\"unavailable\":[\"process.start\",\"muster.image\",\"process.executable\","
                 "\"muster.script\"]}");
    fixture_close(&fixture);
}

/* The offset of the clock may change between two records. */
static void test_clock_offset(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    struct muster_message message = fixture_message();
    (void)fixture_line(&fixture, fixture_encode(&message.record, NULL, 0));
    assert_value(&fixture, "@timestamp", "\"2026-08-20T10:00:00.000000000Z\"");
    fixture.stream.clock_offset_ns -= 36000000000001LL;
    (void)fixture_line(&fixture, fixture_encode(&message.record, NULL, 0));
    assert_value(&fixture, "@timestamp", "\"2026-08-19T23:59:59.999999999Z\"");
    fixture_close(&fixture);
}

/* ---- arguments and cut texts ------------------------------------------------------------------------ */

static void args_line(struct fixture_sink *fixture, struct muster_text text)
{
    struct muster_process_start start = fixture_start();
    (void)fixture_line(fixture, fixture_encode(&start.record, &text, 1));
    assert_true(checker_is_json_line(fixture->target.bytes, fixture->target.size));
}

static void test_arguments(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    args_line(&fixture, FIXTURE_TEXT(MUSTER_FIELD_ARGS, "a\0\0b c"));
    assert_value(&fixture, "process/args", "[\"a\",\"\",\"b c\"]");
    assert_value(&fixture, "process/command_line", "\"a  b c\"");
    args_line(&fixture, FIXTURE_TEXT(MUSTER_FIELD_ARGS, "\0"));
    assert_value(&fixture, "process/args", "[\"\"]");
    assert_value(&fixture, "process/command_line", "\"\"");
    args_line(&fixture, FIXTURE_TEXT(MUSTER_FIELD_ARGS, ""));
    assert_value(&fixture, "process/args", "[]");
    assert_false(has_path(&fixture, "process/command_line"));
    assert_false(has_path(&fixture, "muster"));
    fixture_close(&fixture);
}

static void test_cut_arguments(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    args_line(&fixture, fixture_cut(MUSTER_FIELD_ARGS, "sh\0-c\0lonongg\0x\0", 16, 9, 70000));
    assert_value(&fixture, "process/args", "[\"sh\",\"-c\",\"x\"]");
    assert_value(&fixture, "process/command_line", "\"sh -c x\"");
    assert_value(&fixture, "process/args_count", "3");
    assert_value(&fixture, "muster/truncated", "{\"process.args\":70000}");
    /* What belongs to no whole argument is not thrown away. */
    assert_value(&fixture, "muster/raw", "{\"process.args_b64\":\"c2gALWMAbG9ub25nZwB4AA==\"}");
    args_line(&fixture, fixture_cut(MUSTER_FIELD_ARGS, "abcdef", 6, 3, 70000));
    assert_false(has_path(&fixture, "process/args"));
    assert_false(has_path(&fixture, "process/command_line"));
    assert_value(&fixture, "muster/raw", "{\"process.args_b64\":\"YWJjZGVm\"}");
    fixture_close(&fixture);
}

static void test_cut_paths(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    struct muster_process_start start = fixture_start();
    const struct muster_text texts[] = {
        fixture_cut(MUSTER_FIELD_EXECUTABLE, "/headl/id", 9, 5, 9000),
        fixture_cut(MUSTER_FIELD_WORKING_DIRECTORY, "ail/end", 7, 0, 9001),
        fixture_cut(MUSTER_FIELD_SCRIPT, "/a/b", 4, 4, 9002),
    };
    (void)fixture_line(&fixture, fixture_encode(&start.record, texts, 3));
    assert_value(&fixture, "process/executable", "\"/head\"");
    assert_value(&fixture, "process/name", "\"id\"");
    assert_value(&fixture, "process/working_directory", "\"ail/end\"");
    assert_value(&fixture, "muster/script", "\"/a/b\"");
    assert_value(&fixture, "muster/truncated",
                 "{\"process.executable\":9000,\"process.working_directory\":9001,\"muster.script\":9002}");
    assert_value(&fixture, "muster/raw", "{\"process.executable_b64\":\"L2hlYWRsL2lk\"}");
    fixture_close(&fixture);
}

static void test_invalid_text_keeps_its_bytes(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    struct muster_process_start start = fixture_start();
    const struct muster_text texts[] = {
        FIXTURE_TEXT(MUSTER_FIELD_EXECUTABLE, "/x\xff"),
        FIXTURE_TEXT(MUSTER_FIELD_ARGS, "\xff\0ok\0"),
        FIXTURE_TEXT(MUSTER_FIELD_SCRIPT, "\xf0\x9f\x98"),
    };
    (void)fixture_line(&fixture, fixture_encode(&start.record, texts, 3));
    assert_value(&fixture, "process/name", "\"x\xef\xbf\xbd\"");
    assert_value(&fixture, "process/args", "[\"\xef\xbf\xbd\",\"ok\"]");
    assert_value(&fixture, "muster/script", "\"\xef\xbf\xbd\"");
    assert_value(&fixture, "muster/raw",
                 "{\"process.executable_b64\":\"L3j/\",\"process.args_b64\":\"/wBvawA=\","
                 "\"muster.script_b64\":\"8J+Y\"}");
    fixture_close(&fixture);
}

static void test_wtf8(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    struct muster_message message = fixture_message();
    const struct muster_text text = FIXTURE_TEXT(MUSTER_FIELD_MESSAGE, "a\xed\xa0\xbd"
                                                                       "b");
    (void)fixture_line(&fixture, fixture_encode(&message.record, &text, 1));
    assert_value(&fixture, "message",
                 "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                 "b\"");
    message.record.flags = MUSTER_RECORD_WTF8;
    (void)fixture_line(&fixture, fixture_encode(&message.record, &text, 1));
    assert_value(&fixture, "message",
                 "\"a\xef\xbf\xbd"
                 "b\"");
    assert_value(&fixture, "muster/raw", "{\"message_b64\":\"Ye2gvWI=\"}");
    fixture_close(&fixture);
}

/* ---- size ---------------------------------------------------------------------------------------------- */

static void test_largest_record(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    static char
        bytes[MUSTER_RECORD_MAX_BYTES - sizeof(struct muster_process_start) - sizeof(struct muster_text_header)];
    static const unsigned char fillings[] = {0x01, 0x00, 0xff, 0x7f, '"', 'x'};
    for (size_t i = 0; i < sizeof(fillings); i++) {
        memset(bytes, fillings[i], sizeof(bytes));
        args_line(&fixture, fixture_text(MUSTER_FIELD_ARGS, bytes, sizeof(bytes)));
        assert_true(fixture.sink->output.buffer.capacity_bytes <= OUTPUT_KEPT_BYTES);
        assert_int_equal(has_path(&fixture, "muster/raw"), fillings[i] == 0xff);
    }
    assert_int_equal(muster_sink_delivered(fixture.sink), sizeof(fillings));
    fixture_close(&fixture);
}

/* Safe text of every length at every place of a word, with one byte that is not safe at every place. */
static void test_every_place_in_a_word(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    struct muster_message message = fixture_message();
    static const char special[] = {'"', '\\', 0x1f, 0x7f, 0, ' ', '!', '#', '[', ']', '~', (char)0x80};
    for (size_t size = 1; size <= 20; size++) {
        for (size_t at = 0; at < size; at++) {
            for (size_t i = 0; i < sizeof(special); i++) {
                char bytes[20];
                memset(bytes, 'x', sizeof(bytes));
                bytes[at] = special[i];
                struct muster_text text = fixture_text(MUSTER_FIELD_MESSAGE, bytes, size);
                (void)fixture_line(&fixture, fixture_encode(&message.record, &text, 1));
                assert_true(checker_is_json_line(fixture.target.bytes, fixture.target.size));
                size_t shown_size = 0;
                char *shown = checker_find_string(fixture.target.bytes, fixture.target.size, "message", &shown_size);
                assert_non_null(shown);
                if (special[i] != (char)0x80) {
                    assert_int_equal(shown_size, size);
                    assert_memory_equal(shown, bytes, size);
                }
                free(shown);
            }
        }
    }
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_running_is_a_state),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_concluded),
        cmocka_unit_test(test_exit),
        cmocka_unit_test(test_message),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_gap_without_numbers),
        cmocka_unit_test(test_gap_of_a_later_version),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_started_and_stopped),
        cmocka_unit_test(test_nothing_known),
        cmocka_unit_test(test_each_field_absent),
        cmocka_unit_test(test_parent_zero_is_a_value),
        cmocka_unit_test(test_unavailable),
        cmocka_unit_test(test_clock_offset),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_cut_arguments),
        cmocka_unit_test(test_cut_paths),
        cmocka_unit_test(test_invalid_text_keeps_its_bytes),
        cmocka_unit_test(test_wtf8),
        cmocka_unit_test(test_largest_record),
        cmocka_unit_test(test_every_place_in_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
