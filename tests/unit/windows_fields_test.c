/* SPDX-License-Identifier: Apache-2.0 */
/* What only Windows knows of a process, in every format: command line, user, creator, session, integrity. */
#include "unit/sink_fixture.h"

#include <stdio.h>
#include <time.h>

#include "unit/json_checker.h"

/* hashlib.blake2s(bytes(range(16)) + (4300).to_bytes(4, "little") + (600).to_bytes(8, "little"), digest_size=16) */
#define CREATOR_ID "b38a1337a531f8c5ecb5d37788214146"

#define LINE "C:\\Windows\\System32\\cmd.exe /c \"dir C:\\new\""

#define WINDOWS_FIELDS                                                                                                 \
    (MUSTER_FIELD_BIT(MUSTER_FIELD_LOGON_ID) | MUSTER_FIELD_BIT(MUSTER_FIELD_TERMINAL_SESSION) |                       \
     MUSTER_FIELD_BIT(MUSTER_FIELD_CREATOR_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_CREATOR_TID) |                         \
     MUSTER_FIELD_BIT(MUSTER_FIELD_CREATOR_START) | MUSTER_FIELD_BIT(MUSTER_FIELD_INTEGRITY) |                         \
     MUSTER_FIELD_BIT(MUSTER_FIELD_ELEVATED))

static struct muster_process_start windows_start(void)
{
    struct muster_process_start start = fixture_start();

    start.record.flags = MUSTER_RECORD_WTF8;
    start.record.valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_PARENT_PID) |
                         MUSTER_FIELD_BIT(MUSTER_FIELD_IMAGE_FLAGS) | WINDOWS_FIELDS;
    start.image_flags = MUSTER_IMAGE_OPENED_NAME;
    start.logon_id = 0x3e7;
    start.creator_pid = 4300;
    start.creator_tid = 4304;
    start.creator_start_ns = 6 * FIXTURE_SECOND;
    start.terminal_session_id = 1;
    start.integrity_rid = 0x3000;
    start.elevated = 1;
    return start;
}

/* In a static buffer, good until the next call. */
static const char *line_of(const char *format, const struct muster_record *record)
{
    static char line[16384];
    struct fixture_sink fixture;

    fixture_open(&fixture, format, MUSTER_COLOR_NEVER);
    assert_int_equal(muster_sink_flush(fixture.sink), MUSTER_OK);
    assert_true(snprintf(line, sizeof(line), "%s", fixture_line(&fixture, record)) < (int)sizeof(line));
    if (strcmp(format, "text") != 0)
        assert_true(checker_is_json_line(fixture.target.bytes, fixture.target.size));
    fixture_close(&fixture);
    return line;
}

static void assert_has(const char *line, const char *part)
{
    if (!strstr(line, part))
        fail_msg("%s\nis not in\n%s", part, line);
}

static void assert_has_not(const char *line, const char *part)
{
    if (strstr(line, part))
        fail_msg("%s\nis in\n%s", part, line);
}

static void test_ndjson_has_all(void **state)
{
    (void)state;
    struct muster_process_start start = windows_start();
    const struct muster_text texts[] = {
        FIXTURE_TEXT(MUSTER_FIELD_EXECUTABLE, "C:\\Windows\\System32\\cmd.exe"),
        FIXTURE_TEXT(MUSTER_FIELD_COMMAND_LINE, LINE),
        FIXTURE_TEXT(MUSTER_FIELD_USER_SID, "S-1-5-18"),
    };
    const char *line = line_of("ndjson", fixture_encode(&start.record, texts, 3));

    assert_has(line, "\"name\":\"cmd.exe\",\"executable\":\"C:\\\\Windows\\\\System32\\\\cmd.exe\","
                     "\"command_line\":\"C:\\\\Windows\\\\System32\\\\cmd.exe /c \\\"dir C:\\\\new\\\"\","
                     "\"user\":{\"id\":\"S-1-5-18\"},\"parent\":{\"pid\":4200}},\"user\":{\"id\":\"S-1-5-18\"},");
    assert_has(line,
               "\"muster\":{\"image\":[\"opened_name\"],\"creator\":{\"pid\":4300,\"entity_id\":\"" CREATOR_ID
               "\",\"start\":\"2026-08-20T09:58:26.000000000Z\",\"tid\":4304},\"windows\":{\"logon_id\":\"0x3e7\","
               "\"session_id\":1,\"integrity_level\":\"high\",\"elevated\":true}}}\n");
    assert_has_not(line, "\"args\"");
}

static void test_ndjson_leaves_out_what_is_not_known(void **state)
{
    (void)state;
    struct muster_process_start start = windows_start();

    start.record.valid &= ~WINDOWS_FIELDS;
    start.image_flags = 0;
    start.record.unavailable =
        WINDOWS_FIELDS | MUSTER_FIELD_BIT(MUSTER_FIELD_COMMAND_LINE) | MUSTER_FIELD_BIT(MUSTER_FIELD_USER_SID);
    const char *line = line_of("ndjson", fixture_encode(&start.record, NULL, 0));
    assert_has_not(line, "\"creator\"");
    assert_has_not(line, "\"windows\"");
    assert_has_not(line, "\"user\"");
    assert_has_not(line, "\"command_line\"");
    assert_has(line, "\"muster\":{\"unavailable\":[\"muster.windows.logon_id\",\"muster.windows.session_id\","
                     "\"muster.creator.pid\",\"muster.creator.tid\",\"muster.creator.start\","
                     "\"muster.windows.integrity_level\",\"muster.windows.elevated\",\"process.command_line\","
                     "\"process.user.id\"]}}\n");
}

static void test_ndjson_keeps_the_true_bytes(void **state)
{
    (void)state;
    struct muster_process_start start = windows_start();
    const struct muster_text lone = FIXTURE_TEXT(MUSTER_FIELD_COMMAND_LINE, "a\xed\xa0\x80z");
    const struct muster_text cut = fixture_cut(MUSTER_FIELD_COMMAND_LINE, "headtail", 8, 4, 5000);

    const char *line = line_of("ndjson", fixture_encode(&start.record, &lone, 1));
    assert_has(line, "\"command_line\":\"a\xef\xbf\xbdz\"");
    assert_has(line, "\"raw\":{\"process.command_line_b64\":\"Ye2ggHo=\"}");
    line = line_of("ndjson", fixture_encode(&start.record, &cut, 1));
    assert_has(line, "\"command_line\":\"head\"");
    assert_has(line, "\"truncated\":{\"process.command_line\":5000}");
    assert_has(line, "\"raw\":{\"process.command_line_b64\":\"aGVhZHRhaWw=\"}");
}

static void test_integrity_levels(void **state)
{
    (void)state;
    static const struct {
        uint32_t rid;
        const char *level;
    } levels[] = {
        {0, "untrusted"},   {0x1000, "low"},       {0x2000, "medium"}, {0x2100, "medium_plus"},    {0x3000, "high"},
        {0x4000, "system"}, {0x5000, "protected"}, {0x2010, "0x2010"}, {0xffffffff, "0xffffffff"},
    };
    struct muster_process_start start = windows_start();

    for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
        char part[64];

        start.integrity_rid = levels[i].rid;
        start.elevated = 0;
        snprintf(part, sizeof(part), "\"integrity_level\":\"%s\",\"elevated\":false}", levels[i].level);
        assert_has(line_of("ndjson", fixture_encode(&start.record, NULL, 0)), part);
    }
}

static void test_logon_ids(void **state)
{
    (void)state;
    struct muster_process_start start = windows_start();

    start.logon_id = 0;
    assert_has(line_of("ndjson", fixture_encode(&start.record, NULL, 0)), "\"logon_id\":\"0x0\"");
    start.logon_id = UINT64_MAX;
    assert_has(line_of("ndjson", fixture_encode(&start.record, NULL, 0)), "\"logon_id\":\"0xffffffffffffffff\"");
}

#define TEXT_BEGIN "10:00:00.123 start      4242    4200                 "

/* The line of a start with this command line, behind the user's column. */
static void assert_text(const char *bytes, size_t size, const char *expected)
{
    struct muster_process_start start = windows_start();
    const struct muster_text text = fixture_text(MUSTER_FIELD_COMMAND_LINE, bytes, size);
    char whole[512];

    snprintf(whole, sizeof(whole), TEXT_BEGIN "         %s\n", expected);
    assert_string_equal(line_of("text", fixture_encode(&start.record, &text, 1)), whole);
}

#define ASSERT_TEXT(literal, expected) assert_text((literal), sizeof(literal) - 1, (expected))

static void test_text_shows_the_line_as_it_is(void **state)
{
    (void)state;
    ASSERT_TEXT(LINE, LINE);
    ASSERT_TEXT("p\xc3\xa9 'q' \"r\" $x", "p\xc3\xa9 'q' \"r\" $x");
}

static void test_text_keeps_it_on_one_line(void **state)
{
    (void)state;
    ASSERT_TEXT("a\\b\nrunning 1", "$'a\\\\b\\nrunning 1'");
    ASSERT_TEXT("a \033[2J 'b'", "$'a \\x1b[2J \\'b\\''");
    ASSERT_TEXT("a\xe2\x80\xae"
                "b\xed\xa0\x80",
                "$'a\\u202eb\\ud800'");
    ASSERT_TEXT("a\0b", "$'a\\x00b'");
    ASSERT_TEXT("$'a'", "$'$\\'a\\''");
    ASSERT_TEXT("x [concluded, not seen]", "$'x [concluded, not seen]'");
}

static void test_text_of_a_cut_line(void **state)
{
    (void)state;
    struct muster_process_start start = windows_start();
    const struct muster_text cut = fixture_cut(MUSTER_FIELD_COMMAND_LINE, "headtail", 8, 4, 5000);

    assert_string_equal(line_of("text", fixture_encode(&start.record, &cut, 1)),
                        TEXT_BEGIN "         head … [5000 bytes in all] … tail\n");
}

static const char *sid_name(const char *sid, size_t sid_bytes)
{
    return sid_bytes == 8 && memcmp(sid, "S-1-5-18", 8) == 0 ? "SYSTEM" : NULL;
}

static void test_text_names_the_user(void **state)
{
    (void)state;
    static const struct {
        const char *sid;
        const char *column;
    } users[] = {{"S-1-5-18", "SYSTEM  "}, {"S-1-5-21-7", "S-1-5-21-7"}, {"S-1-0\n", "S-1-0\\n "}};
    struct muster_process_start start = windows_start();

    for (size_t i = 0; i < sizeof(users) / sizeof(*users); i++) {
        const struct muster_text texts[] = {
            FIXTURE_TEXT(MUSTER_FIELD_COMMAND_LINE, "x"),
            fixture_text(MUSTER_FIELD_USER_SID, users[i].sid, strlen(users[i].sid)),
        };
        struct fixture_sink fixture;
        char expected[128];

        fixture_open(&fixture, "text", MUSTER_COLOR_NEVER);
        fixture.stream.user_sid_name = sid_name;
        assert_int_equal(muster_sink_flush(fixture.sink), MUSTER_OK);
        snprintf(expected, sizeof(expected), TEXT_BEGIN "%s x\n", users[i].column);
        assert_string_equal(fixture_line(&fixture, fixture_encode(&start.record, texts, 2)), expected);
        fixture_close(&fixture);
    }
}

static void assert_exit(uint32_t code, const char *expected)
{
    struct muster_process_exit exit = fixture_exit();

    exit.record.valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_EXIT_CODE);
    exit.exit_code = code;
    assert_has(line_of("text", fixture_encode(&exit.record, NULL, 0)), expected);
}

static void test_text_shows_a_status_in_hex(void **state)
{
    (void)state;
    assert_exit(0x3fffffff, " exit 1073741823\n");
    assert_exit(0x40000000, " exit 0x40000000\n");
    assert_exit(0xc0000005, " exit 0xc0000005\n");
}

static void test_driver_messages(void **state)
{
    (void)state;
    struct muster_process_start start = windows_start();
    const struct muster_text line = FIXTURE_TEXT(MUSTER_FIELD_COMMAND_LINE, LINE "\xed\xa0\x80");

    assert_string_equal(line_of("driver-messages", fixture_encode(&start.record, &line, 1)),
                        "{\"messages\":[],\"process_creations\":[{\"image_name\":\"\",\"command_line\":"
                        "\"C:\\\\Windows\\\\System32\\\\cmd.exe /c \\\"dir C:\\\\new\\\"\xef\xbf\xbd\","
                        "\"parent_pid\":\"0x1068\"}]}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ndjson_has_all),
        cmocka_unit_test(test_ndjson_leaves_out_what_is_not_known),
        cmocka_unit_test(test_ndjson_keeps_the_true_bytes),
        cmocka_unit_test(test_integrity_levels),
        cmocka_unit_test(test_logon_ids),
        cmocka_unit_test(test_text_shows_the_line_as_it_is),
        cmocka_unit_test(test_text_keeps_it_on_one_line),
        cmocka_unit_test(test_text_of_a_cut_line),
        cmocka_unit_test(test_text_names_the_user),
        cmocka_unit_test(test_text_shows_a_status_in_hex),
        cmocka_unit_test(test_driver_messages),
    };

    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
