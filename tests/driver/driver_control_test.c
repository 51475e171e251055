/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's surface, tried out: every control code, every pair of buffer lengths, every major function,
 * and that no byte comes back which the driver did not mean to give.
 *
 * All 2^32 codes and all pairs of lengths to 512 take minutes: MUSTER_DEEP=1. Without it, all codes of our
 * device type, those below 2^24, some of each other type, and lengths around each limit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "driver_client.h"

static struct sim_file *reader;

static bool is_deep(void)
{
    const char *deep = getenv("MUSTER_DEEP");

    return deep != NULL && strcmp(deep, "1") == 0;
}

static int set_up(void **state)
{
    (void)state;
    if (driver_load() != SIM_STATUS_SUCCESS)
        return -1;
    reader = client_open_as(MUSTER_NT_ROLE_READER);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sim_buffer_poison(0xa5);
    sim_pool_poison(0xa5);
    sim_pool_guard(true);
    if (sim_close(reader) != SIM_STATUS_SUCCESS || sim_driver_unload(false) != SIM_STATUS_SUCCESS)
        return -1;
    sim_io_reset();
    return sim_pool_check_leaks(0) == 0 ? 0 : -1;
}

static bool is_ours(uint32_t code)
{
    return code == MUSTER_NT_CONTROL_HELLO || code == MUSTER_NT_CONTROL_READ || code == MUSTER_NT_CONTROL_STATUS;
}

static void try_code(uint32_t code)
{
    if (!is_ours(code))
        assert_int_equal(sim_ioctl(reader, code, NULL, 0, NULL, 0, NULL), SIM_STATUS_INVALID_DEVICE_REQUEST);
}

static void only_our_codes_are_accepted(void **state)
{
    uint64_t tried = 0;

    (void)state;
    sim_pool_guard(false);
    if (is_deep()) {
        sim_control_sweep(reader, 0, UINT32_MAX, is_ours, SIM_STATUS_INVALID_DEVICE_REQUEST);
    } else {
        sim_control_sweep(reader, MUSTER_NT_DEVICE_TYPE << 16, MUSTER_NT_DEVICE_TYPE << 16 | 0xffffU, is_ours,
                          SIM_STATUS_INVALID_DEVICE_REQUEST);
        sim_control_sweep(reader, 0, 0xffffffU, is_ours, SIM_STATUS_INVALID_DEVICE_REQUEST);
        for (uint32_t low = 0; low <= UINT16_MAX; low += 7, tried++)
            try_code(MUSTER_NT_DEVICE_TYPE << 16 | low);
        for (uint32_t high = 0; high <= UINT16_MAX; high += 5, tried += 3) {
            try_code(high << 16 | (MUSTER_NT_CONTROL_HELLO & 0xffffU));
            try_code(high << 16 | (MUSTER_NT_CONTROL_READ & 0xffffU));
            try_code(high << 16 | (MUSTER_NT_CONTROL_STATUS & 0xffffU));
        }
        assert_true(tried > 40000);
    }
}

static void other_major_functions_are_refused(void **state)
{
    (void)state;
    for (unsigned major = 0; major <= 0x1b; major++) {
        if (major == 0x00 || major == 0x02 || major == 0x12 || major == 0x0e || major == 0x0f)
            continue; /* create, close, cleanup, and control requests */
        assert_int_equal(sim_send(reader, (uint8_t)major, 0), SIM_STATUS_INVALID_DEVICE_REQUEST);
    }
}

/* ---- lengths ----------------------------------------------------------------------------------- */

#define LARGEST 600U
#define CANARY  0x5a

/* Bytes behind what Information tells are as they were. */
static sim_status try_lengths(uint32_t code, const void *input, size_t input_bytes, size_t output_bytes)
{
    static unsigned char output[LARGEST + 64];
    uint64_t information = 0;
    sim_status status;

    memset(output, CANARY, sizeof output);
    status = sim_ioctl(reader, code, input, input_bytes, output, output_bytes, &information);
    assert_true(information <= output_bytes);
    for (size_t i = (size_t)information; i < sizeof output; i++)
        assert_int_equal(output[i], CANARY);
    return status;
}

static void expect_for_lengths(uint32_t code, size_t input_bytes, size_t output_bytes, sim_status status)
{
    bool fits;

    switch (code) {
    case MUSTER_NT_CONTROL_HELLO:
        fits = input_bytes >= sizeof(struct muster_nt_hello_request) &&
               output_bytes >= sizeof(struct muster_nt_hello_reply);
        break;
    case MUSTER_NT_CONTROL_STATUS:
        fits = input_bytes == 0 && output_bytes >= sizeof(struct muster_nt_status_reply);
        break;
    default:
        fits = input_bytes == sizeof(struct muster_nt_read_request) &&
               output_bytes >= sizeof(struct muster_nt_read_header);
        break;
    }
    if (fits)
        assert_true(status == SIM_STATUS_SUCCESS || status == SIM_STATUS_BUFFER_OVERFLOW);
    else
        assert_true(status == SIM_STATUS_INVALID_PARAMETER || status == SIM_STATUS_BUFFER_TOO_SMALL);
}

static bool is_near_a_limit(size_t bytes)
{
    static const size_t limits[] = {0,
                                    sizeof(struct muster_nt_read_request),
                                    sizeof(struct muster_nt_hello_request),
                                    sizeof(struct muster_nt_read_header),
                                    sizeof(struct muster_nt_hello_reply),
                                    sizeof(struct muster_nt_status_reply),
                                    LARGEST};

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (bytes + 9 > limits[i] && bytes < limits[i] + 9)
            return true;
    return bytes % 64 == 0;
}

static void every_pair_of_lengths_is_answered_within_them(void **state)
{
    static const uint32_t codes[] = {MUSTER_NT_CONTROL_HELLO, MUSTER_NT_CONTROL_STATUS, MUSTER_NT_CONTROL_READ};
    static union {
        struct muster_nt_hello_request hello;
        struct muster_nt_read_request read; /* acknowledges nothing, waits for nothing */
        unsigned char bytes[LARGEST];
    } input;
    const unsigned step = driver_test_scale() < 100 ? 7 : 1;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        memset(&input, 0, sizeof input);
        if (codes[i] == MUSTER_NT_CONTROL_HELLO)
            input.hello = (struct muster_nt_hello_request){
                .protocol_version = 1, .record_version = 1, .record_header_bytes = 48, .role = MUSTER_NT_ROLE_READER};
        for (size_t in = 0; in <= LARGEST; in++) {
            for (size_t out = 0; out <= LARGEST; out += 1) {
                if (!is_deep() && !(is_near_a_limit(in) && is_near_a_limit(out) && (in + out) % step == 0))
                    continue;
                expect_for_lengths(codes[i], in, out, try_lengths(codes[i], &input, in, out));
            }
        }
    }
}

static void a_reserved_field_that_is_set_is_refused(void **state)
{
    const struct muster_nt_read_request request = {.reserved = 1};
    unsigned char output[512];

    (void)state;
    assert_int_equal(sim_ioctl(reader, MUSTER_NT_CONTROL_READ, &request, sizeof request, output, sizeof output, NULL),
                     SIM_STATUS_INVALID_PARAMETER);
}

static void denied_requests_are_counted(void **state)
{
    const uint64_t before = client_ledger(reader).denied_requests;

    (void)state;
    try_code(1);
    (void)sim_ioctl(reader, MUSTER_NT_CONTROL_STATUS, "x", 1, NULL, 0, NULL);
    assert_int_equal(client_ledger(reader).denied_requests, before + 2);
}

/* ---- stale bytes ------------------------------------------------------------------------------- */

struct answers {
    struct muster_nt_hello_reply hello;
    struct muster_nt_status_reply status;
    size_t record_bytes;
    unsigned char records[32 * 1024];
};

/* Blanks what differs from one process to the next by its nature. */
static void blank(struct muster_record *record)
{
    record->sequence = 0;
    record->time_ns = 0;
    if (record->type == MUSTER_EVENT_PROCESS_START) {
        struct muster_process_start *start = (struct muster_process_start *)(void *)record;
        start->process.pid = 0;
        start->process.start_ns = 0;
    }
    if (record->type == MUSTER_EVENT_PROCESS_EXIT) {
        struct muster_process_exit *exit = (struct muster_process_exit *)(void *)record;
        exit->process.pid = 0;
        exit->process.start_ns = 0;
        exit->run_time_ns = 0;
    }
}

static void collect(struct answers *answers, unsigned char poison)
{
    struct client_read read;
    size_t at = 0;

    memset(answers, 0, sizeof *answers);
    sim_buffer_poison(poison);
    sim_pool_poison(poison);
    sim_routine_hide("ExAllocatePool2"); /* which would zero */
    assert_int_equal(driver_load(), SIM_STATUS_SUCCESS);
    reader = client_open();
    assert_int_equal(client_hello(reader, MUSTER_NT_ROLE_READER, &answers->hello), MUSTER_NT_ACCEPTED);
    for (unsigned i = 0; i < 20; i++) {
        static sim_utf16 line[300];
        const struct sim_process_spec spec = {.process_id = 4000,
                                              .image = line,
                                              .image_bytes = i * 2,
                                              .command_line = line,
                                              .command_line_bytes = i * 30};
        sim_process_exit(sim_process_create(&spec, NULL), (sim_status)i);
    }
    read = client_read(reader, 0, 0, READ_BUFFER_BYTES);
    answers->status = client_ledger(reader);
    for (const struct muster_record *record = client_next(&read, NULL); record != NULL;
         record = client_next(&read, record)) {
        memcpy(answers->records + at, record, record->size_bytes);
        blank((struct muster_record *)(void *)(answers->records + at));
        at += record->size_bytes;
        assert_true(at <= sizeof answers->records - 4096);
    }
    answers->record_bytes = at;
    client_read_free(&read);
    assert_int_equal(sim_close(reader), SIM_STATUS_SUCCESS);
    driver_unload();
    sim_routine_show("ExAllocatePool2");
    answers->hello.epoch = answers->hello.started_ns = 0;
    answers->status.epoch = answers->status.started_ns = 0;
}

static void two_poisons_give_the_same_output(void **state)
{
    static struct answers first, second;

    (void)state;
    collect(&first, 0x00);
    collect(&second, 0xff);
    assert_true(first.record_bytes > 5000);
    assert_memory_equal(&first, &second, sizeof first);
    collect(&second, 0x5a);
    assert_memory_equal(&first, &second, sizeof first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_our_codes_are_accepted),
        TEST(other_major_functions_are_refused),
        TEST(every_pair_of_lengths_is_answered_within_them),
        TEST(a_reserved_field_that_is_set_is_refused),
        TEST(denied_requests_are_counted),
        cmocka_unit_test(two_poisons_give_the_same_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
