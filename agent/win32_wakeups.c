/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wakeups.h by console events and handles. What asks to stop comes on a thread that the system makes
 * for it. Ctrl-C and Ctrl-Break are left to the main thread, as a signal is. When the console is
 * closed, at log-off and at shutdown the process ends as soon as that thread returns, and some
 * seconds later anyhow: so it does not return, and the main thread is less patient.
 */
#include "wakeups.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <errno.h>
#include <stdlib.h>

#include "host.h"
#include "win32_error.h"

#define NS_PER_MS         1000000ULL
#define STALL_MS          5000 /* contract.md: a stop gives up on an output that takes nothing */
#define STALL_ON_CLOSE_MS 3000 /* the system gives 5 s */

struct wakeups {
    HANDLE records;  /* the sensor's */
    HANDLE pump;     /* resets itself */
    uint64_t end_ns; /* of the duration; 0: none */
};

/* Of the process, as its console is; made before the handler is set, and never closed. */
static struct {
    HANDLE event; /* a stop was asked for and not taken */
    volatile LONG count;
    volatile LONG closing;
    bool kept; /* wakeups_stop_keep was called; where not, Ctrl-C ends the process as it does any */
} stop;

static BOOL WINAPI console_event(DWORD type)
{
    bool closing = type == CTRL_CLOSE_EVENT || type == CTRL_LOGOFF_EVENT || type == CTRL_SHUTDOWN_EVENT;

    if (closing)
        InterlockedExchange(&stop.closing, 1);
    InterlockedIncrement(&stop.count);
    SetEvent(stop.event);
    if (closing)
        Sleep(INFINITE);
    return TRUE;
}

void wakeups_stop_keep(void)
{
    stop.kept = true;
    stop.event = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (stop.event)
        (void)SetConsoleCtrlHandler(console_event, TRUE);
}

struct wakeups *wakeups_create(intptr_t records, uint64_t duration_ms)
{
    struct wakeups *wakeups = calloc(1, sizeof(*wakeups));

    if (!wakeups)
        return NULL;
    wakeups->records = (HANDLE)records;
    wakeups->pump = CreateEventW(NULL, FALSE, FALSE, NULL);
    wakeups->end_ns = duration_ms ? host_monotonic_ns() + duration_ms * NS_PER_MS : 0;
    if (wakeups->pump && (stop.event || !stop.kept))
        return wakeups;
    errno = win32_errno(GetLastError());
    wakeups_destroy(wakeups);
    return NULL;
}

void wakeups_destroy(struct wakeups *wakeups)
{
    if (!wakeups)
        return;
    if (wakeups->pump)
        CloseHandle(wakeups->pump);
    free(wakeups);
}

static bool duration_over(const struct wakeups *wakeups)
{
    return wakeups->end_ns != 0 && host_monotonic_ns() >= wakeups->end_ns;
}

/* Rounded up, so that it is not too early by a part of a millisecond. */
static DWORD time_left_ms(const struct wakeups *wakeups, unsigned wanted, unsigned timeout_ms)
{
    uint64_t now_ns = host_monotonic_ns(), left_ms;

    if (!(wanted & WAKE_DURATION) || wakeups->end_ns == 0)
        return timeout_ms;
    left_ms = wakeups->end_ns > now_ns ? (wakeups->end_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
    return left_ms < timeout_ms ? (DWORD)left_ms : timeout_ms;
}

unsigned wakeups_wait(struct wakeups *wakeups, unsigned wanted, unsigned timeout_ms)
{
    const struct {
        unsigned bit;
        HANDLE handle;
    } all[] = {{WAKE_RECORDS, wakeups->records}, {WAKE_STOP, stop.event}, {WAKE_PUMP, wakeups->pump}};
    HANDLE handles[3];
    unsigned bits[3], came = 0;
    DWORD count = 0, first;

    for (unsigned i = 0; i < 3; i++)
        if (wanted & all[i].bit) {
            bits[count] = all[i].bit;
            handles[count++] = all[i].handle;
        }
    first = WaitForMultipleObjects(count, handles, FALSE, time_left_ms(wakeups, wanted, timeout_ms));
    /* It tells the first, and has reset that if it resets itself; the others have to be asked. */
    if (first < WAIT_OBJECT_0 + count)
        came = bits[first - WAIT_OBJECT_0];
    for (DWORD i = first + 1; first < WAIT_OBJECT_0 + count && i < count; i++)
        if (WaitForSingleObject(handles[i], 0) == WAIT_OBJECT_0)
            came |= bits[i];
    if (wanted & WAKE_DURATION && duration_over(wakeups))
        came |= WAKE_DURATION;
    return came;
}

/* First reset, then looked: one that comes in between leaves the event set for nothing, and not the
 * other way round. */
bool wakeups_stop_take(struct wakeups *wakeups)
{
    (void)wakeups;
    ResetEvent(stop.event);
    return InterlockedExchange(&stop.count, 0) > 0;
}

unsigned wakeups_patience_ms(const struct wakeups *wakeups)
{
    (void)wakeups;
    return stop.closing ? STALL_ON_CLOSE_MS : STALL_MS;
}

void wakeups_pump_tell(struct wakeups *wakeups)
{
    SetEvent(wakeups->pump);
}
