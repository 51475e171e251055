/* SPDX-License-Identifier: Apache-2.0 */
/* capture.h */
#include "capture.h"

#include <inttypes.h>

#include "host.h"
#include "report.h"
#include "status_record.h"

#define NS_PER_MS          1000000ULL
#define WAKE_EVERY         512  /* records moved before the pump is told, when many come */
#define CLOCK_EVERY        16   /* records moved between two looks at the clock */
#define DRAIN_MOST_MS      100  /* one turn; where events come faster than they are read, the ring is never empty */
#define ACCOUNT_IDLE_MS    1000 /* between two looks at the account */
#define ACCOUNT_LOSS_MS    100  /* the same while something was lost */
#define BUSY_WAIT_MS       10   /* a loaded ring is read at least this often */
#define BUSY_RECORDS       10   /* that came in one such time: still loaded */
#define UNFINISHED_WAIT_MS 1    /* for a record that is being written: its CPU was taken away, or it would be done */
#define ROOM_WAIT_MS       20   /* for the pump to make room, in case its sign was missed */
#define AGAIN_MS           1000 /* signals this close together are one */
#define LOOKING_WAIT_MS    2    /* while the sensor looks at the processes that run */
#define FIGURES_MS         200  /* between two looks at the figures */

/* Whether the queue takes the record now. If not, the pump is asked for a sign. */
static bool queue_has_room(struct capture *capture, const struct muster_record *record)
{
    enum muster_class class_of_record = muster_event_class(record->type);

    if (muster_queue_would_admit(capture->queue, class_of_record, record->size_bytes))
        return true;
    __atomic_store_n(&capture->pump->ack_wanted, true, __ATOMIC_SEQ_CST);
    return muster_queue_would_admit(capture->queue, class_of_record, record->size_bytes);
}

/* Moves what there is to the queue, as far as there is room, and not for long: losses are to be told meanwhile, and a
 * stop is to be seen. */
static size_t sensor_drain(struct capture *capture)
{
    const uint64_t begin_ns = host_monotonic_ns();
    const struct muster_record *record;
    enum muster_status status;
    uint64_t position;
    size_t count = 0;

    capture->throttled = false;
    while ((record = muster_sensor_next(capture->sensor, &position)) != NULL) {
        if (!queue_has_room(capture, record)) {
            muster_sensor_unread(capture->sensor, record);
            capture->throttled = true;
            break;
        }
        /* Where memory runs out all the same, the sensor keeps it, too. */
        status = muster_queue_push_record(capture->queue, record, position);
        if (status == MUSTER_NO_MEMORY || status == MUSTER_NO_ROOM) {
            muster_sensor_unread(capture->sensor, record);
            capture->throttled = true;
            break;
        }
        if (++count % WAKE_EVERY == 0)
            pump_wake(capture->pump);
        if (count % CLOCK_EVERY == 0 && host_monotonic_ns() - begin_ns > DRAIN_MOST_MS * NS_PER_MS)
            break;
    }
    if (count % WAKE_EVERY != 0)
        pump_wake(capture->pump);
    return count;
}

/* Where the queue does not take it, the sensor tells it again. */
static bool gap_tell(void *context, const struct muster_record *record, uint64_t position)
{
    struct capture *capture = context;

    capture->gap_waits = muster_queue_push_record(capture->queue, record, position) != MUSTER_OK;
    return !capture->gap_waits;
}

/* Likewise: what was concluded stays due. */
static bool concluded_tell(void *context, const struct muster_record *record, uint64_t position)
{
    struct capture *capture = context;

    if (!queue_has_room(capture, record) || muster_queue_push_record(capture->queue, record, position) != MUSTER_OK)
        return false;
    pump_wake(capture->pump);
    return true;
}

/* Where the queue is full, nothing more could be told. */
static void reconcile(struct capture *capture)
{
    if (!capture->throttled || capture->looking)
        capture->looking = muster_sensor_reconcile(capture->sensor, concluded_tell, capture);
}

/* True where every number is accounted for, and every gap in the queue. */
static bool account(struct capture *capture)
{
    bool settled;

    capture->accounted_ns = host_monotonic_ns();
    settled = muster_sensor_account(capture->sensor, gap_tell, capture);
    pump_wake(capture->pump);
    return settled;
}

static void account_if_due(struct capture *capture)
{
    uint64_t since_ms = (host_monotonic_ns() - capture->accounted_ns) / NS_PER_MS;
    bool lost = since_ms >= ACCOUNT_LOSS_MS && muster_sensor_has_losses(capture->sensor);

    if (lost || since_ms >= ACCOUNT_IDLE_MS)
        (void)account(capture);
}

/* Once: it stays so for a while. */
static void left_out_report(struct capture *capture)
{
    const struct muster_sensor_known *known = &capture->figures.known;

    if (known->left_out > 0 && !capture->left_out_told)
        report("more processes run than the %" PRIu64
               " that are kept to be compared after a loss; until all are known again, no start is concluded",
               known->capacity);
    capture->left_out_told = known->left_out > 0;
}

/* Wherever this thread waits for the pump, too: the figures have to be true when the output is stuck. */
static void figures_tell(struct capture *capture)
{
    uint64_t now_ns = host_monotonic_ns();

    if (!capture->page || (capture->figures_ns != 0 && now_ns - capture->figures_ns < FIGURES_MS * NS_PER_MS))
        return;
    capture->figures_ns = now_ns;
    figures_take(capture, &capture->figures);
    left_out_report(capture);
    status_page_write(capture->page, &capture->figures);
}

/* What the pump alone knows it adds when it writes the record: then everything that stands before it is delivered. */
static void status_tell_if_due(struct capture *capture)
{
    uint64_t now_ns = host_monotonic_ns();
    struct muster_sensor_status status;
    struct muster_ledger ledger;

    if (capture->status_interval_ms == 0 || now_ns - capture->status_ns < capture->status_interval_ms * NS_PER_MS)
        return;
    (void)account(capture); /* gaps stand before the status that counts them */
    capture_ledger(capture, &ledger);
    status_record_fill(&status, MUSTER_EVENT_STATUS, &ledger);
    if (capture->gap_waits || muster_queue_push_record(capture->queue, &status.record, 0) != MUSTER_OK)
        return; /* no room: the next turn tries again */
    capture->status_ns = now_ns;
    pump_wake(capture->pump);
}

bool capture_push_running(void *context, const struct muster_record *record)
{
    struct capture *capture = context;
    unsigned came;

    while (!queue_has_room(capture, record) || muster_queue_push_record(capture->queue, record, 0) != MUSTER_OK) {
        pump_wake(capture->pump);
        figures_tell(capture);
        came = wakeups_wait(capture->wakeups, WAKE_PUMP | WAKE_STOP | WAKE_DURATION, ROOM_WAIT_MS);
        if (came & (WAKE_STOP | WAKE_DURATION) || pump_finished(capture->pump))
            return false;
    }
    return true;
}

/* How long to sleep, in ms. Arms the sensor's wake-up; 0 where there is something to read now.
 * `moved`: how many records the last turn moved. */
static unsigned sleep_time(struct capture *capture, size_t moved)
{
    bool armed = muster_sensor_arm(capture->sensor, capture->quiet && !capture->throttled);
    bool lost;

    if (capture->throttled)
        return ROOM_WAIT_MS;
    if (!armed)
        return moved > 0 ? 0 : UNFINISHED_WAIT_MS;
    if (capture->looking)
        return LOOKING_WAIT_MS;
    lost = muster_sensor_has_losses(capture->sensor);
    return !capture->quiet ? BUSY_WAIT_MS : lost ? ACCOUNT_LOSS_MS : ACCOUNT_IDLE_MS;
}

/*
 * Quiet or loaded? Loaded when a quiet sleep was cut short within 1 ms by more records; quiet again
 * when a timed one brought few.
 */
static void pace(struct capture *capture, uint64_t slept_ns, size_t count)
{
    if (capture->quiet)
        capture->quiet = count == 0 || slept_ns >= NS_PER_MS;
    else
        capture->quiet = count < BUSY_RECORDS;
}

/* True to go on. */
static bool capture_turn(struct capture *capture, size_t *moved)
{
    uint64_t before_ns = host_monotonic_ns();
    struct muster_sensor_error error;
    unsigned came = wakeups_wait(capture->wakeups, WAKE_ALL, sleep_time(capture, *moved));
    uint64_t slept_ns = host_monotonic_ns() - before_ns;

    *moved = sensor_drain(capture);
    pace(capture, slept_ns, *moved);
    account_if_due(capture);
    reconcile(capture);
    status_tell_if_due(capture);
    figures_tell(capture);
    if (pump_finished(capture->pump) || !muster_sensor_alive(capture->sensor, &error))
        return false;
    if (came & WAKE_STOP)
        capture->told_to_stop |= wakeups_stop_take(capture->wakeups);
    return !(came & (WAKE_STOP | WAKE_DURATION));
}

void capture_ledger(const struct capture *capture, struct muster_ledger *ret_ledger)
{
    struct muster_sensor_counts sensor;
    struct muster_queue_counts queue = {0};
    struct muster_ledger ledger = {.epoch = muster_sensor_epoch(capture->sensor)};

    muster_sensor_counts(capture->sensor, &sensor);
    (void)muster_queue_counts(capture->queue, &queue);
    ledger.produced = sensor.produced;
    ledger.delivered = sensor.delivered_before;
    ledger.filtered = sensor.filtered;
    ledger.held = sensor.held;
    ledger.degraded = sensor.degraded + queue.ledger.degraded;
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        ledger.dropped[cause] = sensor.dropped[cause] + queue.ledger.dropped[cause];
    *ret_ledger = ledger;
}

uint64_t capture_undelivered(const struct capture *capture)
{
    struct muster_ledger ledger;
    uint64_t elsewhere;

    capture_ledger(capture, &ledger);
    elsewhere = ledger.delivered + __atomic_load_n(&capture->pump->delivered, __ATOMIC_RELAXED) + ledger.filtered +
                __atomic_load_n(&capture->pump->filtered, __ATOMIC_RELAXED) + muster_ledger_dropped(&ledger);
    return ledger.produced > elsewhere ? ledger.produced - elsewhere : 0;
}

void capture_losses(const struct capture *capture, uint64_t ret_losses[MUSTER_CAUSE_COUNT])
{
    struct muster_sensor_counts sensor;
    struct muster_queue_counts queue = {0};

    muster_sensor_counts(capture->sensor, &sensor);
    (void)muster_queue_counts(capture->queue, &queue);
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        ret_losses[cause] = sensor.told[cause] + queue.ledger.dropped[cause];
}

/* Watches the output while stopping. */
struct progress {
    uint64_t begin_ns;
    uint64_t written;
    uint64_t since_ns;
    enum capture_end end; /* where the wait is to be given up */
};

/* A second signal means "do not wait", unless it is part of the first: a key held down, a shell that
 * signals a group and then each process. */
static bool told_again(struct capture *capture, const struct progress *progress)
{
    if (!wakeups_stop_take(capture->wakeups))
        return false;
    capture->told_to_stop = true;
    return host_monotonic_ns() - progress->begin_ns > AGAIN_MS * NS_PER_MS;
}

/* Waits a little for the pump. False, progress->end set, where it makes no progress for too long or
 * where a second signal says not to wait. */
static bool pump_wait_progress(struct capture *capture, struct progress *progress)
{
    uint64_t written, now_ns;

    figures_tell(capture);
    (void)wakeups_wait(capture->wakeups, WAKE_PUMP | WAKE_STOP, ROOM_WAIT_MS);
    written = __atomic_load_n(&capture->output->written, __ATOMIC_RELAXED);
    now_ns = host_monotonic_ns();
    if (written != progress->written) {
        progress->written = written;
        progress->since_ns = now_ns;
    }
    progress->end = told_again(capture, progress) ? CAPTURE_ABANDONED : CAPTURE_STALLED;
    return progress->end == CAPTURE_STALLED &&
           now_ns - progress->since_ns < wakeups_patience_ms(capture->wakeups) * NS_PER_MS;
}

/* Takes all that was read and accounts for all numbers. False where the output stalls. */
static bool sensor_finish(struct capture *capture, struct progress *progress)
{
    for (;;) {
        (void)sensor_drain(capture);
        if (!capture->throttled && account(capture))
            return true;
        if (pump_finished(capture->pump))
            return true;
        pump_wake(capture->pump);
        if (!pump_wait_progress(capture, progress))
            return false;
    }
}

enum capture_end capture_finish(struct capture *capture)
{
    uint64_t now_ns = host_monotonic_ns();
    struct progress progress = {.begin_ns = now_ns, .since_ns = now_ns};
    struct muster_ledger ledger;

    capture->figures.stopping = 1;
    muster_sensor_detach(capture->sensor);
    if (!sensor_finish(capture, &progress))
        return progress.end;
    capture_ledger(capture, &ledger);
    pump_stop(capture->pump, &ledger);
    while (!pump_finished(capture->pump))
        if (!pump_wait_progress(capture, &progress))
            return progress.end;
    return __atomic_load_n(&capture->pump->error, __ATOMIC_ACQUIRE) ? CAPTURE_OUTPUT : CAPTURE_STOPPED;
}

enum capture_end capture_run(struct capture *capture)
{
    size_t moved = 1;

    capture->quiet = true;
    capture->accounted_ns = capture->status_ns = host_monotonic_ns();
    while (capture_turn(capture, &moved))
        ;
    return capture_finish(capture);
}
