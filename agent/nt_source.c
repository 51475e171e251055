/* SPDX-License-Identifier: Apache-2.0 */
/*
 * muster/sensor.h on Windows: reads the driver's device.
 *
 *     READ ──▶ lease ──next──▶ the agent's queue ──pump, sink──▶ ack ──▶ READ (acknowledges, asks again)
 *
 * One lease is open at a time. Its records are copied to the queue as they are read; when the pump has
 * acknowledged the last of them, the next READ releases the lease in the driver, so until a record is
 * in the output the driver has it. The driver tells its own losses, as gaps among the records.
 *
 * One event wakes the main thread: a READ that ended sets it, and the pump's thread does when it
 * acknowledges.
 */
#include "nt_source.h"

#include <stdlib.h>
#include <string.h>

#include "host.h"

#define BUFFER_MOST (16U << 20) /* more than the driver ever holds; each READ locks all of it into memory */

/* ---- reading ------------------------------------------------------------------------------------- */

static bool device_failed(struct muster_sensor *sensor, DWORD error, const char *what)
{
    sensor->failure = error;
    sensor->failed_at = what;
    return false;
}

/* Whether the open lease, or none, can be released: all of it was read, and is in the output. */
static bool lease_is_done(const struct muster_sensor *sensor)
{
    return nt_lease_is_read(&sensor->lease) &&
           __atomic_load_n(&sensor->acknowledged, __ATOMIC_ACQUIRE) >= sensor->lease.given_position;
}

static bool read_begin(struct muster_sensor *sensor, uint32_t timeout_ms)
{
    DWORD error;

    sensor->read.request =
        (struct muster_nt_read_request){.acknowledge_lease_id = sensor->lease.id, .timeout_ms = timeout_ms};
    error = nt_read_begin(&sensor->device, &sensor->read, sensor->buffer, sensor->buffer_bytes);
    if (error != ERROR_SUCCESS)
        return device_failed(sensor, error, "the driver does not take requests any more");
    sensor->reading = true;
    return true;
}

/* Takes over what a READ that ended has brought. */
static bool read_take(struct muster_sensor *sensor)
{
    DWORD bytes;
    DWORD error = nt_read_end(&sensor->device, &sensor->read, &bytes);

    sensor->reading = false;
    if (error != ERROR_SUCCESS)
        return device_failed(sensor, error, "the driver does not deliver any more");
    nt_lease_close(&sensor->lease);
    if (!nt_lease_open(&sensor->lease, sensor->buffer, bytes, sensor->device.hello.epoch))
        return device_failed(sensor, ERROR_INVALID_DATA, "the driver delivers what cannot be read");
    return true;
}

bool nt_source_take_now(struct muster_sensor *sensor)
{
    return sensor->lease.id != 0 || (read_begin(sensor, 0) && read_take(sensor));
}

/* Whether there is a lease with records that were not read. Asks for one where it may. */
static bool lease_have(struct muster_sensor *sensor)
{
    if (sensor->failure)
        return sensor->lease.id != 0 && !nt_lease_is_read(&sensor->lease);
    if (!sensor->reading && nt_lease_is_read(&sensor->lease)) {
        if (sensor->detached || !lease_is_done(sensor) || !read_begin(sensor, MUSTER_NT_WAIT_FOREVER))
            return false;
    }
    if (sensor->reading && (!nt_read_has_ended(&sensor->read) || !read_take(sensor)))
        return false;
    return !nt_lease_is_read(&sensor->lease);
}

/* A record that next returns counts; one that is given back does not. */
static void record_count(struct muster_sensor *sensor, const struct muster_record *record, uint64_t one)
{
    const struct muster_gap *gap = (const void *)record;

    if (muster_record_is_numbered(record)) {
        sensor->read_count += one;
        if (record->flags & MUSTER_RECORD_SKELETON)
            sensor->skeleton_count += one;
    }
    if (record->type == MUSTER_EVENT_GAP && record->fixed_bytes >= sizeof(*gap))
        for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
            sensor->told[cause] += one * gap->causes[cause];
}

const struct muster_record *muster_sensor_next(struct muster_sensor *sensor, uint64_t *ret_position)
{
    const struct muster_record *record;
    uint32_t lost;

    if (!lease_have(sensor))
        return NULL;
    record = nt_lease_next(&sensor->lease, ret_position, &lost);
    if (record)
        record_count(sensor, record, 1);
    else if (lost > 0) {
        sensor->lost_untold += lost;
        sensor->dropped[MUSTER_CAUSE_RECORD_INVALID] += lost;
    }
    return record;
}

void muster_sensor_unread(struct muster_sensor *sensor, const struct muster_record *record)
{
    record_count(sensor, record, (uint64_t)-1);
    nt_lease_unread(&sensor->lease);
}

void muster_sensor_ack(struct muster_sensor *sensor, uint64_t position)
{
    __atomic_store_n(&sensor->acknowledged, position, __ATOMIC_RELEASE);
    SetEvent(sensor->read.overlapped.hEvent);
}

intptr_t muster_sensor_wake_handle(const struct muster_sensor *sensor)
{
    return (intptr_t)sensor->read.overlapped.hEvent;
}

/* First reset, then looked: what comes in between sets it again. */
bool muster_sensor_arm(struct muster_sensor *sensor, bool quiet)
{
    (void)quiet; /* a READ brings all there is, so under load each brings more */
    ResetEvent(sensor->read.overlapped.hEvent);
    if (!nt_lease_is_read(&sensor->lease))
        return false;
    if (sensor->reading)
        return !nt_read_has_ended(&sensor->read);
    return sensor->failure || sensor->detached || !lease_is_done(sensor);
}

bool muster_sensor_alive(const struct muster_sensor *sensor, struct muster_sensor_error *ret_error)
{
    if (!sensor->failure)
        return true;
    (void)nt_fail(ret_error, sensor->failed_at, sensor->failure);
    ret_error->advice = "it was stopped, or failed: `muster driver status` says which; then `muster driver start`, and "
                        "watch again";
    return false;
}

/* ---- the account --------------------------------------------------------------------------------- */

static void status_ask(struct muster_sensor *sensor)
{
    DWORD error;

    if (sensor->failure)
        return;
    error = nt_device_status(&sensor->device, &sensor->status);
    if (error != ERROR_SUCCESS)
        (void)device_failed(sensor, error, "the driver does not answer any more");
}

/* Tells `count` losses that the driver knows nothing of. They have no numbers that are known. False where they were not
 * taken. */
static bool loss_tell(struct muster_sensor *sensor, enum muster_cause cause, uint64_t count,
                      muster_sensor_tell_gap tell, void *context)
{
    const uint64_t now_ns = host_now_ns();
    struct muster_gap gap = {
        .record = {.size_bytes = sizeof(gap),
                   .type = MUSTER_EVENT_GAP,
                   .version = MUSTER_RECORD_VERSION,
                   .flags = MUSTER_RECORD_WTF8,
                   .time_ns = now_ns,
                   .fixed_bytes = sizeof(gap)},
        .count = count,
        .start_ns = sensor->lost_since_ns,
        .end_ns = now_ns,
        .stage = MUSTER_STAGE_DRIVER_QUEUE,
    };

    gap.causes[cause] = count;
    gap.types[MUSTER_EVENT_PROCESS_START - 1] = count; /* the gravest that it can have been */
    if (!tell(context, &gap.record, 0))
        return false;
    sensor->told[cause] += count;
    sensor->lost_since_ns = now_ns;
    return true;
}

/*
 * Releases the last lease. The READ has room for its header alone, so it acknowledges and takes
 * nothing: what has come meanwhile stays where the next reader finds it.
 */
static void lease_release(struct muster_sensor *sensor)
{
    struct muster_nt_read_header header;
    DWORD bytes, error;

    sensor->read.request = (struct muster_nt_read_request){.acknowledge_lease_id = sensor->lease.id};
    error = nt_read_begin(&sensor->device, &sensor->read, &header, sizeof(header));
    if (error == ERROR_SUCCESS)
        error = nt_read_end(&sensor->device, &sensor->read, &bytes);
    if (error != ERROR_SUCCESS && error != ERROR_MORE_DATA)
        (void)device_failed(sensor, error, "the driver does not take the last acknowledgement");
    nt_lease_close(&sensor->lease);
}

/* What the driver says was acknowledged in our time is what we have read, or something is wrong. */
static bool remainder_tell(struct muster_sensor *sensor, muster_sensor_tell_gap tell, void *context)
{
    const uint64_t acknowledged = sensor->status.delivered - sensor->delivered_before;
    const uint64_t known =
        sensor->read_count + sensor->dropped[MUSTER_CAUSE_RECORD_INVALID] + sensor->dropped[MUSTER_CAUSE_UNEXPLAINED];

    if (sensor->failure || sensor->lease.id != 0 || acknowledged <= known)
        return true;
    if (!loss_tell(sensor, MUSTER_CAUSE_UNEXPLAINED, acknowledged - known, tell, context))
        return false;
    sensor->dropped[MUSTER_CAUSE_UNEXPLAINED] += acknowledged - known;
    return true;
}

bool muster_sensor_account(struct muster_sensor *sensor, muster_sensor_tell_gap tell, void *context)
{
    if (sensor->lost_untold > 0) {
        if (!loss_tell(sensor, MUSTER_CAUSE_RECORD_INVALID, sensor->lost_untold, tell, context))
            return false;
        sensor->lost_untold = 0;
    }
    if (sensor->detached && !lease_is_done(sensor))
        return false;
    if (sensor->detached && sensor->lease.id != 0 && !sensor->failure)
        lease_release(sensor);
    status_ask(sensor);
    return sensor->detached && remainder_tell(sensor, tell, context);
}

bool muster_sensor_filters(void)
{
    return false; /* the driver has one reader at a time, but keeps for the next what this one does not want */
}

bool muster_sensor_reconcile(struct muster_sensor *sensor, muster_sensor_tell_gap tell, void *context)
{
    (void)sensor;
    (void)tell;
    (void)context;
    return false; /* what the driver loses is told, and nothing is concluded from it */
}

void muster_sensor_known(const struct muster_sensor *sensor, struct muster_sensor_known *ret_known)
{
    (void)sensor;
    *ret_known = (struct muster_sensor_known){0};
}

bool muster_sensor_baseline_told(struct muster_sensor *sensor)
{
    (void)sensor;
    return false;
}

void muster_sensor_end_tell(struct muster_sensor *sensor)
{
    (void)sensor;
}

int64_t muster_sensor_clock_offset(struct muster_sensor *sensor, int64_t measured_ns)
{
    (void)sensor;
    return measured_ns;
}

bool muster_sensor_accounts(const struct muster_sensor *sensor)
{
    (void)sensor;
    return true;
}

bool muster_sensor_has_losses(const struct muster_sensor *sensor)
{
    return sensor->lost_untold > 0;
}

void muster_sensor_counts(const struct muster_sensor *sensor, struct muster_sensor_counts *ret_counts)
{
    struct muster_sensor_counts counts = {
        .produced = sensor->status.produced,
        .delivered_before = sensor->delivered_before,
        .filtered = sensor->status.filtered,
        .held = sensor->status.held,
        .read = sensor->read_count,
    };
    uint64_t elsewhere = counts.delivered_before + counts.filtered + counts.read;

    if (sensor->status.degraded > sensor->skeleton_count)
        counts.degraded = sensor->status.degraded - sensor->skeleton_count;
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++) {
        counts.dropped[cause] = sensor->status.dropped[cause] + sensor->dropped[cause];
        counts.told[cause] = sensor->told[cause];
        elsewhere += counts.dropped[cause];
    }
    if (sensor->failure) {
        /* Nobody can be asked any more: what was not read went away with the driver. */
        counts.produced = counts.produced > elsewhere ? counts.produced : elsewhere;
        counts.held = counts.produced - elsewhere;
    }
    *ret_counts = counts;
}

/* ---- life ---------------------------------------------------------------------------------------- */

uint64_t muster_sensor_epoch(const struct muster_sensor *sensor)
{
    return sensor->device.hello.epoch;
}

static bool memory_make(struct muster_sensor *sensor, size_t buffer_bytes)
{
    const size_t least = sensor->device.hello.read_most_bytes;

    sensor->buffer_bytes = buffer_bytes < BUFFER_MOST ? buffer_bytes : BUFFER_MOST;
    if (sensor->buffer_bytes < least)
        sensor->buffer_bytes = least;
    sensor->buffer = VirtualAlloc(NULL, sensor->buffer_bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    sensor->read.overlapped.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    return sensor->buffer && sensor->read.overlapped.hEvent;
}

bool muster_sensor_open(const struct muster_sensor_options *options, struct muster_sensor **ret_sensor,
                        struct muster_sensor_error *ret_error)
{
    struct muster_sensor *sensor = calloc(1, sizeof(*sensor));
    DWORD error;

    if (!sensor)
        return nt_fail(ret_error, "cannot start the sensor", ERROR_NOT_ENOUGH_MEMORY);
    if (!nt_device_open(MUSTER_NT_ROLE_READER, &sensor->device, ret_error)) {
        free(sensor);
        return false;
    }
    error = memory_make(sensor, options->buffer_bytes) ? nt_device_status(&sensor->device, &sensor->status)
                                                       : GetLastError();
    if (error != ERROR_SUCCESS) {
        muster_sensor_close(sensor);
        return nt_fail(ret_error, "cannot start reading the driver", error);
    }
    sensor->delivered_before = sensor->status.delivered;
    sensor->lost_since_ns = host_now_ns();
    *ret_sensor = sensor;
    return true;
}

/* The driver numbers and keeps events since it was started. */
bool muster_sensor_attach(struct muster_sensor *sensor, struct muster_sensor_error *ret_error)
{
    (void)ret_error;
    sensor->detached = false;
    return true;
}

/* Whether the lease that a cancelled READ was to acknowledge is open still is the driver's to say. */
static void read_abandon(struct muster_sensor *sensor)
{
    DWORD bytes, error;

    nt_read_cancel(&sensor->device, &sensor->read);
    error = nt_read_end(&sensor->device, &sensor->read, &bytes);
    sensor->reading = false;
    if (error == ERROR_SUCCESS) {
        nt_lease_close(&sensor->lease);
        if (!nt_lease_open(&sensor->lease, sensor->buffer, bytes, sensor->device.hello.epoch))
            (void)device_failed(sensor, ERROR_INVALID_DATA, "the driver delivers what cannot be read");
        return;
    }
    status_ask(sensor);
    if (sensor->status.lease_id != sensor->lease.id)
        nt_lease_close(&sensor->lease);
}

/* The driver does not keep that. */
void muster_sensor_shed(const struct muster_sensor *sensor, struct muster_sensor_shed *ret_shed)
{
    (void)sensor;
    *ret_shed = (struct muster_sensor_shed){0};
}

void muster_sensor_buffer(const struct muster_sensor *sensor, struct muster_sensor_buffer *ret_buffer)
{
    (void)sensor;
    *ret_buffer = (struct muster_sensor_buffer){0};
}

void muster_sensor_detach(struct muster_sensor *sensor)
{
    sensor->detached = true;
    if (sensor->reading)
        read_abandon(sensor);
}

void muster_sensor_close(struct muster_sensor *sensor)
{
    if (!sensor)
        return;
    muster_sensor_detach(sensor);
    nt_device_close(&sensor->device);
    if (sensor->read.overlapped.hEvent)
        CloseHandle(sensor->read.overlapped.hEvent);
    if (sensor->buffer)
        VirtualFree(sensor->buffer, 0, MEM_RELEASE);
    free(sensor);
}
