/* SPDX-License-Identifier: Apache-2.0 */
/* HELLO, READ, STATUS: leases, time-outs, cancellation, one reader at a time. One promise a test. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "driver_client.h"

static int set_up(void **state)
{
    (void)state;
    return driver_load() == SIM_STATUS_SUCCESS ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    if (sim_driver_unload(false) != SIM_STATUS_SUCCESS)
        return -1;
    sim_io_reset();
    return sim_pool_check_leaks(0) == 0 ? 0 : -1;
}

static void spawn_and_exit(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        sim_process_exit(client_spawn(u"\\??\\C:\\a.exe", u"a"), 0);
}

/* ---- HELLO ------------------------------------------------------------------------------------- */

static void hello_tells_versions_sizes_and_features(void **state)
{
    struct muster_nt_hello_reply reply;
    struct sim_file *file = client_open();

    (void)state;
    assert_int_equal(client_hello(file, MUSTER_NT_ROLE_OBSERVER, &reply), MUSTER_NT_ACCEPTED);
    assert_int_equal(reply.protocol_version, MUSTER_NT_PROTOCOL_VERSION);
    assert_int_equal(reply.record_version, MUSTER_RECORD_VERSION);
    assert_int_equal(reply.record_header_bytes, 48);
    assert_int_equal(reply.read_header_bytes, 32);
    assert_int_equal(reply.read_most_bytes, 32 + 256 * 1024);
    assert_true(reply.features == MUSTER_NT_FEATURES);
    assert_true(reply.started_ns != 0);
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
}

static uint32_t hello_with(const struct muster_nt_hello_request *request)
{
    struct sim_file *file = client_open();
    struct muster_nt_hello_reply reply;
    struct muster_nt_status_reply status;
    uint64_t information;

    assert_int_equal(
        sim_ioctl(file, MUSTER_NT_CONTROL_HELLO, request, sizeof *request, &reply, sizeof reply, &information),
        SIM_STATUS_SUCCESS);
    /* Refused is as if nothing had been said. */
    assert_int_equal(client_status(file, &status), STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
    return reply.refusal;
}

static void a_mismatch_is_refused_with_its_reason(void **state)
{
    const struct muster_nt_hello_request right = {
        .protocol_version = 1, .record_version = 1, .record_header_bytes = 48, .role = MUSTER_NT_ROLE_READER};
    struct muster_nt_hello_request wrong;

    (void)state;
    wrong = right;
    wrong.protocol_version = 2;
    assert_int_equal(hello_with(&wrong), MUSTER_NT_REFUSED_PROTOCOL);
    wrong = right;
    wrong.record_version = 2;
    assert_int_equal(hello_with(&wrong), MUSTER_NT_REFUSED_RECORDS);
    wrong = right;
    wrong.record_header_bytes = 56;
    assert_int_equal(hello_with(&wrong), MUSTER_NT_REFUSED_RECORDS);
    wrong = right;
    wrong.needed_features = 1ULL << 63;
    assert_int_equal(hello_with(&wrong), MUSTER_NT_REFUSED_FEATURES);
    wrong = right;
    wrong.role = 3;
    assert_int_equal(hello_with(&wrong), MUSTER_NT_REFUSED_ROLE);
    /* Each refusal is told in the stream. */
    struct sim_file *file = client_open_as(MUSTER_NT_ROLE_READER);
    assert_int_equal(client_drain(file, NULL, NULL), 1 + 5);
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
}

static void without_hello_nothing_is_answered(void **state)
{
    struct sim_file *file = client_open();
    struct muster_nt_status_reply status;
    struct client_read read;

    (void)state;
    assert_int_equal(client_status(file, &status), STATUS_INVALID_DEVICE_STATE);
    read = client_read(file, 0, 0, READ_BUFFER_BYTES);
    assert_int_equal(read.status, STATUS_INVALID_DEVICE_STATE);
    client_read_free(&read);
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
}

/* ---- one reader -------------------------------------------------------------------------------- */

static void a_second_reader_is_refused_until_the_first_is_gone(void **state)
{
    struct sim_file *first = client_open_as(MUSTER_NT_ROLE_READER);
    struct sim_file *second = client_open();
    struct client_read read;

    (void)state;
    assert_int_equal(client_hello(first, MUSTER_NT_ROLE_READER, NULL), MUSTER_NT_ACCEPTED); /* it is */
    assert_int_equal(client_hello(second, MUSTER_NT_ROLE_READER, NULL), MUSTER_NT_REFUSED_READER_TAKEN);
    assert_int_equal(client_hello(second, MUSTER_NT_ROLE_OBSERVER, NULL), MUSTER_NT_ACCEPTED);
    assert_int_equal(client_ledger(second).reader_present, 1);
    read = client_read(second, 0, 0, READ_BUFFER_BYTES);
    assert_int_equal(read.status, SIM_STATUS_ACCESS_DENIED);
    client_read_free(&read);
    assert_int_equal(sim_close(first), SIM_STATUS_SUCCESS);
    assert_int_equal(client_ledger(second).reader_present, 0);
    assert_int_equal(client_hello(second, MUSTER_NT_ROLE_READER, NULL), MUSTER_NT_ACCEPTED);
    assert_int_equal(sim_close(second), SIM_STATUS_SUCCESS);
}

static void a_handle_that_may_not_write_does_not_read(void **state)
{
    sim_status status;
    struct sim_file *file = sim_open(DEVICE_PATH, NULL, SIM_GENERIC_READ, 0, &status);
    struct client_read read;

    (void)state;
    assert_int_equal(client_hello(file, MUSTER_NT_ROLE_READER, NULL), MUSTER_NT_ACCEPTED);
    read = client_read(file, 0, 0, READ_BUFFER_BYTES);
    assert_int_equal(read.status, SIM_STATUS_ACCESS_DENIED); /* the I/O manager, by the code's bits */
    client_read_free(&read);
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
}

/* ---- leases ------------------------------------------------------------------------------------ */

static void what_is_leased_is_served_again_until_acknowledged(void **state)
{
    struct sim_file *file = client_open_as(MUSTER_NT_ROLE_READER);
    struct client_read first, again, rest;

    (void)state;
    spawn_and_exit(2); /* and the driver's own message before */
    first = client_read(file, 0, 0, READ_BUFFER_BYTES);
    assert_int_equal(first.header.record_count, 5);
    spawn_and_exit(1);
    again = client_read(file, 0, 0, READ_BUFFER_BYTES);
    assert_true(again.header.lease_id == first.header.lease_id);
    assert_int_equal(again.header.record_bytes, first.header.record_bytes);
    assert_memory_equal(again.records, first.records, first.header.record_bytes);
    assert_int_equal(client_ledger(file).leased_records, 5);
    rest = client_read(file, first.header.lease_id, 0, READ_BUFFER_BYTES);
    assert_int_equal(rest.header.record_count, 2);
    assert_true(rest.header.lease_id != first.header.lease_id);
    assert_int_equal(client_next(&rest, NULL)->sequence, 6);
    assert_int_equal(client_ledger(file).delivered, 5);
    client_read_free(&first);
    client_read_free(&again);
    client_read_free(&rest);
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
}

static void a_wrong_acknowledgement_changes_nothing(void **state)
{
    struct sim_file *file = client_open_as(MUSTER_NT_ROLE_READER);
    struct client_read first, wrong, right, again;

    (void)state;
    first = client_read(file, 0, 0, READ_BUFFER_BYTES);
    wrong = client_read(file, first.header.lease_id + 7, 0, READ_BUFFER_BYTES);
    assert_int_equal(wrong.status, STATUS_INVALID_DEVICE_STATE);
    assert_int_equal(client_ledger(file).delivered, 0);
    right = client_read(file, first.header.lease_id, 0, READ_BUFFER_BYTES);
    assert_int_equal(right.status, SIM_STATUS_SUCCESS);
    assert_int_equal(right.header.record_count, 0);
    /* A READ that was cancelled may have acknowledged, so the last one may be acknowledged again. */
    again = client_read(file, first.header.lease_id, 0, READ_BUFFER_BYTES);
    assert_int_equal(again.status, SIM_STATUS_SUCCESS);
    assert_int_equal(client_ledger(file).delivered, 1);
    client_read_free(&first);
    client_read_free(&wrong);
    client_read_free(&right);
    client_read_free(&again);
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
}

static void a_reader_that_goes_leaves_its_lease_to_the_next(void **state)
{
    struct sim_file *file = client_open_as(MUSTER_NT_ROLE_READER);
    struct client_read first, next, late;

    (void)state;
    spawn_and_exit(3);
    first = client_read(file, 0, 0, READ_BUFFER_BYTES);
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
    spawn_and_exit(1);
    file = client_open_as(MUSTER_NT_ROLE_READER);
    assert_int_equal(client_ledger(file).lease_id, 0);
    next = client_read(file, 0, 0, READ_BUFFER_BYTES);
    assert_int_equal(next.header.record_count, first.header.record_count + 2);
    assert_memory_equal(next.records, first.records, first.header.record_bytes);
    assert_true(next.header.lease_id != first.header.lease_id);
    late = client_read(file, first.header.lease_id, 0, READ_BUFFER_BYTES);
    assert_int_equal(late.status, STATUS_INVALID_DEVICE_STATE);
    client_read_free(&first);
    client_read_free(&next);
    client_read_free(&late);
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
}

/* ---- sizes ------------------------------------------------------------------------------------- */

static void a_buffer_too_small_for_one_record_changes_nothing(void **state)
{
    struct sim_file *file = client_open_as(MUSTER_NT_ROLE_READER);
    struct client_read small, fits;

    (void)state;
    spawn_and_exit(1);
    small = client_read(file, 0, 0, sizeof(struct muster_nt_read_header));
    assert_int_equal(small.status, SIM_STATUS_BUFFER_OVERFLOW);
    assert_int_equal(small.information, sizeof small.header);
    assert_int_equal(client_ledger(file).lease_id, 0);
    client_read_free(&small);
    small = client_read(file, 0, 0, small.header.bytes_needed - 1);
    assert_int_equal(small.status, SIM_STATUS_BUFFER_OVERFLOW);
    fits = client_read(file, 0, 0, small.header.bytes_needed);
    assert_int_equal(fits.status, SIM_STATUS_SUCCESS);
    assert_int_equal(fits.header.record_count, 1);
    assert_int_equal(client_next(&fits, NULL)->sequence, 1);
    client_read_free(&small);
    client_read_free(&fits);
    small = client_read(file, 0, 0, sizeof(struct muster_nt_read_header) - 1);
    assert_int_equal(small.status, SIM_STATUS_BUFFER_TOO_SMALL);
    client_read_free(&small);
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
}

/* One record a READ, by buffers that hold just the next one. */
static void each_record_comes_once_whatever_the_buffers(void **state)
{
    struct sim_file *file = client_open_as(MUSTER_NT_ROLE_READER);
    uint64_t acknowledge = 0, next = 1;

    (void)state;
    spawn_and_exit(20);
    while (next <= 41) {
        struct client_read read = client_read(file, acknowledge, 0, sizeof(struct muster_nt_read_header));
        const size_t bytes = read.header.bytes_needed;
        client_read_free(&read);
        read = client_read(file, 0, 0, bytes);
        assert_int_equal(read.header.record_count, 1);
        assert_int_equal(client_next(&read, NULL)->sequence, next++);
        acknowledge = read.header.lease_id;
        client_read_free(&read);
    }
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
}

/* ---- waiting ----------------------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void a_read_waits_for_its_time(void **state)
{
    struct sim_file *file = client_open_as(MUSTER_NT_ROLE_READER);
    const uint64_t before = now_ms();
    struct client_read read;

    (void)state;
    (void)client_drain(file, NULL, NULL);
    read = client_read(file, 0, 150, READ_BUFFER_BYTES);
    assert_int_equal(read.status, SIM_STATUS_SUCCESS);
    assert_int_equal(read.header.record_count, 0);
    assert_true(read.header.epoch != 0);
    assert_true(now_ms() - before >= 149); /* not earlier; how much later is the machine's matter */
    client_read_free(&read);
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
}

struct waiting {
    struct sim_request *request;
    struct muster_nt_read_request wanted;
    unsigned char *buffer;
};

static struct waiting begin_waiting(struct sim_file *file, uint64_t acknowledge)
{
    struct waiting waiting = {.wanted = {.acknowledge_lease_id = acknowledge, .timeout_ms = MUSTER_NT_WAIT_FOREVER},
                              .buffer = malloc(READ_BUFFER_BYTES)};

    waiting.request = sim_ioctl_begin(file, MUSTER_NT_CONTROL_READ, &waiting.wanted, sizeof waiting.wanted,
                                      waiting.buffer, READ_BUFFER_BYTES);
    return waiting;
}

static sim_status end_waiting(struct waiting *waiting, unsigned timeout_ms, uint32_t *ret_count)
{
    struct muster_nt_read_header header;
    const sim_status status = sim_request_wait(waiting->request, timeout_ms, NULL);

    if (status == SIM_STATUS_TIMEOUT)
        return status;
    memcpy(&header, waiting->buffer, sizeof header);
    if (ret_count != NULL)
        *ret_count = header.record_count;
    sim_request_free(waiting->request);
    free(waiting->buffer);
    return status;
}

static void a_read_ends_as_soon_as_there_is_something(void **state)
{
    struct sim_file *file = client_open_as(MUSTER_NT_ROLE_READER);
    uint32_t count = 0;

    (void)state;
    (void)client_drain(file, NULL, NULL);
    for (unsigned i = 0; i < 20; i++) {
        struct waiting waiting = begin_waiting(file, 0);
        assert_int_equal(end_waiting(&waiting, i % 5, NULL), SIM_STATUS_TIMEOUT);
        struct sim_process *process = client_spawn(u"\\??\\C:\\a.exe", u"a");
        assert_int_equal(end_waiting(&waiting, 30000, &count), SIM_STATUS_SUCCESS);
        assert_int_equal(count, 1);
        sim_process_exit(process, 0);
        (void)client_drain(file, NULL, NULL);
    }
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
}

static void *spawn_one(void *context)
{
    *(struct sim_process **)context = client_spawn(u"\\??\\C:\\a.exe", u"a");
    return NULL;
}

/* The event comes while the reader's thread looks into the queue for the last time and goes to sleep. */
static void no_wake_up_is_lost(void **state)
{
    struct sim_file *file = client_open_as(MUSTER_NT_ROLE_READER);
    const unsigned rounds = 4 * driver_test_scale() + 100;

    (void)state;
    (void)client_drain(file, NULL, NULL);
    for (unsigned i = 0; i < rounds; i++) {
        struct sim_process *process;
        pthread_t thread;
        sim_delay_seed(i + 1);
        assert_int_equal(pthread_create(&thread, NULL, spawn_one, &process), 0);
        struct waiting waiting = begin_waiting(file, 0);
        assert_int_equal(end_waiting(&waiting, 20000, NULL), SIM_STATUS_SUCCESS);
        assert_int_equal(pthread_join(thread, NULL), 0);
        sim_delay_seed(0);
        sim_process_exit(process, 0);
        assert_int_equal(client_drain(file, NULL, NULL), 2);
    }
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
}

static void a_second_read_is_turned_away_while_one_waits(void **state)
{
    struct sim_file *file = client_open_as(MUSTER_NT_ROLE_READER);
    struct waiting waiting;
    struct client_read read;

    (void)state;
    (void)client_drain(file, NULL, NULL);
    waiting = begin_waiting(file, 0);
    read = client_read(file, 0, 0, READ_BUFFER_BYTES);
    assert_int_equal(read.status, STATUS_DEVICE_BUSY);
    client_read_free(&read);
    assert_true(sim_request_cancel(waiting.request));
    assert_int_equal(end_waiting(&waiting, 30000, NULL), SIM_STATUS_CANCELLED);
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
}

/* The cancellation meets the reader's thread where it takes the READ to complete it. */
static void a_cancelled_read_loses_nothing(void **state)
{
    struct sim_file *file = client_open_as(MUSTER_NT_ROLE_READER);
    const unsigned rounds = 4 * driver_test_scale() + 100;

    (void)state;
    (void)client_drain(file, NULL, NULL);
    for (unsigned i = 0; i < rounds; i++) {
        struct waiting waiting = begin_waiting(file, 0);
        struct sim_process *process;
        pthread_t thread;
        sim_delay_seed(i + 1);
        assert_int_equal(pthread_create(&thread, NULL, spawn_one, &process), 0);
        if (i % 3 != 0)
            (void)sim_request_wait(waiting.request, 0, NULL);
        (void)sim_request_cancel(waiting.request);
        (void)end_waiting(&waiting, 30000, NULL);
        assert_int_equal(pthread_join(thread, NULL), 0);
        sim_delay_seed(0);
        /* Whether it was served or cancelled: what was not acknowledged is there. */
        assert_int_equal(client_drain(file, NULL, NULL), 1);
        sim_process_exit(process, 0);
        assert_int_equal(client_drain(file, NULL, NULL), 1);
    }
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
}

static void closing_the_handle_ends_a_read_that_waits(void **state)
{
    struct sim_file *file = client_open_as(MUSTER_NT_ROLE_READER);
    struct waiting waiting;

    (void)state;
    (void)client_drain(file, NULL, NULL);
    waiting = begin_waiting(file, 0);
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
    assert_int_equal(end_waiting(&waiting, 30000, NULL), SIM_STATUS_CANCELLED);
}

/* CLEANUP comes with the last handle, not with the first. */
static void a_duplicated_handle_keeps_the_reader(void **state)
{
    struct sim_file *file = client_open_as(MUSTER_NT_ROLE_READER);
    struct sim_file *copy = sim_handle_duplicate(file);
    struct client_read read;

    (void)state;
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
    read = client_read(copy, 0, 0, READ_BUFFER_BYTES);
    assert_int_equal(read.status, SIM_STATUS_SUCCESS);
    client_read_free(&read);
    assert_int_equal(sim_close(copy), SIM_STATUS_SUCCESS);
}

static void *die(void *context)
{
    (void)context;
    struct sim_file *file = client_open_as(MUSTER_NT_ROLE_READER);
    (void)client_drain(file, NULL, NULL);
    struct waiting waiting = begin_waiting(file, 0);
    sim_thread_cancel_requests();
    assert_int_equal(end_waiting(&waiting, 30000, NULL), SIM_STATUS_CANCELLED);
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
    return NULL;
}

static void a_reader_that_dies_frees_its_place(void **state)
{
    pthread_t thread;

    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(pthread_create(&thread, NULL, die, NULL), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    assert_int_equal(sim_close(client_open_as(MUSTER_NT_ROLE_READER)), SIM_STATUS_SUCCESS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hello_tells_versions_sizes_and_features),
        TEST(a_mismatch_is_refused_with_its_reason),
        TEST(without_hello_nothing_is_answered),
        TEST(a_second_reader_is_refused_until_the_first_is_gone),
        TEST(a_handle_that_may_not_write_does_not_read),
        TEST(what_is_leased_is_served_again_until_acknowledged),
        TEST(a_wrong_acknowledgement_changes_nothing),
        TEST(a_reader_that_goes_leaves_its_lease_to_the_next),
        TEST(a_buffer_too_small_for_one_record_changes_nothing),
        TEST(each_record_comes_once_whatever_the_buffers),
        TEST(a_read_waits_for_its_time),
        TEST(a_read_ends_as_soon_as_there_is_something),
        TEST(no_wake_up_is_lost),
        TEST(a_second_read_is_turned_away_while_one_waits),
        TEST(a_cancelled_read_loses_nothing),
        TEST(closing_the_handle_ends_a_read_that_waits),
        TEST(a_duplicated_handle_keeps_the_reader),
        TEST(a_reader_that_dies_frees_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
