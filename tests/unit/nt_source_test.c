/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sensor on Windows against a driver that is played here: who holds which event at each moment, and
 * what is lost when either side goes away. The source is compiled as it is, with few_windows/ for the
 * system's header.
 */
/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/nt_source.c"

#define EPOCH 0x0102030405060708ULL
#define EXIT  sizeof(struct muster_process_exit)

/* ---- the driver ---------------------------------------------------------------------------------- */

static struct {
    uint64_t produced;
    uint64_t delivered;
    uint64_t leased;
    uint64_t lease_id;
    uint64_t last_lease_id;
    uint64_t bad_sequence; /* this one is not valid */
    struct muster_nt_read_request request;
    unsigned char *buffer;
    size_t buffer_bytes;
    bool is_pending;
    bool is_cancelled;
    bool acts_late; /* what a READ acknowledges is still leased when it is cancelled */
    bool is_gone;
    unsigned reads;
} driver;

static uint64_t driver_available(void)
{
    return driver.produced - driver.delivered - driver.leased;
}

static void driver_acknowledge(void)
{
    if (driver.request.acknowledge_lease_id == 0)
        return;
    assert_int_equal(driver.request.acknowledge_lease_id, driver.lease_id);
    driver.delivered += driver.leased;
    driver.leased = 0;
    driver.lease_id = 0;
}

bool nt_fail(struct muster_sensor_error *ret_error, const char *what, DWORD error)
{
    *ret_error = (struct muster_sensor_error){.what = what, .advice = "none"};
    snprintf(ret_error->reason, sizeof(ret_error->reason), "%u", (unsigned)error);
    return false;
}

bool nt_device_open(enum muster_nt_role role, struct nt_device *ret_device, struct muster_sensor_error *ret_error)
{
    (void)ret_error;
    assert_int_equal(role, MUSTER_NT_ROLE_READER);
    ret_device->handle = NULL;
    ret_device->hello = (struct muster_nt_hello_reply){
        .epoch = EPOCH, .read_most_bytes = sizeof(struct muster_nt_read_header) + MUSTER_RECORD_MAX_BYTES};
    return true;
}

void nt_device_close(struct nt_device *device)
{
    (void)device;
    driver.leased = 0;
    driver.lease_id = 0;
}

DWORD nt_device_status(const struct nt_device *device, struct muster_nt_status_reply *ret_status)
{
    (void)device;
    if (driver.is_gone)
        return ERROR_OPERATION_ABORTED;
    *ret_status = (struct muster_nt_status_reply){.epoch = EPOCH,
                                                  .produced = driver.produced,
                                                  .delivered = driver.delivered,
                                                  .held = driver.produced - driver.delivered,
                                                  .lease_id = driver.lease_id};
    return ERROR_SUCCESS;
}

DWORD nt_read_begin(const struct nt_device *device, struct nt_read *read, void *buffer, size_t buffer_bytes)
{
    (void)device;
    assert_false(driver.is_pending);
    if (driver.is_gone)
        return ERROR_OPERATION_ABORTED;
    driver.request = read->request;
    driver.buffer = buffer;
    driver.buffer_bytes = buffer_bytes;
    driver.is_pending = true;
    driver.is_cancelled = false;
    driver.reads++;
    if (!driver.acts_late)
        driver_acknowledge();
    return ERROR_SUCCESS;
}

bool nt_read_has_ended(const struct nt_read *read)
{
    (void)read;
    return driver.is_gone || driver.is_cancelled || driver_available() > 0 || driver.request.timeout_ms == 0;
}

static DWORD records_deliver(DWORD *ret_bytes)
{
    struct muster_nt_read_header header = {.epoch = EPOCH};
    struct muster_process_exit exit = {.record = {.size_bytes = EXIT,
                                                  .type = MUSTER_EVENT_PROCESS_EXIT,
                                                  .version = MUSTER_RECORD_VERSION,
                                                  .fixed_bytes = EXIT}};
    unsigned char *to = driver.buffer + sizeof(header);
    DWORD error = ERROR_SUCCESS;

    assert_true(driver.buffer_bytes >= sizeof(header));
    if (driver_available() > 0 && driver.buffer_bytes < sizeof(header) + EXIT) {
        header.bytes_needed = sizeof(header) + EXIT;
        error = ERROR_MORE_DATA;
    } else if (driver_available() > 0) {
        header.record_count = (uint32_t)driver_available();
        header.record_bytes = header.record_count * (uint32_t)EXIT;
        header.lease_id = driver.lease_id = ++driver.last_lease_id;
        driver.leased = header.record_count;
        for (uint32_t i = 0; i < header.record_count; i++, to += EXIT) {
            exit.record.sequence = driver.delivered + i + 1;
            exit.record.flags = exit.record.sequence == driver.bad_sequence ? 0xff : 0;
            exit.record.version = exit.record.sequence == driver.bad_sequence ? 99 : MUSTER_RECORD_VERSION;
            memcpy(to, &exit, EXIT);
        }
    }
    memcpy(driver.buffer, &header, sizeof(header));
    *ret_bytes = (DWORD)(sizeof(header) + header.record_bytes);
    return error;
}

DWORD nt_read_end(const struct nt_device *device, struct nt_read *read, DWORD *ret_bytes)
{
    (void)device;
    assert_true(nt_read_has_ended(read));
    driver.is_pending = false;
    *ret_bytes = 0;
    if (driver.is_gone || driver.is_cancelled)
        return ERROR_OPERATION_ABORTED;
    if (driver.acts_late)
        driver_acknowledge();
    return records_deliver(ret_bytes);
}

void nt_read_cancel(const struct nt_device *device, struct nt_read *read)
{
    (void)device;
    driver.is_cancelled = !nt_read_has_ended(read);
}

uint64_t host_now_ns(void)
{
    return 1000;
}

/* ---- the tests ----------------------------------------------------------------------------------- */

static struct muster_sensor *sensor_make(void)
{
    const struct muster_sensor_options options = {.buffer_bytes = MUSTER_SENSOR_BUFFER_MIN};
    struct muster_sensor *sensor = NULL;
    struct muster_sensor_error error;

    assert_true(muster_sensor_open(&options, &sensor, &error));
    assert_true(muster_sensor_attach(sensor, &error));
    assert_int_equal(muster_sensor_epoch(sensor), EPOCH);
    return sensor;
}

static int driver_reset(void **state)
{
    (void)state;
    memset(&driver, 0, sizeof(driver));
    return 0;
}

/* Reads `count` records from number `first` on; returns the last position. */
static uint64_t read_some(struct muster_sensor *sensor, uint64_t first, unsigned count)
{
    uint64_t position = 0;

    for (unsigned i = 0; i < count; i++) {
        const struct muster_record *record = muster_sensor_next(sensor, &position);

        assert_non_null(record);
        assert_int_equal(record->sequence, first + i);
    }
    return position;
}

static void assert_none(struct muster_sensor *sensor)
{
    uint64_t position;

    assert_null(muster_sensor_next(sensor, &position));
}

static bool gap_refuse(void *context, const struct muster_record *record, uint64_t position)
{
    (void)context;
    (void)record;
    (void)position;
    return false;
}

static bool gap_keep(void *context, const struct muster_record *record, uint64_t position)
{
    const struct muster_record *valid = NULL;

    assert_int_equal(position, 0); /* the driver keeps no gap that is told here */
    assert_int_equal(muster_record_validate(record, record->size_bytes, &valid), MUSTER_OK);
    memcpy(context, record, sizeof(struct muster_gap));
    return true;
}

/* Whether it is settled; no gap may be told. */
static bool settled(struct muster_sensor *sensor)
{
    struct muster_gap gap = {0};
    bool is_settled = muster_sensor_account(sensor, gap_keep, &gap);

    assert_int_equal(gap.count, 0);
    return is_settled;
}

/* As the pump completes it: delivered is what was before and what was read. */
static void assert_balance(struct muster_sensor *sensor, uint64_t before, uint64_t read, uint64_t held)
{
    struct muster_sensor_counts counts;
    uint64_t dropped = 0;

    muster_sensor_counts(sensor, &counts);
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        dropped += counts.dropped[cause];
    assert_int_equal(counts.delivered_before, before);
    assert_int_equal(counts.read, read);
    assert_int_equal(counts.held, held);
    assert_int_equal(counts.produced, before + read + held + counts.filtered + dropped);
}

static void test_a_lease_is_released_when_all_of_it_is_written(void **state)
{
    (void)state;
    struct muster_sensor *sensor = sensor_make();
    uint64_t position;

    assert_none(sensor);
    assert_true(muster_sensor_arm(sensor, true));
    driver.produced = 3;
    assert_false(muster_sensor_arm(sensor, true));
    position = read_some(sensor, 1, 3);
    assert_none(sensor);
    assert_true(muster_sensor_arm(sensor, true));
    muster_sensor_ack(sensor, position - EXIT);
    assert_none(sensor);
    assert_int_equal(driver.delivered, 0);
    muster_sensor_ack(sensor, position);
    assert_true(*(bool *)muster_sensor_wake_handle(sensor));
    assert_false(muster_sensor_arm(sensor, true));
    driver.produced = 5;
    assert_true(read_some(sensor, 4, 2) > position);
    assert_int_equal(driver.delivered, 3);
    muster_sensor_close(sensor);
    assert_int_equal(driver.delivered, 3); /* the rest is the next reader's */
}

static void test_the_end_takes_nothing_that_nobody_reads(void **state)
{
    (void)state;
    struct muster_sensor *sensor;
    uint64_t position;

    driver.produced = 12;
    driver.delivered = 10;
    sensor = sensor_make();
    position = read_some(sensor, 11, 2);
    driver.produced = 15;
    muster_sensor_detach(sensor);
    assert_false(settled(sensor));
    muster_sensor_ack(sensor, position);
    assert_none(sensor);
    assert_true(settled(sensor));
    assert_int_equal(driver.delivered, 12);
    assert_int_equal(driver.leased, 0);
    assert_balance(sensor, 10, 2, 3);
    muster_sensor_close(sensor);
}

static void test_a_read_that_waits_at_the_end(void **state)
{
    (void)state;
    struct muster_sensor *sensor;

    for (int late = 0; late < 2; late++) {
        driver_reset(NULL);
        driver.acts_late = late;
        driver.produced = 2;
        sensor = sensor_make();
        muster_sensor_ack(sensor, read_some(sensor, 1, 2));
        assert_none(sensor); /* acknowledges, and waits */
        assert_true(driver.is_pending);
        muster_sensor_detach(sensor);
        assert_false(driver.is_pending);
        driver.acts_late = false;
        assert_true(settled(sensor));
        assert_int_equal(driver.delivered, 2);
        assert_balance(sensor, 0, 2, 0);
        muster_sensor_close(sensor);
    }
}

static void test_a_read_that_was_quicker_than_its_cancellation(void **state)
{
    (void)state;
    struct muster_sensor *sensor = sensor_make();
    uint64_t position;

    assert_none(sensor);
    driver.produced = 2;
    muster_sensor_detach(sensor);
    assert_false(settled(sensor));
    position = read_some(sensor, 1, 2);
    assert_none(sensor);
    assert_false(settled(sensor));
    muster_sensor_ack(sensor, position);
    assert_true(settled(sensor));
    assert_balance(sensor, 0, 2, 0);
    muster_sensor_close(sensor);
}

static void test_a_record_that_is_given_back(void **state)
{
    (void)state;
    struct muster_sensor *sensor;
    const struct muster_record *record;
    struct muster_sensor_counts counts;
    uint64_t position;

    driver.produced = 2;
    sensor = sensor_make();
    read_some(sensor, 1, 1);
    record = muster_sensor_next(sensor, &position);
    muster_sensor_unread(sensor, record);
    muster_sensor_counts(sensor, &counts);
    assert_int_equal(counts.read, 1);
    assert_false(muster_sensor_arm(sensor, true));
    read_some(sensor, 2, 1);
    muster_sensor_close(sensor);
}

static void test_what_is_not_valid_is_told_and_released(void **state)
{
    (void)state;
    struct muster_sensor *sensor;
    struct muster_gap gap = {0};
    struct muster_sensor_counts counts;

    for (uint64_t bad = 1; bad <= 3; bad++) {
        driver_reset(NULL);
        driver.produced = 3;
        driver.bad_sequence = bad;
        sensor = sensor_make();
        if (bad > 1)
            muster_sensor_ack(sensor, read_some(sensor, 1, (unsigned)bad - 1));
        assert_none(sensor);
        assert_true(muster_sensor_has_losses(sensor));
        muster_sensor_detach(sensor);
        gap.count = 0;
        assert_false(muster_sensor_account(sensor, gap_refuse, NULL));
        assert_true(muster_sensor_has_losses(sensor));
        assert_true(muster_sensor_account(sensor, gap_keep, &gap));
        assert_false(muster_sensor_has_losses(sensor));
        assert_int_equal(gap.count, 3 - (bad - 1));
        assert_int_equal(gap.causes[MUSTER_CAUSE_RECORD_INVALID], gap.count);
        muster_sensor_counts(sensor, &counts);
        assert_int_equal(counts.told[MUSTER_CAUSE_RECORD_INVALID], gap.count);
        assert_balance(sensor, 0, bad - 1, 0);
        muster_sensor_close(sensor);
    }
}

/* The driver counts as delivered what nobody read: a defect, and told as one. */
static void test_what_nothing_explains_is_told(void **state)
{
    (void)state;
    struct muster_sensor *sensor = sensor_make();
    struct muster_gap gap = {0};

    driver.produced = 7;
    driver.delivered = 7;
    muster_sensor_detach(sensor);
    assert_false(muster_sensor_account(sensor, gap_refuse, NULL));
    assert_true(muster_sensor_account(sensor, gap_keep, &gap));
    assert_int_equal(gap.causes[MUSTER_CAUSE_UNEXPLAINED], 7);
    assert_balance(sensor, 0, 0, 0);
    muster_sensor_close(sensor);
}

static void test_the_driver_goes_away(void **state)
{
    (void)state;
    struct muster_sensor *sensor;
    struct muster_sensor_error error = {0};
    uint64_t position;

    driver.produced = 2;
    sensor = sensor_make();
    assert_true(muster_sensor_alive(sensor, &error));
    position = read_some(sensor, 1, 2);
    driver.produced = 4;
    assert_false(settled(sensor)); /* it goes on; but the status is known from here */
    muster_sensor_ack(sensor, position);
    driver.is_gone = true;
    assert_none(sensor);
    assert_false(muster_sensor_alive(sensor, &error));
    assert_non_null(error.what);
    assert_non_null(error.advice);
    muster_sensor_detach(sensor);
    assert_true(settled(sensor));
    assert_balance(sensor, 0, 2, 2);
    muster_sensor_close(sensor);
}

static void test_what_was_read_before_the_driver_went_away_is_taken(void **state)
{
    (void)state;
    struct muster_sensor *sensor;

    driver.produced = 3;
    sensor = sensor_make();
    read_some(sensor, 1, 1);
    driver.is_gone = true;
    muster_sensor_detach(sensor);
    (void)settled(sensor);
    muster_sensor_ack(sensor, read_some(sensor, 2, 2));
    assert_none(sensor);
    assert_true(settled(sensor));
    assert_balance(sensor, 0, 3, 0);
    muster_sensor_close(sensor);
}

/* Without a wait in between: it must not go round for ever. */
static void test_a_driver_that_answers_with_nothing(void **state)
{
    (void)state;
    struct muster_sensor *sensor = sensor_make();

    assert_true(nt_source_take_now(sensor));
    assert_int_equal(sensor->lease.id, 0);
    driver.produced = 1;
    assert_true(nt_source_take_now(sensor));
    assert_int_equal(driver.reads, 2);
    assert_true(nt_source_take_now(sensor)); /* there is one already */
    assert_int_equal(driver.reads, 2);
    read_some(sensor, 1, 1);
    muster_sensor_close(sensor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_lease_is_released_when_all_of_it_is_written, driver_reset),
        cmocka_unit_test_setup(test_the_end_takes_nothing_that_nobody_reads, driver_reset),
        cmocka_unit_test_setup(test_a_read_that_waits_at_the_end, driver_reset),
        cmocka_unit_test_setup(test_a_read_that_was_quicker_than_its_cancellation, driver_reset),
        cmocka_unit_test_setup(test_a_record_that_is_given_back, driver_reset),
        cmocka_unit_test_setup(test_what_is_not_valid_is_told_and_released, driver_reset),
        cmocka_unit_test_setup(test_what_nothing_explains_is_told, driver_reset),
        cmocka_unit_test_setup(test_the_driver_goes_away, driver_reset),
        cmocka_unit_test_setup(test_what_was_read_before_the_driver_went_away_is_taken, driver_reset),
        cmocka_unit_test_setup(test_a_driver_that_answers_with_nothing, driver_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
