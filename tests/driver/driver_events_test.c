/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the callback reports: every field, the texts that Windows really has, and what is told where
 * something cannot be had. The oracle is what the test itself made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "driver_client.h"

#define TICKS_1970 116444736000000000LL
#define SOME_TIME  133500000000000000LL /* in 2024 */
#define BIT(field) MUSTER_FIELD_BIT(MUSTER_FIELD_##field)
#define LONGEST    65534U

static struct sim_file *reader;

static int set_up(void **state)
{
    (void)state;
    if (driver_load() != SIM_STATUS_SUCCESS)
        return -1;
    reader = client_open_as(MUSTER_NT_ROLE_READER);
    (void)client_drain(reader, NULL, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sim_fault_reset();
    assert_int_equal(sim_process_handles_opened(), 0);
    if (sim_close(reader) != SIM_STATUS_SUCCESS || sim_driver_unload(false) != SIM_STATUS_SUCCESS)
        return -1;
    sim_io_reset();
    return sim_pool_check_leaks(0) == 0 ? 0 : -1;
}

/* The one record that came, in memory that lives until the next call. */
static const struct muster_record *only_record(void)
{
    static struct client_read read;

    client_read_free(&read);
    read = client_read(reader, 0, 0, READ_BUFFER_BYTES);
    assert_int_equal(read.header.record_count, 1);
    struct client_read empty = client_read(reader, read.header.lease_id, 0, READ_BUFFER_BYTES);
    assert_int_equal(empty.header.record_count, 0);
    client_read_free(&empty);
    return client_next(&read, NULL);
}

static const struct muster_process_start *started(const struct sim_process_spec *spec, struct sim_process **ret_process)
{
    sim_status status;
    struct sim_process *process = sim_process_create(spec, &status);
    const struct muster_record *record = only_record();

    assert_non_null(process);
    assert_int_equal(status, SIM_STATUS_SUCCESS);
    assert_int_equal(record->type, MUSTER_EVENT_PROCESS_START);
    assert_true((record->flags & MUSTER_RECORD_WTF8) != 0);
    *ret_process = process;
    return (const struct muster_process_start *)(const void *)record;
}

static void finish(struct sim_process *process)
{
    sim_process_exit(process, 0);
    (void)only_record();
}

static void a_start_has_every_field(void **state)
{
    static const sim_utf16 image[] = u"\\??\\C:\\Windows\\System32\\cmd.exe";
    static const sim_utf16 line[] = u"cmd /c \\??\\ \u00e9\u20ac\U0001F600";
    struct sim_token *token = sim_token_create(&sim_token_administrator);
    const struct sim_process_spec parent_spec = {
        .process_id = 4000, .create_time_100ns = SOME_TIME - 50, .silent = true};
    const struct sim_process_spec creator_spec = {
        .process_id = 5000, .create_time_100ns = SOME_TIME - 40, .silent = true};
    struct sim_process *parent = sim_process_create(&parent_spec, NULL);
    struct sim_process *creator = sim_process_create(&creator_spec, NULL);
    const struct sim_process_spec spec = {
        .process_id = 6000,
        .parent_process_id = 4000,
        .creating_process_id = 5000,
        .creating_thread_id = 5004,
        .token = token,
        .create_time_100ns = SOME_TIME,
        .image = image,
        .image_bytes = sizeof image - 2,
        .command_line = line,
        .command_line_bytes = sizeof line - 2,
        .file_open_name_available = true,
    };
    struct sim_process *process;

    (void)state;
    const struct muster_process_start *start = started(&spec, &process);
    assert_true(start->record.valid ==
                (BIT(PID) | BIT(START) | BIT(PARENT_PID) | BIT(PARENT_START) | BIT(IMAGE_FLAGS) | BIT(LOGON_ID) |
                 BIT(TERMINAL_SESSION) | BIT(CREATOR_PID) | BIT(CREATOR_TID) | BIT(CREATOR_START) | BIT(INTEGRITY) |
                 BIT(ELEVATED) | BIT(EXECUTABLE) | BIT(COMMAND_LINE) | BIT(USER_SID)));
    assert_true(start->record.unavailable == 0);
    assert_int_equal(start->record.flags, MUSTER_RECORD_WTF8);
    assert_int_equal(start->process.pid, 6000);
    assert_int_equal(start->process.start_ns, (SOME_TIME - TICKS_1970) * 100);
    assert_int_equal(start->process.parent_pid, 4000);
    assert_int_equal(start->process.parent_start_ns, (SOME_TIME - 50 - TICKS_1970) * 100);
    assert_int_equal(start->creator_pid, 5000);
    assert_int_equal(start->creator_tid, 5004);
    assert_int_equal(start->creator_start_ns, (SOME_TIME - 40 - TICKS_1970) * 100);
    assert_int_equal(start->terminal_session_id, sim_token_administrator.session_id);
    assert_int_equal(start->integrity_rid, SIM_INTEGRITY_HIGH);
    assert_int_equal(start->logon_id, sim_token_administrator.logon_id);
    assert_int_equal(start->elevated, 1);
    assert_int_equal(start->image_flags, MUSTER_IMAGE_OPENED_NAME);
    expect_text(&start->record, MUSTER_FIELD_EXECUTABLE, "C:\\Windows\\System32\\cmd.exe", 27);
    /* The prefix goes off a path, and stays in a command line: that is evidence. */
    expect_text(&start->record, MUSTER_FIELD_COMMAND_LINE, "cmd /c \\??\\ \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 21);
    expect_text(&start->record, MUSTER_FIELD_USER_SID, sim_token_administrator.user,
                strlen(sim_token_administrator.user));
    finish(process);
    sim_process_exit(creator, 0);
    (void)only_record();
    finish(parent);
    sim_token_release(token);
}

static void who_is_not_elevated_is_not(void **state)
{
    struct sim_token *token = sim_token_create(&sim_token_filtered);
    const struct sim_process_spec spec = {.token = token, .image = u"x", .image_bytes = 2};
    struct sim_process *process;

    (void)state;
    const struct muster_process_start *start = started(&spec, &process);
    assert_true((start->record.valid & BIT(ELEVATED)) != 0);
    assert_int_equal(start->elevated, 0);
    assert_int_equal(start->integrity_rid, sim_token_filtered.integrity);
    assert_int_equal(start->image_flags, 0); /* the name is the creator's own */
    finish(process);
    sim_token_release(token);
}

static void an_exit_has_status_and_times(void **state)
{
    const struct sim_process_spec spec = {.process_id = 7000, .create_time_100ns = SOME_TIME};
    struct sim_process *process;

    (void)state;
    (void)started(&spec, &process);
    sim_process_exit(process, (sim_status)0xC0000005);
    const struct muster_process_exit *exit = (const void *)only_record();
    assert_int_equal(exit->record.type, MUSTER_EVENT_PROCESS_EXIT);
    assert_true(exit->record.valid == (BIT(PID) | BIT(START) | BIT(EXIT_CODE) | BIT(RUN_TIME)));
    assert_int_equal(exit->process.pid, 7000);
    assert_int_equal(exit->process.start_ns, (SOME_TIME - TICKS_1970) * 100);
    assert_int_equal(exit->exit_code, 0xC0000005);
    assert_int_equal(exit->run_time_ns, exit->record.time_ns - exit->process.start_ns);
}

/* ---- texts ------------------------------------------------------------------------------------- */

static void no_string_is_not_an_empty_one(void **state)
{
    const struct sim_process_spec none = {.process_id = 8000};
    const struct sim_process_spec empty = {.process_id = 8004, .image = u"", .command_line = u""};
    struct sim_process *process;

    (void)state;
    const struct muster_process_start *start = started(&none, &process);
    assert_true((start->record.valid & (BIT(EXECUTABLE) | BIT(COMMAND_LINE) | BIT(IMAGE_FLAGS))) == 0);
    assert_true((start->record.unavailable & (BIT(EXECUTABLE) | BIT(COMMAND_LINE))) ==
                (BIT(EXECUTABLE) | BIT(COMMAND_LINE)));
    assert_int_equal(start->record.flags & MUSTER_RECORD_SKELETON, 0); /* nothing failed */
    finish(process);
    start = started(&empty, &process);
    expect_text(&start->record, MUSTER_FIELD_EXECUTABLE, "", 0);
    expect_text(&start->record, MUSTER_FIELD_COMMAND_LINE, "", 0);
    finish(process);
}

static void a_command_line_of_65534_bytes_is_whole(void **state)
{
    sim_utf16 *units = malloc(LONGEST);
    char *expected = malloc(LONGEST / 2 * 3);
    struct sim_process *process;

    (void)state;
    for (unsigned i = 0; i < LONGEST / 2; i++) {
        units[i] = 0x20ac; /* three bytes: the most that a unit can take */
        memcpy(expected + (size_t)i * 3, "\xe2\x82\xac", 3);
    }
    const struct sim_process_spec spec = {
        .image = units, .image_bytes = LONGEST, .command_line = units, .command_line_bytes = LONGEST};
    const struct muster_process_start *start = started(&spec, &process);
    expect_text(&start->record, MUSTER_FIELD_EXECUTABLE, expected, LONGEST / 2 * 3);
    expect_text(&start->record, MUSTER_FIELD_COMMAND_LINE, expected, LONGEST / 2 * 3);
    assert_int_equal(start->record.flags & MUSTER_RECORD_SKELETON, 0);
    finish(process);
    free(units);
    free(expected);
}

static void the_prefix_goes_off_a_path_once_and_off_a_command_line_never(void **state)
{
    static const sim_utf16 text[] = u"\\??\\\\??\\C:\\a";
    const struct sim_process_spec spec = {
        .image = text, .image_bytes = sizeof text - 2, .command_line = text, .command_line_bytes = sizeof text - 2};
    struct sim_process *process;

    (void)state;
    const struct muster_process_start *start = started(&spec, &process);
    expect_text(&start->record, MUSTER_FIELD_EXECUTABLE, "\\??\\C:\\a", 8);
    expect_text(&start->record, MUSTER_FIELD_COMMAND_LINE, "\\??\\\\??\\C:\\a", 12);
    finish(process);
}

static void lone_surrogates_and_nuls_come_through(void **state)
{
    static const sim_utf16 line[] = {0xd800, 'a', 0xdc00, 0, 0xdbff, 0xdfff, 0xdfff, 0xd801};
    static const char expected[] = "\xed\xa0\x80"
                                   "a\xed\xb0\x80\0\xf4\x8f\xbf\xbf\xed\xbf\xbf\xed\xa0\x81";
    const struct sim_process_spec spec = {.command_line = line, .command_line_bytes = sizeof line};
    struct sim_process *process;

    (void)state;
    const struct muster_process_start *start = started(&spec, &process);
    expect_text(&start->record, MUSTER_FIELD_COMMAND_LINE, expected, sizeof expected - 1);
    finish(process);
}

static void half_a_unit_degrades_and_does_not_hide(void **state)
{
    const struct sim_process_spec spec = {
        .process_id = 8100, .image = u"ab", .image_bytes = 3, .command_line = u"ok", .command_line_bytes = 4};
    struct sim_process *process;

    (void)state;
    const struct muster_process_start *start = started(&spec, &process);
    assert_int_equal(start->process.pid, 8100);
    assert_true((start->record.flags & MUSTER_RECORD_SKELETON) != 0);
    assert_true((start->record.unavailable & BIT(EXECUTABLE)) != 0);
    expect_text(&start->record, MUSTER_FIELD_COMMAND_LINE, "ok", 2);
    finish(process);
}

/* Lengths on both sides of the small buffer, and of blocks. */
static void every_length_comes_back(void **state)
{
    static sim_utf16 units[3000];
    static char expected[3000];

    (void)state;
    for (size_t i = 0; i < 3000; i++) {
        units[i] = (sim_utf16)('a' + i % 26);
        expected[i] = (char)('a' + i % 26);
    }
    for (size_t count = 0; count <= 3000; count += count < 500 ? 1 : 97) {
        const struct sim_process_spec spec = {
            .image = units, .image_bytes = count / 3 * 2, .command_line = units, .command_line_bytes = count * 2};
        struct sim_process *process;
        const struct muster_process_start *start = started(&spec, &process);
        expect_text(&start->record, MUSTER_FIELD_EXECUTABLE, expected, count / 3);
        expect_text(&start->record, MUSTER_FIELD_COMMAND_LINE, expected, count);
        finish(process);
    }
}

/* ---- what cannot be had ------------------------------------------------------------------------ */

static void a_parent_that_is_gone_or_younger_has_no_start(void **state)
{
    const struct sim_process_spec orphan = {.parent_process_id = 9999, .create_time_100ns = SOME_TIME};
    const struct sim_process_spec younger = {.process_id = 9200, .create_time_100ns = SOME_TIME + 10, .silent = true};
    const struct sim_process_spec child = {
        .parent_process_id = 9200, .creating_process_id = 9200, .create_time_100ns = SOME_TIME};
    struct sim_process *process, *reused;

    (void)state;
    const struct muster_process_start *start = started(&orphan, &process);
    assert_int_equal(start->process.parent_pid, 9999);
    assert_true((start->record.unavailable & BIT(PARENT_START)) != 0);
    finish(process);
    reused = sim_process_create(&younger, NULL);
    start = started(&child, &process);
    assert_int_equal(start->process.parent_pid, 9200);
    assert_true((start->record.unavailable & BIT(PARENT_START)) != 0);
    assert_true((start->record.unavailable & BIT(CREATOR_START)) != 0);
    finish(process);
    finish(reused);
}

struct seen {
    unsigned starts, exits, skeletons, gaps;
    uint64_t lost;
};

static void note(void *context, const struct muster_record *record)
{
    struct seen *seen = context;

    seen->starts += record->type == MUSTER_EVENT_PROCESS_START;
    seen->exits += record->type == MUSTER_EVENT_PROCESS_EXIT;
    seen->skeletons += (record->flags & MUSTER_RECORD_SKELETON) != 0;
    if (record->type == MUSTER_EVENT_GAP) {
        seen->gaps++;
        seen->lost += ((const struct muster_gap *)(const void *)record)->count;
    }
}

static void spawn_all_kinds(void)
{
    static sim_utf16 large[5000];
    struct sim_token *token = sim_token_create(&sim_token_user);
    const struct sim_process_spec specs[] = {
        {.image = u"\\??\\C:\\small.exe", .image_bytes = 32, .command_line = u"s", .command_line_bytes = 2},
        {.image = large, .image_bytes = 600, .command_line = large, .command_line_bytes = sizeof large, .token = token},
        {.process_id = 0},
    };

    for (unsigned i = 0; i < sizeof specs / sizeof *specs; i++) {
        sim_status status;
        struct sim_process *process = sim_process_create(&specs[i], &status);
        assert_non_null(process); /* no failure denies a creation */
        assert_int_equal(status, SIM_STATUS_SUCCESS);
        sim_process_exit(process, 0);
    }
    sim_token_release(token);
}

/* A READ that failed on purpose is asked again; it has lost nothing. */
static void drain_with_faults(struct seen *seen)
{
    uint64_t acknowledge = 0;

    for (;;) {
        struct client_read read = client_read(reader, acknowledge, 0, READ_BUFFER_BYTES);
        if (read.status == SIM_STATUS_SUCCESS) {
            for (const struct muster_record *record = client_next(&read, NULL); record != NULL;
                 record = client_next(&read, record))
                note(seen, record);
            acknowledge = read.header.lease_id;
        }
        client_read_free(&read);
        if (read.status == SIM_STATUS_SUCCESS && acknowledge == 0)
            return;
        assert_true(read.status == SIM_STATUS_SUCCESS || read.status == SIM_STATUS_INSUFFICIENT_RESOURCES);
    }
}

/* Every call that can fail in the callback, in turn: each process is reported all the same. */
static void no_failure_makes_a_process_invisible(void **state)
{
    unsigned rounds = 0;
    uint64_t failures = 0, last;

    (void)state;
    sim_fault_each_call_site_once();
    do {
        struct seen seen = {0};
        last = failures;
        spawn_all_kinds();
        drain_with_faults(&seen);
        failures = sim_fault_failures();
        assert_int_equal(seen.starts, 3);
        assert_int_equal(seen.exits, 3);
        assert_int_equal(seen.gaps, 0);
        assert_true(++rounds < 200);
    } while (failures != last);
    assert_true(failures >= 5); /* scratch, block, token's blocks, parent, ... */
    (void)client_ledger(reader);
}

static void with_every_allocation_failing_for_ever_starts_are_skeletons(void **state)
{
    for (uint64_t nth = 1; nth <= 12; nth++) {
        struct seen seen = {0};

        (void)state;
        sim_fault_allocation(nth, true);
        spawn_all_kinds();
        sim_fault_reset();
        (void)client_drain(reader, note, &seen);
        assert_int_equal(seen.starts, 3);
        assert_int_equal(seen.exits, 3);
        assert_int_equal(seen.gaps, 0);
        assert_true(nth > 4 || seen.skeletons > 0);
    }
    (void)client_ledger(reader);
}

/* Nobody reads: the room fills, then skeletons, then drops; and each number is accounted for. */
static void an_unread_queue_stays_in_its_budget_and_tells_what_it_dropped(void **state)
{
    static sim_utf16 line[8000];
    const struct sim_process_spec spec = {.command_line = line, .command_line_bytes = sizeof line};
    struct seen seen = {0};
    struct muster_nt_status_reply before;
    unsigned count = 0;

    (void)state;
    do {
        sim_process_exit(sim_process_create(&spec, NULL), 0);
        count++;
        before = client_ledger(reader);
    } while (before.dropped[MUSTER_CAUSE_QUEUE_FULL] == 0 && count < 5000);
    for (unsigned i = 0; i < 50; i++, count++)
        sim_process_exit(sim_process_create(&spec, NULL), 0);
    before = client_ledger(reader);
    assert_true(before.dropped[MUSTER_CAUSE_CLASS_SHED] > 0); /* exits go first */
    assert_true(before.degraded > 100);
    (void)client_drain(reader, note, &seen);
    assert_int_equal(seen.starts + seen.exits + seen.lost, 2 * count);
    assert_int_equal(seen.skeletons, before.degraded);
    assert_int_equal(client_ledger(reader).held, 0);
}

/* A second reader is refused, and that is told by a message, which has no skeleton. */
static void be_refused(void)
{
    struct sim_file *second = client_open();

    assert_int_equal(client_hello(second, MUSTER_NT_ROLE_READER, NULL), MUSTER_NT_REFUSED_READER_TAKEN);
    assert_int_equal(sim_close(second), SIM_STATUS_SUCCESS);
}

static struct sim_request *read_begin(uint64_t acknowledge, void *buffer, size_t bytes)
{
    const struct muster_nt_read_request request = {.acknowledge_lease_id = acknowledge,
                                                   .timeout_ms = MUSTER_NT_WAIT_FOREVER};

    return sim_ioctl_begin(reader, MUSTER_NT_CONTROL_READ, &request, sizeof request, buffer, bytes);
}

static struct muster_nt_read_header read_end(struct sim_request *read, const void *buffer)
{
    struct muster_nt_read_header header;

    assert_int_equal(sim_request_wait(read, 5000, NULL), SIM_STATUS_SUCCESS);
    sim_request_free(read);
    memcpy(&header, buffer, sizeof header);
    assert_int_equal(header.record_count, 1);
    return header;
}

/* The block that is set aside for a gap was used, there is none to be had, and something is lost: the READ that
 * waits is to be told as soon as there is memory, and until then the thread has nothing to do. */
static void without_memory_to_tell_a_gap_the_thread_does_not_spin(void **state)
{
    static unsigned char buffer[4096];
    struct sim_request *read = read_begin(0, buffer, sizeof buffer);
    struct muster_nt_read_header header;

    (void)state;
    sim_fault_allocation(1, true);
    be_refused();
    header = read_end(read, buffer);
    sim_fault_allocation(2, true); /* the first maps the buffer */
    read = read_begin(header.lease_id, buffer, sizeof buffer);
    be_refused();
    const uint64_t before = sim_fault_attempts();
    (void)nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    assert_true(sim_request_is_pending(read));
    assert_in_range(sim_fault_attempts() - before, 2, 200);
    sim_fault_reset();
    header = read_end(read, buffer);
    const struct muster_gap *gap = (const void *)(buffer + sizeof header);
    assert_int_equal(gap->record.type, MUSTER_EVENT_GAP);
    assert_int_equal(gap->count, 1);
    assert_int_equal(gap->causes[MUSTER_CAUSE_ALLOCATION_FAILED], 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_start_has_every_field),
        TEST(who_is_not_elevated_is_not),
        TEST(an_exit_has_status_and_times),
        TEST(no_string_is_not_an_empty_one),
        TEST(a_command_line_of_65534_bytes_is_whole),
        TEST(the_prefix_goes_off_a_path_once_and_off_a_command_line_never),
        TEST(lone_surrogates_and_nuls_come_through),
        TEST(half_a_unit_degrades_and_does_not_hide),
        TEST(every_length_comes_back),
        TEST(a_parent_that_is_gone_or_younger_has_no_start),
        TEST(no_failure_makes_a_process_invisible),
        TEST(with_every_allocation_failing_for_ever_starts_are_skeletons),
        TEST(an_unread_queue_stays_in_its_budget_and_tells_what_it_dropped),
        TEST(without_memory_to_tell_a_gap_the_thread_does_not_spin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
