/* SPDX-License-Identifier: Apache-2.0 */
/* A thread, and the lock and condition that it shares with who started it. linux_worker.c has POSIX
 * threads, win32_worker.c what Windows has of its own: nothing is linked in for it. */
#ifndef MUSTER_WORKER_H
#define MUSTER_WORKER_H

#include "muster/annotations.h"

struct worker;

/* Starts `run` in a thread of its own. NULL with errno set. */
struct worker *worker_start(void (*run)(struct worker *worker, void *context), void *context) MUSTER_MUST_CHECK;

/* Waits for the end of the thread, and frees. */
void worker_join(struct worker *worker);

void worker_lock(struct worker *worker);
void worker_unlock(struct worker *worker);

/* With the lock held: lets go of it, waits for worker_wake, and takes it again. May return without one. */
void worker_wait(struct worker *worker);

/* Ends the wait of one thread. With the lock held or not. */
void worker_wake(struct worker *worker);

#endif
