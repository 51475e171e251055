/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bugs that other drivers of this kind had, by name, and that this one must not have: those of the question's own
 * project (Sanctum) and of the canonical SysMon sample. What each was stands at its test.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "driver_client.h"

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
    if (sim_close(reader) != SIM_STATUS_SUCCESS || sim_driver_unload(false) != SIM_STATUS_SUCCESS)
        return -1;
    sim_io_reset();
    return sim_pool_check_leaks(0) == 0 ? 0 : -1;
}

static void spawn(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        sim_process_exit(client_spawn(u"\\??\\C:\\a.exe", u"a"), 0);
}

/* Sanctum 1, 2: OutputBufferLength was never looked at; what did not fit was written behind the buffer, and more
 * bytes told than there was room for. (The simulated kernel's buffers end at a guard page, as they were asked for.) */
static void a_small_output_buffer_is_not_overrun(void **state)
{
    (void)state;
    spawn(10);
    for (size_t bytes = 0; bytes < 400; bytes += 3) {
        struct client_read read = client_read(reader, 0, 0, bytes);
        assert_true(read.information <= bytes);
        client_read_free(&read);
    }
}

/* Sanctum 3: one call asked for the length, another for the content; a second reader in between made it longer. */
static void sizing_and_reading_is_one_call(void **state)
{
    (void)state;
    spawn(1);
    struct client_read small = client_read(reader, 0, 0, 100);
    spawn(50);
    struct client_read read = client_read(reader, 0, 0, small.header.bytes_needed);
    assert_int_equal(read.header.record_count, 1); /* what fits, and no more */
    client_read_free(&small);
    client_read_free(&read);
}

/* Sanctum 4: a length inside the input was believed; the input's own length was not compared with anything. */
static void short_and_long_input_is_refused(void **state)
{
    unsigned char input[64] = {0};
    unsigned char output[512];

    (void)state;
    for (size_t bytes = 0; bytes <= sizeof input; bytes++) {
        if (bytes != sizeof(struct muster_nt_read_request))
            assert_int_equal(sim_ioctl(reader, MUSTER_NT_CONTROL_READ, input, bytes, output, sizeof output, NULL),
                             SIM_STATUS_INVALID_PARAMETER);
        if (bytes < sizeof(struct muster_nt_hello_request))
            assert_int_equal(sim_ioctl(reader, MUSTER_NT_CONTROL_HELLO, input, bytes, output, sizeof output, NULL),
                             SIM_STATUS_INVALID_PARAMETER);
    }
}

/* Sanctum 5: text that was not UTF-8 stopped the machine. */
static void random_input_is_answered(void **state)
{
    static const uint32_t codes[] = {MUSTER_NT_CONTROL_HELLO, MUSTER_NT_CONTROL_STATUS, MUSTER_NT_CONTROL_READ};
    unsigned char input[64], output[512];

    (void)state;
    srand(7);
    for (unsigned i = 0; i < 3000; i++) {
        for (size_t k = 0; k < sizeof input; k++)
            input[k] = (unsigned char)rand();
        memset(input + 8, 0, 4); /* no READ shall wait for ever */
        (void)sim_ioctl(reader, codes[i % 3], input, (size_t)rand() % sizeof input, output,
                        (size_t)rand() % sizeof output, NULL);
    }
    (void)client_ledger(reader);
}

/* Sanctum 6: a handle to each new process, of full access, was leaked into whoever created it. */
static void no_handle_to_a_process_is_opened(void **state)
{
    (void)state;
    spawn(100);
    assert_int_equal(sim_process_handles_opened(), 0);
}

/* Sanctum 7: anybody could open the device and drain it. */
static void a_plain_user_cannot_take_the_events(void **state)
{
    struct sim_token *token = sim_token_create(&sim_token_user);
    sim_status status;

    (void)state;
    assert_null(sim_open(DEVICE_PATH, token, SIM_GENERIC_READ, 0, &status));
    assert_int_equal(status, SIM_STATUS_ACCESS_DENIED);
    sim_token_release(token);
}

/* Sanctum 8: a failed DriverEntry went on; a freed queue stayed published. SysMon's sample: the queue was set up after
 * the callbacks were registered. Here processes come and go while it loads, fails to load, and unloads. */
struct traffic {
    volatile int stop;
};

static void *make_traffic(void *context)
{
    struct traffic *traffic = context;

    while (!__atomic_load_n(&traffic->stop, __ATOMIC_ACQUIRE))
        spawn(1);
    return NULL;
}

static void loading_under_traffic_never_meets_half_a_driver(void **state)
{
    struct traffic traffic = {0};
    pthread_t thread;

    (void)state;
    assert_int_equal(sim_close(reader), SIM_STATUS_SUCCESS);
    assert_int_equal(pthread_create(&thread, NULL, make_traffic, &traffic), 0);
    for (unsigned i = 0; i < 60; i++) {
        sim_delay_seed(i + 1); /* also between the registration and its return */
        assert_int_equal(sim_driver_unload(true), SIM_STATUS_SUCCESS);
        sim_name_take(u"\\??\\Muster");
        assert_int_equal(driver_load(), SIM_STATUS_OBJECT_NAME_COLLISION);
        sim_name_release(u"\\??\\Muster");
        assert_int_equal(driver_load(), SIM_STATUS_SUCCESS);
    }
    sim_delay_seed(0);
    __atomic_store_n(&traffic.stop, 1, __ATOMIC_RELEASE);
    assert_int_equal(pthread_join(thread, NULL), 0);
    reader = client_open_as(MUSTER_NT_ROLE_READER);
}

/* Sanctum 9: error paths returned one status and completed with another, or did not complete at all. (The simulated
 * kernel compares the two, and counts.) */
static void every_error_is_completed_with_what_is_returned(void **state)
{
    struct sim_file *stranger = client_open();
    unsigned char output[64];

    (void)state;
    (void)sim_ioctl(stranger, 0, NULL, 0, NULL, 0, NULL);
    (void)sim_ioctl(stranger, MUSTER_NT_CONTROL_STATUS, NULL, 0, output, sizeof output, NULL);
    (void)sim_ioctl(stranger, MUSTER_NT_CONTROL_READ, NULL, 0, output, sizeof output, NULL);
    (void)sim_ioctl(stranger, MUSTER_NT_CONTROL_HELLO, NULL, 0, output, sizeof output, NULL);
    assert_int_equal(sim_requests_outstanding(), 0);
    assert_int_equal(sim_close(stranger), SIM_STATUS_SUCCESS);
}

/* Sanctum 11: kernel memory grew without end while nobody read. */
static void memory_is_bounded_without_a_reader(void **state)
{
    (void)state;
    assert_int_equal(sim_close(reader), SIM_STATUS_SUCCESS);
    sim_pool_guard(false);
    sim_pool_peak_reset();
    static sim_utf16 line[30000];
    const struct sim_process_spec spec = {.command_line = line, .command_line_bytes = sizeof line};
    for (unsigned i = 0; i < 500; i++)
        sim_process_exit(sim_process_create(&spec, NULL), 0);
    sim_pool_guard(true);
    reader = client_open_as(MUSTER_NT_ROLE_READER);
    const struct muster_nt_status_reply status = client_ledger(reader);
    assert_true(status.dropped[MUSTER_CAUSE_QUEUE_FULL] + status.dropped[MUSTER_CAUSE_CLASS_SHED] > 0);
    assert_true(sim_pool_peak_bytes() < status.budget_bytes + 256 * 1024);
}

struct seen {
    unsigned starts;
    size_t command_line_bytes;
    uint64_t last_pid;
};

static void note(void *context, const struct muster_record *record)
{
    struct seen *seen = context;
    struct muster_text text;

    if (record->type != MUSTER_EVENT_PROCESS_START)
        return;
    seen->starts++;
    seen->last_pid = ((const struct muster_process_start *)(const void *)record)->process.pid;
    if (muster_record_text(record, MUSTER_FIELD_COMMAND_LINE, &text))
        seen->command_line_bytes = text.full_bytes;
}

/* Sanctum 12, 13a: a NULL command line, or a string that could not be converted, dropped the whole event. */
static void a_null_command_line_drops_nothing(void **state)
{
    struct seen seen = {0};

    (void)state;
    sim_process_exit(client_spawn(u"\\??\\C:\\a.exe", NULL), 0);
    sim_process_exit(client_spawn(NULL, NULL), 0);
    (void)client_drain(reader, note, &seen);
    assert_int_equal(seen.starts, 2);
}

/* Sanctum 13c and SysMon's sample: a size in a USHORT wrapped round on the longest command line. */
static void the_longest_command_line_does_not_wrap_a_size(void **state)
{
    static sim_utf16 line[32767];
    struct seen seen = {0};

    (void)state;
    for (size_t i = 0; i < 32767; i++)
        line[i] = 'x';
    for (size_t bytes = 65534; bytes >= 65500; bytes -= 2) {
        const struct sim_process_spec spec = {.command_line = line, .command_line_bytes = bytes};
        seen = (struct seen){0};
        sim_process_exit(sim_process_create(&spec, NULL), 0);
        (void)client_drain(reader, note, &seen);
        assert_int_equal(seen.starts, 1);
        assert_int_equal(seen.command_line_bytes, bytes / 2);
    }
}

/* SysMon's sample: a terminating NUL was trusted. (The simulated kernel's strings have none, and end at a guard.) */
static void no_terminator_is_looked_for(void **state)
{
    struct seen seen = {0};

    (void)state;
    for (size_t units = 1; units < 40; units++) {
        const struct sim_process_spec spec = {.image = u"\\??\\C:\\aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                              .image_bytes = units * 2,
                                              .command_line = u"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
                                              .command_line_bytes = units * 2};
        sim_process_exit(sim_process_create(&spec, NULL), 0);
        (void)client_drain(reader, note, &seen);
        assert_int_equal(seen.command_line_bytes, units);
    }
}

/* Sanctum 15: a batch that was drained and could not be delivered lay there until a new event came. */
static void a_batch_that_did_not_fit_is_served_without_a_new_event(void **state)
{
    (void)state;
    spawn(3);
    struct client_read small = client_read(reader, 0, 0, 64);
    assert_int_equal(small.status, SIM_STATUS_BUFFER_OVERFLOW);
    struct client_read read = client_read(reader, 0, 0, READ_BUFFER_BYTES);
    assert_int_equal(read.header.record_count, 6);
    client_read_free(&small);
    client_read_free(&read);
}

/* Sanctum 16: events were drained before they were delivered; a reader that crashed took them along. */
static void a_crash_of_the_reader_takes_nothing_along(void **state)
{
    struct seen seen = {0};

    (void)state;
    spawn(5);
    struct client_read read = client_read(reader, 0, 0, READ_BUFFER_BYTES);
    client_read_free(&read); /* and it crashes */
    assert_int_equal(sim_close(reader), SIM_STATUS_SUCCESS);
    reader = client_open_as(MUSTER_NT_ROLE_READER);
    (void)client_drain(reader, note, &seen);
    assert_int_equal(seen.starts, 5);
}

/* Sanctum 17: all that was cached was cloned and serialised, twice, to learn a length. A READ allocates one thing at
 * most: the next reserved block. */
static void a_read_copies_into_the_readers_buffer_alone(void **state)
{
    (void)state;
    spawn(200);
    sim_fault_reset();
    struct client_read read = client_read(reader, 0, 0, READ_BUFFER_BYTES);
    assert_int_equal(read.header.record_count, 400);
    const uint64_t attempts = sim_fault_attempts(); /* the mapping of the buffer among them */
    assert_true(attempts <= 3);
    client_read_free(&read);
}

/* Sanctum 19: a bare pid names another process soon after. */
static void a_reused_pid_is_another_process(void **state)
{
    const struct sim_process_spec first = {.process_id = 4444, .create_time_100ns = 133500000000000000};
    const struct sim_process_spec second = {.process_id = 4444, .create_time_100ns = 133500000000000010};

    (void)state;
    sim_process_exit(sim_process_create(&first, NULL), 0);
    sim_process_exit(sim_process_create(&second, NULL), 0);
    struct client_read read = client_read(reader, 0, 0, READ_BUFFER_BYTES);
    const struct muster_process_start *one = (const void *)client_next(&read, NULL);
    const struct muster_process_start *two =
        (const void *)client_next(&read, client_next(&read, (const struct muster_record *)(const void *)one));
    assert_int_equal(one->process.pid, two->process.pid);
    assert_true(one->process.start_ns != two->process.start_ns);
    client_read_free(&read);
}

/* ddi#1073: a callback that removes itself, or waits for whoever does, leaves a process that never ends. Unload comes
 * while callbacks are under way, and both come to their end. */
static void unload_and_callbacks_do_not_wait_for_each_other(void **state)
{
    struct traffic traffic = {0};
    pthread_t threads[3];

    (void)state;
    assert_int_equal(sim_close(reader), SIM_STATUS_SUCCESS);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_traffic, &traffic), 0);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(sim_driver_unload(true), SIM_STATUS_SUCCESS);
        assert_int_equal(driver_load(), SIM_STATUS_SUCCESS);
    }
    __atomic_store_n(&traffic.stop, 1, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    reader = client_open_as(MUSTER_NT_ROLE_READER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_small_output_buffer_is_not_overrun),
        TEST(sizing_and_reading_is_one_call),
        TEST(short_and_long_input_is_refused),
        TEST(random_input_is_answered),
        TEST(no_handle_to_a_process_is_opened),
        TEST(a_plain_user_cannot_take_the_events),
        TEST(loading_under_traffic_never_meets_half_a_driver),
        TEST(every_error_is_completed_with_what_is_returned),
        TEST(memory_is_bounded_without_a_reader),
        TEST(a_null_command_line_drops_nothing),
        TEST(the_longest_command_line_does_not_wrap_a_size),
        TEST(no_terminator_is_looked_for),
        TEST(a_batch_that_did_not_fit_is_served_without_a_new_event),
        TEST(a_crash_of_the_reader_takes_nothing_along),
        TEST(a_read_copies_into_the_readers_buffer_alone),
        TEST(a_reused_pid_is_another_process),
        TEST(unload_and_callbacks_do_not_wait_for_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
