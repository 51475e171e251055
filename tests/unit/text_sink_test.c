/* SPDX-License-Identifier: Apache-2.0 */
/* The text sink: its lines, column by column. Hostile text is in sink_hostile_test.c. */
#include "unit/sink_fixture.h"

#include <time.h>

#include "unit/json_checker.h"

#define HEADER "TIME         EVENT       PID    PPID PARENT          USER     COMMAND\n"

/* The lines of one record in both palettes; `colored` NULL where they are the same. */
static void assert_lines(const struct muster_record *record, const char *plain, const char *colored)
{
    for (int color = 0; color < 2; color++) {
        struct fixture_sink fixture;
        fixture_open(&fixture, "text", (enum muster_color)color);
        assert_int_equal(muster_sink_flush(fixture.sink), MUSTER_OK);
        assert_int_equal(fixture.target.size, strlen(HEADER));
        assert_memory_equal(fixture.target.bytes, HEADER, strlen(HEADER));
        assert_string_equal(fixture_line(&fixture, record), color == 1 && colored != NULL ? colored : plain);
        fixture_close(&fixture);
    }
}

static void test_start(void **state)
{
    (void)state;
    struct muster_process_start start = fixture_start();
    const struct muster_text texts[] = {
        FIXTURE_TEXT(MUSTER_FIELD_EXECUTABLE, "/usr/bin/bash"),
        FIXTURE_TEXT(MUSTER_FIELD_ARGS, "bash\0-c\0id -u\0"),
        FIXTURE_TEXT(MUSTER_FIELD_PARENT_EXECUTABLE, "/usr/sbin/sshd"),
    };
    assert_lines(fixture_encode(&start.record, texts, 3),
                 "10:00:00.123 start      4242    4200 sshd            root     bash -c 'id -u'\n",
                 "10:00:00.123 \033[32mstart\033[0m      4242    4200 sshd            root     bash -c 'id -u'\n");
    start.image_flags = MUSTER_IMAGE_DELETED;
    start.record.type = MUSTER_EVENT_PROCESS_RUNNING;
    assert_lines(fixture_encode(&start.record, texts, 1),
                 "10:00:00.123 running    4242    4200                 root     /usr/bin/bash [deleted]\n", NULL);
    start.image_flags = MUSTER_IMAGE_SETUID | MUSTER_IMAGE_SETGID | MUSTER_IMAGE_OPENED_NAME;
    assert_lines(fixture_encode(&start.record, texts, 1),
                 "10:00:00.123 running    4242    4200                 root     /usr/bin/bash [setuid] [setgid]\n",
                 NULL);
    start.image_flags = MUSTER_IMAGE_DELETED | MUSTER_IMAGE_SETGID;
    assert_lines(fixture_encode(&start.record, texts, 1),
                 "10:00:00.123 running    4242    4200                 root     /usr/bin/bash [deleted] [setgid]\n",
                 NULL);
    start.image_flags = MUSTER_IMAGE_DELETED | MUSTER_IMAGE_MEMFD;
    start.process.user_id = 1234567;
    start.process.pid = 4194304;
    start.record.flags = MUSTER_RECORD_SKELETON;
    assert_lines(fixture_encode(&start.record, NULL, 0),
                 "10:00:00.123 running 4194304    4200                 1234567   [memfd] [degraded: no room for its "
                 "texts]\n",
                 NULL);
}

static void test_fork(void **state)
{
    (void)state;
    struct muster_process_fork fork = {.record = fixture_start().record, .process = fixture_process()};
    fork.record.type = MUSTER_EVENT_PROCESS_FORK;
    fork.record.fixed_bytes = sizeof(fork);
    fork.record.valid = FIXTURE_PROCESS_FIELDS & ~MUSTER_FIELD_BIT(MUSTER_FIELD_USER);
    fork.record.flags = MUSTER_RECORD_SYNTHETIC;
    const struct muster_text name = FIXTURE_TEXT(MUSTER_FIELD_THREAD_NAME, "my name");
    assert_lines(fixture_encode(&fork.record, &name, 1),
                 "10:00:00.123 fork       4242    4200                          'my name' [concluded, not seen]\n",
                 NULL);
}

static void test_nothing_known(void **state)
{
    (void)state;
    struct muster_record bare = {
        .type = MUSTER_EVENT_PROCESS_START, .fixed_bytes = sizeof(bare), .time_ns = FIXTURE_BASE};
    assert_lines(fixture_encode(&bare, NULL, 0), "10:00:00.000 start                                            \n",
                 "10:00:00.000 \033[32mstart\033[0m                                            \n");
}

static void test_columns_are_kept(void **state)
{
    (void)state;
    struct muster_process_start start = fixture_start();
    start.process.user_id = 1001;
    const struct muster_text texts[] = {
        FIXTURE_TEXT(MUSTER_FIELD_ARGS, "x\0"),
        FIXTURE_TEXT(MUSTER_FIELD_PARENT_EXECUTABLE, "/a/name-of-16-chars"),
    };
    assert_lines(fixture_encode(&start.record, texts, 2),
                 "10:00:00.123 start      4242    4200 name-of-16-cha+ a-long-+ x\n",
                 "10:00:00.123 \033[32mstart\033[0m      4242    4200 name-of-16-cha+ a-long-+ x\n");
    start.process.user_id = 1002;
    const struct muster_text escapes[] = {
        FIXTURE_TEXT(MUSTER_FIELD_ARGS, "x\0"),
        FIXTURE_TEXT(MUSTER_FIELD_PARENT_EXECUTABLE, "/\xc3\xa9\xc3\xa9\033\033\033\xff"),
    };
    assert_lines(fixture_encode(&start.record, escapes, 2),
                 "10:00:00.123 start      4242    4200 \xc3\xa9\xc3\xa9\\x1b\\x1b\\x1b+ e\\x1bvil x\n",
                 "10:00:00.123 \033[32mstart\033[0m      4242    4200 \xc3\xa9\xc3\xa9\\x1b\\x1b\\x1b+ e\\x1bvil x\n");
}

static void test_concluded(void **state)
{
    (void)state;
    struct muster_process_start start = fixture_start();
    struct muster_process_exit exit = fixture_exit();
    start.record.type = MUSTER_EVENT_PROCESS_RUNNING;
    start.record.flags = exit.record.flags = MUSTER_RECORD_SYNTHETIC;
    start.record.valid = exit.record.valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_WINDOW);
    start.window_start_ns = exit.window_start_ns = FIXTURE_BASE - 3000000000;
    start.window_end_ns = exit.window_end_ns = FIXTURE_BASE + 500000000;
#define CONCLUDED "[concluded, not seen: between 09:59:57.000 and 10:00:00.500]"
    assert_lines(fixture_encode(&start.record, NULL, 0),
                 "10:00:00.123 running    4242                                   " CONCLUDED "\n", NULL);
    assert_lines(fixture_encode(&exit.record, NULL, 0),
                 "10:00:01.357 exit       4242                                  exit " CONCLUDED "\n",
                 "\033[2m10:00:01.357 exit       4242                                  exit " CONCLUDED "\033[0m\n");
}

#define EXIT_LINE "exit       4242    4200                 root     "

static void test_exit(void **state)
{
    (void)state;
    struct muster_process_exit exit = fixture_exit();
    const struct muster_text name = FIXTURE_TEXT(MUSTER_FIELD_THREAD_NAME, "bash");
    assert_lines(fixture_encode(&exit.record, &name, 1), "10:00:01.357 " EXIT_LINE "bash: exit 3 after 1.2 s\n",
                 "\033[2m10:00:01.357 " EXIT_LINE "bash: \033[0m\033[33mexit 3\033[0m\033[2m after 1.2 s\033[0m\n");
    exit.exit_code = 0;
    assert_lines(fixture_encode(&exit.record, &name, 1), "10:00:01.357 " EXIT_LINE "bash: exit 0 after 1.2 s\n",
                 "\033[2m10:00:01.357 " EXIT_LINE "bash: exit 0 after 1.2 s\033[0m\n");
    exit.record.valid &= ~(MUSTER_FIELD_BIT(MUSTER_FIELD_EXIT_CODE) | MUSTER_FIELD_BIT(MUSTER_FIELD_RUN_TIME));
    assert_lines(fixture_encode(&exit.record, NULL, 0), "10:00:01.357 " EXIT_LINE "exit\n",
                 "\033[2m10:00:01.357 " EXIT_LINE "exit\033[0m\n");
    exit.record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_EXIT_SIGNAL) | MUSTER_FIELD_BIT(MUSTER_FIELD_CORE_DUMPED);
    exit.exit_signal = 9;
    const struct muster_text path = FIXTURE_TEXT(MUSTER_FIELD_EXECUTABLE, "/usr/bin/cat");
    assert_lines(fixture_encode(&exit.record, &path, 1), "10:00:01.357 " EXIT_LINE "cat: killed by SIGKILL\n",
                 "\033[2m10:00:01.357 " EXIT_LINE "cat: \033[0m\033[31mkilled by SIGKILL\033[0m\033[2m\033[0m\n");
    exit.exit_signal = 40;
    exit.core_dumped = 1;
    exit.record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_RUN_TIME);
    assert_lines(fixture_encode(&exit.record, &path, 1),
                 "10:00:01.357 " EXIT_LINE "cat: killed by signal 40, core dumped, after 1.2 s\n",
                 "\033[2m10:00:01.357 " EXIT_LINE
                 "cat: \033[0m\033[31mkilled by signal 40, core dumped,\033[0m\033[2m after 1.2 s\033[0m\n");
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *shown;
    } durations[] = {
        {0, "0 ms"},
        {499999, "0.4 ms"},
        {9990000, "9.9 ms"},
        {10000000, "10 ms"},
        {999999999, "999 ms"},
        {1000000000, "1 s"},
        {59999999999, "59.9 s"},
        {60000000000, "1 min"},
        {3599999999999, "59 min 59 s"},
        {3600000000000, "1 h"},
        {86399000000000, "23 h 59 min"},
        {86400000000000, "1 d"},
        {180000000000000, "2 d 2 h"},
    };
    struct fixture_sink fixture;
    fixture_open(&fixture, "text", MUSTER_COLOR_NEVER);
    for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
        struct muster_process_exit exit = fixture_exit();
        exit.run_time_ns = durations[i].ns;
        const char *shown = strstr(fixture_line(&fixture, fixture_encode(&exit.record, NULL, 0)), "after ");
        assert_non_null(shown);
        assert_int_equal(strlen(shown) - 7, strlen(durations[i].shown));
        assert_memory_equal(shown + 6, durations[i].shown, strlen(durations[i].shown));
    }
    fixture_close(&fixture);
}

static void test_words(void **state)
{
    (void)state;
    struct muster_process_start start = fixture_start();
    start.record.valid = 0;
    const struct muster_text args = FIXTURE_TEXT(
        MUSTER_FIELD_ARGS, "a=b\0\0C:\\x\0it's\0x\ny\0\xc3\xa9\0\xff\0[x]\0$HOME\0~\0\xe2\x80\xae\0\xc2\x9b\0");
    struct fixture_sink fixture;
    fixture_open(&fixture, "text", MUSTER_COLOR_NEVER);
    assert_int_equal(muster_sink_flush(fixture.sink), MUSTER_OK);
    assert_string_equal(
        fixture_line(&fixture, fixture_encode(&start.record, &args, 1)) + 62,
        "a=b '' 'C:\\x' $'it\\'s' $'x\\ny' '\xc3\xa9' $'\\xff' '[x]' '$HOME' '~' $'\\u202e' $'\\u009b'\n");
    start.record.flags = MUSTER_RECORD_WTF8;
    const struct muster_text surrogate = FIXTURE_TEXT(MUSTER_FIELD_ARGS, "\xed\xa0\xbd");
    assert_string_equal(fixture_line(&fixture, fixture_encode(&start.record, &surrogate, 1)) + 62, "$'\\ud83d'\n");
    fixture_close(&fixture);
}

static void test_cut(void **state)
{
    (void)state;
    struct muster_process_start start = fixture_start();
    const struct muster_text args = fixture_cut(MUSTER_FIELD_ARGS, "sh\0-c\0begin the end\0x\0", 22, 12, 70000);
    struct fixture_sink fixture;
    fixture_open(&fixture, "text", MUSTER_COLOR_NEVER);
    assert_int_equal(muster_sink_flush(fixture.sink), MUSTER_OK);
    assert_string_equal(fixture_line(&fixture, fixture_encode(&start.record, &args, 1)) + 62,
                        "sh -c 'begin ' … [70000 bytes in all] … 'the end' x\n");
    struct muster_message message = fixture_message();
    const struct muster_text text = fixture_cut(MUSTER_FIELD_MESSAGE, "headtail", 8, 4, 70000);
    assert_string_equal(fixture_line(&fixture, fixture_encode(&message.record, &text, 1)),
                        "10:00:00.000 message head … [70000 bytes in all] … tail\n");
    fixture_close(&fixture);
}

static void test_message(void **state)
{
    (void)state;
    struct muster_message message = fixture_message();
    const struct muster_text text = FIXTURE_TEXT(MUSTER_FIELD_MESSAGE, "a 'b' \\n\n\033[31m\xff");
    assert_lines(fixture_encode(&message.record, &text, 1), "10:00:00.000 message a 'b' \\\\n\\n\\x1b[31m\\xff\n",
                 NULL);
}

static void test_gap(void **state)
{
    (void)state;
    struct muster_gap gap = fixture_gap();
#define GAP                                                                                                            \
    "10:00:03.000 lost    12 events (start 5, exit 7) between 10:00:01.123 and 10:00:02.456: ring_full 12; "           \
    "sequence 100 to 120"
    assert_lines(fixture_encode(&gap.record, NULL, 0), GAP "\n", "\033[1;31m" GAP "\033[0m\n");
    gap.record.valid = 0;
    gap.first_sequence = gap.last_sequence = 0;
    gap.start_ns = gap.end_ns = 0;
    assert_lines(fixture_encode(&gap.record, NULL, 0),
                 "10:00:03.000 lost    12 events (start 5, exit 7): ring_full 12\n",
                 "\033[1;31m10:00:03.000 lost    12 events (start 5, exit 7): ring_full 12\033[0m\n");
}

static void test_sensor(void **state)
{
    (void)state;
    struct muster_sensor_status status = fixture_status(MUSTER_EVENT_SENSOR_STARTED);
    assert_lines(fixture_encode(&status.record, NULL, 0), "10:00:00.000 started muster 0.1.0 epoch 0123456789abcdef\n",
                 NULL);
    status = fixture_status(MUSTER_EVENT_SENSOR_STOPPED);
    assert_lines(fixture_encode(&status.record, NULL, 0),
                 "10:00:00.000 stopped 1234 events (600 starts, 634 exits), none missing\n", NULL);
    status.delivered = 1;
    status.types[0] = 1;
    status.types[1] = 0;
    status.filtered = 7;
    status.held = 1;
    status.degraded = 1;
    status.dropped[MUSTER_CAUSE_RING_FULL] = 12;
    status.produced = 21;
    status.record.type = MUSTER_EVENT_STATUS;
    assert_lines(
        fixture_encode(&status.record, NULL, 0),
        "10:00:00.000 status  1 event (1 start), 12 MISSING (ring_full 12), 7 filtered out, 1 held, 1 degraded\n",
        "10:00:00.000 status  1 event (1 start), \033[1;31m12 MISSING (ring_full 12)\033[0m, 7 filtered out, "
        "1 held, 1 degraded\n");
}

static void test_largest_record(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "text", MUSTER_COLOR_NEVER);
    assert_int_equal(muster_sink_flush(fixture.sink), MUSTER_OK);
    static char bytes[MUSTER_RECORD_MAX_BYTES - sizeof(struct muster_message) - sizeof(struct muster_text_header)];
    memset(bytes, 1, sizeof(bytes));
    struct muster_message message = fixture_message();
    struct muster_text text = fixture_text(MUSTER_FIELD_MESSAGE, bytes, sizeof(bytes));
    (void)fixture_line(&fixture, fixture_encode(&message.record, &text, 1));
    assert_true(checker_is_clean_line(fixture.target.bytes, fixture.target.size));
    assert_int_equal(fixture.target.size, 21 + 4 * sizeof(bytes) + 1);
    fixture_close(&fixture);
}

static int set_zone(void **state)
{
    (void)state;
    if (setenv("TZ", "UTC", 1) != 0)
        return -1;
    tzset();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_concluded),
        cmocka_unit_test(test_nothing_known),
        cmocka_unit_test(test_columns_are_kept),
        cmocka_unit_test(test_exit),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_message),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_sensor),
        cmocka_unit_test(test_largest_record),
    };
    return cmocka_run_group_tests(tests, set_zone, NULL);
}
