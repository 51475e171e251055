/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads for the replay of a model's run: of each it is decided from outside when it goes on. It stops where another
 * can come in: before it allocates, before it takes a lock, before it frees. platform.h is implemented here.
 */
#ifndef MUSTER_REPLAY_THREADS_H
#define MUSTER_REPLAY_THREADS_H

#include <stdbool.h>
#include <stddef.h>

enum replay_stop { REPLAY_AT_END, REPLAY_AT_ALLOCATE, REPLAY_AT_LOCK, REPLAY_AT_FREE };

#define REPLAY_THREADS 3

/* Calls in that thread, up to its first stop or to its end. Of the locks the first is taken at once, unless the thread
 * is to stop there too. */
enum replay_stop replay_call(unsigned thread, void (*call)(void *context), void *context, bool stops_at_first_lock);

/* Goes on to the next stop. */
enum replay_stop replay_go_on(unsigned thread);

enum replay_stop replay_stop_of(unsigned thread);

/* For the next step only: the IRQL, and that there is no memory. */
void replay_irql_raise(void);
void replay_memory_fail(void);
void replay_step_end(void);

/* As core asked for them, and has not given back. */
size_t replay_live_bytes(void);

_Noreturn void replay_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
