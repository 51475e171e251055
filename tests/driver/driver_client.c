/* SPDX-License-Identifier: Apache-2.0 */
/* driver_client.h */
#include "driver_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

sim_status driver_load(void)
{
    return sim_driver_load(DriverEntry, u"Muster", SIM_FORCE_INTEGRITY);
}

void driver_unload(void)
{
    assert_int_equal(sim_driver_unload(true), SIM_STATUS_SUCCESS);
    sim_pool_require_no_leaks("driver_unload", 0);
}

struct sim_file *client_open(void)
{
    sim_status status;
    struct sim_file *file =
        sim_open(DEVICE_PATH, NULL, SIM_GENERIC_READ | SIM_GENERIC_WRITE, SIM_SHARE_READ | SIM_SHARE_WRITE, &status);

    assert_non_null(file);
    assert_int_equal(status, SIM_STATUS_SUCCESS);
    return file;
}

uint32_t client_hello(struct sim_file *file, uint32_t role, struct muster_nt_hello_reply *ret_reply)
{
    const struct muster_nt_hello_request request = {
        .protocol_version = MUSTER_NT_PROTOCOL_VERSION,
        .record_version = MUSTER_RECORD_VERSION,
        .record_header_bytes = sizeof(struct muster_record),
        .role = role,
        .needed_features = MUSTER_NT_FEATURES,
    };
    struct muster_nt_hello_reply reply;
    uint64_t information;

    assert_int_equal(
        sim_ioctl(file, MUSTER_NT_CONTROL_HELLO, &request, sizeof request, &reply, sizeof reply, &information),
        SIM_STATUS_SUCCESS);
    assert_int_equal(information, sizeof reply);
    assert_true(reply.epoch != 0);
    if (ret_reply != NULL)
        *ret_reply = reply;
    return reply.refusal;
}

struct sim_file *client_open_as(uint32_t role)
{
    struct sim_file *file = client_open();

    assert_int_equal(client_hello(file, role, NULL), MUSTER_NT_ACCEPTED);
    return file;
}

sim_status client_status(struct sim_file *file, struct muster_nt_status_reply *ret_reply)
{
    struct muster_nt_status_reply reply;
    uint64_t information;
    const sim_status status = sim_ioctl(file, MUSTER_NT_CONTROL_STATUS, NULL, 0, &reply, sizeof reply, &information);

    if (status == SIM_STATUS_SUCCESS) {
        assert_int_equal(information, sizeof reply);
        *ret_reply = reply;
    }
    return status;
}

struct muster_nt_status_reply client_ledger(struct sim_file *file)
{
    struct muster_nt_status_reply reply;
    uint64_t accounted;

    assert_int_equal(client_status(file, &reply), SIM_STATUS_SUCCESS);
    accounted = reply.delivered + reply.filtered + reply.held;
    for (unsigned i = 0; i < MUSTER_GAP_CAUSES; i++)
        accounted += reply.dropped[i];
    assert_int_equal(reply.produced, accounted);
    assert_true(reply.charged_bytes <= reply.budget_bytes);
    assert_true(reply.charged_peak_bytes <= reply.budget_bytes);
    return reply;
}

static void validate_all(const struct client_read *read)
{
    uint32_t count = 0;

    for (const struct muster_record *record = client_next(read, NULL); record != NULL;
         record = client_next(read, record))
        count++;
    assert_int_equal(count, read->header.record_count);
}

struct client_read client_read(struct sim_file *file, uint64_t acknowledge, uint32_t timeout_ms, size_t buffer_bytes)
{
    const struct muster_nt_read_request request = {.acknowledge_lease_id = acknowledge, .timeout_ms = timeout_ms};
    struct client_read read = {.records = malloc(buffer_bytes + 8)};

    assert_non_null(read.records);
    read.status = sim_ioctl(file, MUSTER_NT_CONTROL_READ, &request, sizeof request, read.records, buffer_bytes,
                            &read.information);
    if (read.status != SIM_STATUS_SUCCESS && read.status != SIM_STATUS_BUFFER_OVERFLOW)
        return read;
    assert_true(read.information >= sizeof read.header && read.information <= buffer_bytes);
    memcpy(&read.header, read.records, sizeof read.header);
    assert_int_equal(read.information, sizeof read.header + read.header.record_bytes);
    assert_int_equal(read.header.reserved, 0);
    assert_true((read.header.record_count == 0) == (read.header.lease_id == 0));
    assert_true((read.status == SIM_STATUS_BUFFER_OVERFLOW) == (read.header.bytes_needed != 0));
    memmove(read.records, read.records + sizeof read.header, read.header.record_bytes);
    validate_all(&read);
    return read;
}

void client_read_free(struct client_read *read)
{
    free(read->records);
    read->records = NULL;
}

const struct muster_record *client_next(const struct client_read *read, const struct muster_record *record)
{
    const unsigned char *at = record == NULL ? read->records : (const unsigned char *)record + record->size_bytes;
    const size_t left = (size_t)(read->records + read->header.record_bytes - at);
    const struct muster_record *next;

    if (left == 0)
        return NULL;
    assert_int_equal(muster_record_validate(at, left, &next), MUSTER_OK);
    return next;
}

size_t client_drain(struct sim_file *file, void (*see)(void *context, const struct muster_record *record),
                    void *context)
{
    uint64_t acknowledge = 0;
    size_t count = 0;

    for (;;) {
        struct client_read read = client_read(file, acknowledge, 0, READ_BUFFER_BYTES);
        assert_int_equal(read.status, SIM_STATUS_SUCCESS);
        for (const struct muster_record *record = client_next(&read, NULL); record != NULL;
             record = client_next(&read, record), count++)
            if (see != NULL)
                see(context, record);
        acknowledge = read.header.lease_id;
        client_read_free(&read);
        if (acknowledge == 0)
            return count;
    }
}

size_t utf16_bytes(const uint16_t *text)
{
    size_t units = 0;

    while (text[units] != 0)
        units++;
    return units * 2;
}

struct sim_process *client_spawn(const uint16_t *image, const uint16_t *command_line)
{
    const struct sim_process_spec spec = {
        .image = image,
        .image_bytes = image != NULL ? utf16_bytes(image) : 0,
        .command_line = command_line,
        .command_line_bytes = command_line != NULL ? utf16_bytes(command_line) : 0,
        .file_open_name_available = true,
    };
    sim_status status;
    struct sim_process *process = sim_process_create(&spec, &status);

    assert_non_null(process);
    assert_int_equal(status, SIM_STATUS_SUCCESS);
    return process;
}

void expect_text(const struct muster_record *record, enum muster_field field, const char *bytes, size_t size)
{
    struct muster_text text;

    assert_true(muster_record_text(record, field, &text));
    assert_int_equal(text.size_bytes, size);
    assert_int_equal(text.full_bytes, size);
    assert_memory_equal(text.bytes, bytes, size);
}

unsigned driver_test_scale(void)
{
    const char *text = getenv("MUSTER_TEST_SCALE");
    unsigned scale = getenv("MUSTER_DEEP") != NULL ? 100 : 20;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    scale = 5;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
    scale = 5;
#endif
#endif
    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : scale;
}
