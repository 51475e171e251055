/* SPDX-License-Identifier: Apache-2.0 */
/* pump.h */
#include "pump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "status_record.h"

#define CLOCK_SLACK_NS 1000000 /* the offset is replaced where it is off by more */

bool pump_finished(const struct pump *pump)
{
    return __atomic_load_n(&pump->finished, __ATOMIC_ACQUIRE);
}

static void pump_fail(struct pump *pump, enum muster_status status)
{
    int error = status == MUSTER_NO_MEMORY ? ENOMEM : errno ? errno : EIO;

    __atomic_store_n(&pump->delivered, muster_sink_delivered(pump->sink), __ATOMIC_RELAXED);
    __atomic_store_n(&pump->error, error, __ATOMIC_RELEASE);
}

/* The wall clock may be set while the sensor runs; small corrections of it are not followed, so
 * that one process keeps one start time. */
static void clock_follow(struct pump *pump)
{
    int64_t offset_ns = pump->clock_given ? pump->stream->clock_offset_ns : host_clock_offset_ns();

    if (llabs(offset_ns - pump->stream->clock_offset_ns) > CLOCK_SLACK_NS)
        pump->stream->clock_offset_ns = offset_ns;
}

/* What the sensor filters itself is not looked at again: an exit says less than its start did. */
static bool record_wanted(struct pump *pump, const struct muster_record *record)
{
    if (!pump->filter)
        return true;
    if (pump->filters_all || !muster_sensor_filters())
        return verdicts_want(&pump->verdicts, pump->filter, record);
    return muster_event_is_numbered(record->type) || muster_filter_wants(pump->filter, record);
}

/* Completes a ledger that says what was known of it when the record was pushed: everything that stands before it has
 * been written, so what is neither that nor dropped nor filtered is still on its way. */
static enum muster_status status_write(struct pump *pump, const struct muster_record *record)
{
    struct muster_sensor_status status = *(const struct muster_sensor_status *)(const void *)record;
    uint64_t elsewhere;

    for (unsigned type = 0; type < MUSTER_EVENT_NUMBERED_COUNT; type++)
        status.delivered += pump->types[type];
    status.filtered += __atomic_load_n(&pump->filtered, __ATOMIC_RELAXED);
    memcpy(status.types, pump->types, sizeof(pump->types));
    elsewhere = status.delivered + status.filtered;
    for (unsigned cause = 0; cause < MUSTER_GAP_CAUSES; cause++)
        elsewhere += status.dropped[cause];
    status.held = status.produced > elsewhere ? status.produced - elsewhere : 0;
    return muster_sink_write(pump->sink, &status.record);
}

static enum muster_status record_write(struct pump *pump, const struct muster_record *record)
{
    bool numbered = muster_record_is_numbered(record);

    if (record->type == MUSTER_EVENT_STATUS)
        return status_write(pump, record);
    if (!record_wanted(pump, record)) {
        if (numbered)
            __atomic_fetch_add(&pump->filtered, 1, __ATOMIC_RELAXED);
        return MUSTER_OK;
    }
    if (numbered)
        pump->types[record->type - 1]++;
    return muster_sink_write(pump->sink, record);
}

static enum muster_status output_settle(struct pump *pump)
{
    enum muster_status status = muster_sink_flush(pump->sink);

    if (status == MUSTER_OK && pump->durable && !output_file_sync(pump->durable))
        status = MUSTER_OUTPUT_FAILED;
    return status;
}

static enum muster_status lease_write(struct pump *pump, const struct muster_lease *lease)
{
    struct muster_lease_cursor cursor = {0};
    const struct muster_record *record;
    enum muster_status status = MUSTER_OK;

    clock_follow(pump);
    while (status == MUSTER_OK && (record = muster_lease_next(lease, &cursor)) != NULL)
        status = record_write(pump, record);
    return status == MUSTER_OK ? output_settle(pump) : status;
}

static void lease_done(struct pump *pump, const struct muster_lease *lease)
{
    __atomic_store_n(&pump->delivered, muster_sink_delivered(pump->sink), __ATOMIC_RELAXED);
    __atomic_fetch_add(&pump->done, lease->record_count, __ATOMIC_RELEASE);
    if (lease->source_position != 0)
        muster_sensor_ack(pump->sensor, lease->source_position);
    if (muster_cache_ack(pump->cache, lease->id) != MUSTER_OK)
        abort(); /* this thread is the only one that leases */
    if (__atomic_exchange_n(&pump->ack_wanted, false, __ATOMIC_ACQ_REL))
        wakeups_pump_tell(pump->wakeups);
}

/* One turn: everything that is in the queue now. MUSTER_EMPTY where there was nothing. */
static enum muster_status pump_turn(struct pump *pump)
{
    struct muster_batch batch;
    struct muster_lease lease;
    enum muster_status status = muster_queue_extract_all(pump->queue, &batch);

    if (status != MUSTER_OK)
        return status;
    status = muster_cache_absorb(pump->cache, &batch);
    if (status == MUSTER_OK)
        status = muster_cache_lease(pump->cache, SIZE_MAX, &lease, NULL);
    if (status == MUSTER_OK)
        status = lease_write(pump, &lease);
    if (status == MUSTER_OK)
        lease_done(pump, &lease);
    return status;
}

/* Waits for work. False where none will come any more. */
static bool pump_wait(struct pump *pump, struct worker *worker)
{
    bool more;

    worker_lock(worker);
    while (!pump->work && !pump->stopping)
        worker_wait(worker);
    more = pump->work;
    pump->work = false;
    worker_unlock(worker);
    return more;
}

/* Measured, not deduced from the other figures: so the ledger can be wrong, and be seen to be. */
static uint64_t held_count(const struct pump *pump)
{
    struct muster_queue_counts queue;
    struct muster_cache_counts cache;

    if (!muster_queue_counts(pump->queue, &queue) || !muster_cache_counts(pump->cache, &cache))
        return 0;
    return queue.ledger.held + cache.numbered_count;
}

static enum muster_status stopped_write(struct pump *pump)
{
    struct muster_sensor_status *stopped = &pump->stopped;
    enum muster_status status;

    stopped->delivered += muster_sink_delivered(pump->sink);
    stopped->filtered += __atomic_load_n(&pump->filtered, __ATOMIC_RELAXED);
    stopped->held += held_count(pump);
    memcpy(stopped->types, pump->types, sizeof(pump->types));
    status = muster_sink_write(pump->sink, &stopped->record);
    return status == MUSTER_OK ? output_settle(pump) : status;
}

static void pump_run(struct worker *worker, void *context)
{
    struct pump *pump = context;
    enum muster_status status = MUSTER_OK;

    while (status == MUSTER_OK && pump_wait(pump, worker)) {
        do
            status = pump_turn(pump);
        while (status == MUSTER_OK);
        if (status == MUSTER_EMPTY)
            status = MUSTER_OK;
    }
    if (status == MUSTER_OK && !pump->frameless)
        status = stopped_write(pump);
    if (status != MUSTER_OK)
        pump_fail(pump, status);
    __atomic_store_n(&pump->finished, true, __ATOMIC_RELEASE);
    wakeups_pump_tell(pump->wakeups);
}

bool pump_start(struct pump *pump)
{
    pump->worker = worker_start(pump_run, pump);
    return pump->worker != NULL;
}

void pump_wake(struct pump *pump)
{
    worker_lock(pump->worker);
    pump->work = true;
    worker_wake(pump->worker);
    worker_unlock(pump->worker);
}

void pump_stop_as(struct pump *pump, const struct muster_sensor_status *stopped)
{
    worker_lock(pump->worker);
    pump->frameless = pump->frameless || !stopped;
    if (stopped)
        pump->stopped = *stopped;
    pump->work = true; /* one more look at the queue */
    pump->stopping = true;
    worker_wake(pump->worker);
    worker_unlock(pump->worker);
}

void pump_stop(struct pump *pump, const struct muster_ledger *ledger)
{
    struct muster_sensor_status stopped;

    status_record_fill(&stopped, MUSTER_EVENT_SENSOR_STOPPED, ledger);
    pump_stop_as(pump, &stopped);
}

void pump_join(struct pump *pump)
{
    worker_join(pump->worker);
}
