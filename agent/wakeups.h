/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the main thread waits for: records, being asked to stop, the end of its time, and a sign
 * of the pump. linux_wakeups.c has signals and file descriptors, win32_wakeups.c console events and
 * handles.
 */
#ifndef MUSTER_WAKEUPS_H
#define MUSTER_WAKEUPS_H

#include <stdbool.h>
#include <stdint.h>

struct wakeups;

#define WAKE_RECORDS  1U /* the sensor's, see muster_sensor_arm */
#define WAKE_STOP     2U /* Ctrl-C and the like; stays until wakeups_stop_take */
#define WAKE_DURATION 4U /* the time is over; stays */
#define WAKE_PUMP     8U /* wakeups_pump_tell; gone when it was waited for */
#define WAKE_ALL      (WAKE_RECORDS | WAKE_STOP | WAKE_DURATION | WAKE_PUMP)

/*
 * Keeps what asks to stop for wakeups_wait to tell. First of all things, so that none of it ends
 * the process half-way; what whoever started us had ignored (nohup, a shell's background) stays ignored.
 */
void wakeups_stop_keep(void);

/* `records` is what to wait on for records, see muster_sensor_wake_handle, or WAKEUPS_NO_RECORDS. The duration begins
 * here; 0: until asked to stop. NULL with errno set. */
#define WAKEUPS_NO_RECORDS ((intptr_t)-1)
struct wakeups *wakeups_create(intptr_t records, uint64_t duration_ms);
void wakeups_destroy(struct wakeups *wakeups);

/* Waits until something of `wanted` has come or the time is over, and returns what has come: bits of
 * `wanted`. */
unsigned wakeups_wait(struct wakeups *wakeups, unsigned wanted, unsigned timeout_ms);

/* Whether a stop was asked for since the last call. */
bool wakeups_stop_take(struct wakeups *wakeups);

/* How long a stop may wait for an output that takes nothing, in ms; less where the system would end
 * the process before (Windows: its console was closed). */
unsigned wakeups_patience_ms(const struct wakeups *wakeups);

/* Ends a wait for WAKE_PUMP. From any thread. */
void wakeups_pump_tell(struct wakeups *wakeups);

#endif
