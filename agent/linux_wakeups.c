/* SPDX-License-Identifier: Apache-2.0 */
/* wakeups.h by signalfd, timerfd and eventfd. */
#include "wakeups.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define NS_PER_MS  1000000L
#define STALL_MS   5000 /* contract.md: a stop gives up on an output that takes nothing */
#define WAKE_COUNT 4

struct wakeups {
    int epoll_fd;        /* of all the others: the sensor's is edge-triggered, which poll(2) cannot do */
    int fds[WAKE_COUNT]; /* by number of the WAKE_ bit */
};

enum { RECORDS, STOP, DURATION, PUMP };

static void signals_fill(sigset_t *ret_signals)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action;

    sigemptyset(ret_signals);
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (sigaction(ends[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(ret_signals, ends[i]);
}

void wakeups_stop_keep(void)
{
    sigset_t signals;

    signals_fill(&signals);
    sigprocmask(SIG_BLOCK, &signals, NULL); /* in the threads to come, too */
}

static bool timer_start(int timer_fd, uint64_t duration_ms)
{
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(duration_ms / 1000), .tv_nsec = (long)(duration_ms % 1000) * NS_PER_MS},
    };

    return timerfd_settime(timer_fd, 0, &when, NULL) == 0;
}

static bool epoll_fill(const struct wakeups *wakeups)
{
    for (unsigned i = 0; i < WAKE_COUNT; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = 1U << i};

        if (i == RECORDS && wakeups->fds[i] == (int)WAKEUPS_NO_RECORDS)
            continue;
        if (wakeups->fds[i] < 0 || epoll_ctl(wakeups->epoll_fd, EPOLL_CTL_ADD, wakeups->fds[i], &event) != 0)
            return false;
    }
    return true;
}

struct wakeups *wakeups_create(intptr_t records, uint64_t duration_ms)
{
    struct wakeups *wakeups = calloc(1, sizeof(*wakeups));
    sigset_t signals;

    if (!wakeups)
        return NULL;
    signals_fill(&signals);
    wakeups->fds[RECORDS] = (int)records;
    wakeups->fds[STOP] = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    wakeups->fds[DURATION] = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    wakeups->fds[PUMP] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    wakeups->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (wakeups->epoll_fd >= 0 && epoll_fill(wakeups) &&
        (duration_ms == 0 || timer_start(wakeups->fds[DURATION], duration_ms)))
        return wakeups;
    wakeups_destroy(wakeups);
    return NULL;
}

void wakeups_destroy(struct wakeups *wakeups)
{
    int error = errno;

    if (!wakeups)
        return;
    wakeups->fds[RECORDS] = wakeups->epoll_fd; /* the sensor's is not ours to close */
    for (unsigned i = 0; i < WAKE_COUNT; i++)
        if (wakeups->fds[i] >= 0)
            close(wakeups->fds[i]);
    free(wakeups);
    errno = error;
}

static unsigned epoll_all(const struct wakeups *wakeups, unsigned timeout_ms)
{
    struct epoll_event events[WAKE_COUNT];
    int count = epoll_wait(wakeups->epoll_fd, events, WAKE_COUNT, (int)timeout_ms);
    unsigned came = 0;

    for (int i = 0; i < count; i++)
        came |= events[i].data.u32;
    return came;
}

static unsigned poll_some(const struct wakeups *wakeups, unsigned wanted, unsigned timeout_ms)
{
    struct pollfd polled[WAKE_COUNT];
    unsigned came = 0;

    for (unsigned i = 0; i < WAKE_COUNT; i++)
        polled[i] = (struct pollfd){.fd = wanted >> i & 1U ? wakeups->fds[i] : -1, .events = POLLIN};
    if (poll(polled, WAKE_COUNT, (int)timeout_ms) <= 0)
        return 0;
    for (unsigned i = 0; i < WAKE_COUNT; i++)
        came |= polled[i].revents ? 1U << i : 0;
    return came;
}

unsigned wakeups_wait(struct wakeups *wakeups, unsigned wanted, unsigned timeout_ms)
{
    unsigned came = wanted == WAKE_ALL ? epoll_all(wakeups, timeout_ms) : poll_some(wakeups, wanted, timeout_ms);
    uint64_t count;

    if (came & WAKE_PUMP && read(wakeups->fds[PUMP], &count, sizeof(count)) < 0)
        came &= ~WAKE_PUMP;
    return came;
}

bool wakeups_stop_take(struct wakeups *wakeups)
{
    struct signalfd_siginfo information;

    return read(wakeups->fds[STOP], &information, sizeof(information)) == sizeof(information);
}

unsigned wakeups_patience_ms(const struct wakeups *wakeups)
{
    (void)wakeups;
    return STALL_MS;
}

void wakeups_pump_tell(struct wakeups *wakeups)
{
    uint64_t one = 1;
    ssize_t written = write(wakeups->fds[PUMP], &one, sizeof(one));

    (void)written; /* only a counter at its maximum refuses, and then the event is there already */
}
