/* SPDX-License-Identifier: Apache-2.0 */
/* capture.h */
#include "capture.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "status_record.h"

#define NS_PER_MS          1000000ULL
#define WAKE_EVERY         512  /* records moved before the pump is told, when many come */
#define ACCOUNT_IDLE_MS    1000 /* between two looks at the account */
#define ACCOUNT_LOSS_MS    100  /* the same while something was lost */
#define BUSY_WAIT_MS       10   /* a loaded ring is read at least this often */
#define BUSY_RECORDS       10   /* that came in one such time: still loaded */
#define UNFINISHED_WAIT_MS 1    /* for a record that is being written: its CPU was taken away, or it would be done */
#define ROOM_WAIT_MS       20   /* for the pump to make room, in case its sign was missed */
#define AGAIN_MS           1000 /* signals this close together are one */
#define STALL_MS           5000 /* contract.md: a stop gives up on an output that takes nothing */

static bool epoll_add(int epoll_fd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    return fd >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool timer_start(struct capture *capture)
{
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(capture->duration_ms / 1000),
                     .tv_nsec = (long)(capture->duration_ms % 1000 * NS_PER_MS)},
    };

    return timerfd_settime(capture->timer_fd, 0, &when, NULL) == 0;
}

static void signals_fill(sigset_t *ret_signals)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action;

    sigemptyset(ret_signals);
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (sigaction(ends[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(ret_signals, ends[i]);
}

void capture_signals_keep(void)
{
    sigset_t signals;

    signals_fill(&signals);
    sigprocmask(SIG_BLOCK, &signals, NULL);
}

bool capture_init(struct capture *capture)
{
    sigset_t signals;

    signals_fill(&signals);
    capture->quiet = true;
    capture->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    capture->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    capture->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return capture->epoll_fd >= 0 && epoll_add(capture->epoll_fd, capture->signal_fd) &&
           epoll_add(capture->epoll_fd, capture->timer_fd) && epoll_add(capture->epoll_fd, capture->pump->event_fd) &&
           epoll_add(capture->epoll_fd, muster_sensor_fd(capture->sensor)) &&
           (capture->duration_ms == 0 || timer_start(capture));
}

void capture_deinit(struct capture *capture)
{
    int fds[] = {capture->epoll_fd, capture->signal_fd, capture->timer_fd};

    for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static bool signal_came(const struct capture *capture)
{
    struct signalfd_siginfo information;

    return read(capture->signal_fd, &information, sizeof(information)) == sizeof(information);
}

static bool duration_over(const struct capture *capture)
{
    uint64_t expirations;

    return read(capture->timer_fd, &expirations, sizeof(expirations)) == sizeof(expirations);
}

static void pump_event_forget(const struct capture *capture)
{
    uint64_t count;
    ssize_t got = read(capture->pump->event_fd, &count, sizeof(count));

    (void)got; /* nothing there is fine */
}

/* Whether the queue takes the record now. If not, the pump is asked for a sign. */
static bool queue_has_room(struct capture *capture, const struct muster_record *record)
{
    enum muster_class class_of_record = muster_event_class(record->type);

    if (muster_queue_would_admit(capture->queue, class_of_record, record->size_bytes))
        return true;
    __atomic_store_n(&capture->pump->ack_wanted, true, __ATOMIC_SEQ_CST);
    return muster_queue_would_admit(capture->queue, class_of_record, record->size_bytes);
}

/* Moves what is in the ring to the queue, as far as there is room. */
static size_t ring_drain(struct capture *capture)
{
    const struct muster_record *record;
    uint64_t position;
    size_t count = 0;

    capture->throttled = false;
    while ((record = muster_sensor_next(capture->sensor, &position)) != NULL) {
        if (!queue_has_room(capture, record)) {
            muster_sensor_unread(capture->sensor, record);
            capture->throttled = true;
            break;
        }
        /* Where memory runs out all the same, the queue counts it and tells it in a gap. */
        (void)muster_queue_push_record(capture->queue, record, position);
        if (++count % WAKE_EVERY == 0)
            pump_wake(capture->pump);
    }
    if (count % WAKE_EVERY != 0)
        pump_wake(capture->pump);
    return count;
}

static bool gap_tell(void *context, const struct muster_record *record)
{
    struct capture *capture = context;

    if (muster_queue_push_record(capture->queue, record, 0) != MUSTER_OK)
        memcpy(&capture->pending[capture->pending_count++], record, sizeof(struct muster_gap));
    return true;
}

/* True where no gap waits any more. */
static bool pending_push(struct capture *capture)
{
    while (capture->pending_count > 0) {
        const struct muster_gap *gap = &capture->pending[capture->pending_count - 1];

        if (muster_queue_push_record(capture->queue, &gap->record, 0) != MUSTER_OK)
            return false;
        capture->pending_count--;
    }
    return true;
}

/* True where every number is accounted for, and every gap in the queue. */
static bool account(struct capture *capture)
{
    bool settled;

    if (!pending_push(capture))
        return false;
    capture->accounted_ns = boot_time_ns();
    settled = muster_sensor_account(capture->sensor, gap_tell, capture);
    pump_wake(capture->pump);
    return pending_push(capture) && settled;
}

static void account_if_due(struct capture *capture)
{
    uint64_t since_ms = (boot_time_ns() - capture->accounted_ns) / NS_PER_MS;
    bool lost = since_ms >= ACCOUNT_LOSS_MS && muster_sensor_has_losses(capture->sensor);

    if (lost || since_ms >= ACCOUNT_IDLE_MS)
        (void)account(capture);
}

bool capture_push_running(void *context, const struct muster_record *record)
{
    struct capture *capture = context;
    struct pollfd wait[] = {{.fd = capture->pump->event_fd, .events = POLLIN},
                            {.fd = capture->signal_fd, .events = POLLIN},
                            {.fd = capture->timer_fd, .events = POLLIN}};

    while (!queue_has_room(capture, record) || muster_queue_push_record(capture->queue, record, 0) != MUSTER_OK) {
        pump_wake(capture->pump);
        (void)poll(wait, 3, ROOM_WAIT_MS);
        if (wait[1].revents || wait[2].revents || pump_finished(capture->pump))
            return false;
        pump_event_forget(capture);
    }
    return true;
}

/* How long to sleep, in ms. Arms the ring's wake-up; 0 where there is something to read now.
 * `moved`: how many records the last turn moved. */
static int sleep_time(struct capture *capture, size_t moved)
{
    bool armed = muster_sensor_arm(capture->sensor, capture->quiet && !capture->throttled);
    bool lost;

    if (capture->throttled)
        return ROOM_WAIT_MS;
    if (!armed)
        return moved > 0 ? 0 : UNFINISHED_WAIT_MS;
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
    struct epoll_event events[4];
    uint64_t before_ns = boot_time_ns();
    int ready = epoll_wait(capture->epoll_fd, events, 4, sleep_time(capture, *moved));
    uint64_t slept_ns = boot_time_ns() - before_ns;

    pump_event_forget(capture);
    *moved = ring_drain(capture);
    pace(capture, slept_ns, *moved);
    account_if_due(capture);
    if (pump_finished(capture->pump))
        return false;
    return ready <= 0 || !(signal_came(capture) || duration_over(capture));
}

void capture_ledger(const struct capture *capture, struct muster_ledger *ret_ledger)
{
    struct muster_sensor_counts sensor;
    struct muster_queue_counts queue = {0};
    struct muster_ledger ledger = {.epoch = capture->epoch};
    uint64_t elsewhere;

    muster_sensor_counts(capture->sensor, &sensor);
    (void)muster_queue_counts(capture->queue, &queue);
    ledger.produced = sensor.produced;
    ledger.delivered = __atomic_load_n(&capture->pump->delivered, __ATOMIC_RELAXED);
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        ledger.dropped[cause] = sensor.dropped[cause] + queue.ledger.dropped[cause];
    elsewhere = ledger.delivered + ledger.filtered + muster_ledger_dropped(&ledger);
    ledger.held = ledger.produced > elsewhere ? ledger.produced - elsewhere : 0;
    *ret_ledger = ledger;
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
static bool told_again(const struct capture *capture, const struct progress *progress)
{
    return signal_came(capture) && boot_time_ns() - progress->begin_ns > AGAIN_MS * NS_PER_MS;
}

/* Waits a little for the pump. False, progress->end set, where it makes no progress for too long or
 * where a second signal says not to wait. */
static bool pump_wait_progress(struct capture *capture, struct progress *progress)
{
    struct pollfd wait[] = {{.fd = capture->pump->event_fd, .events = POLLIN},
                            {.fd = capture->signal_fd, .events = POLLIN}};
    uint64_t written, now_ns;

    (void)poll(wait, 2, ROOM_WAIT_MS);
    pump_event_forget(capture);
    written = __atomic_load_n(&capture->output->written, __ATOMIC_RELAXED);
    now_ns = boot_time_ns();
    if (written != progress->written) {
        progress->written = written;
        progress->since_ns = now_ns;
    }
    progress->end = told_again(capture, progress) ? CAPTURE_ABANDONED : CAPTURE_STALLED;
    return progress->end == CAPTURE_STALLED && now_ns - progress->since_ns < STALL_MS * NS_PER_MS;
}

/* Empties the ring and accounts for all numbers. False where the output stalls. */
static bool ring_finish(struct capture *capture, struct progress *progress)
{
    for (;;) {
        (void)ring_drain(capture);
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
    struct progress progress = {.begin_ns = boot_time_ns(), .since_ns = boot_time_ns()};
    struct muster_ledger ledger;

    muster_sensor_detach(capture->sensor);
    if (!ring_finish(capture, &progress))
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

    capture->accounted_ns = boot_time_ns();
    while (capture_turn(capture, &moved))
        ;
    return capture_finish(capture);
}
