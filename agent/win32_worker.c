/* SPDX-License-Identifier: Apache-2.0 */
/* worker.h by what Windows has of its own. _beginthreadex, since the C library keeps an errno for each thread. */
#include "worker.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <process.h>
#include <stdint.h>
#include <stdlib.h>

struct worker {
    HANDLE thread;
    SRWLOCK lock;
    CONDITION_VARIABLE wake;
    void (*run)(struct worker *worker, void *context);
    void *context;
};

static unsigned __stdcall worker_run(void *started)
{
    struct worker *worker = started;

    worker->run(worker, worker->context);
    return 0;
}

struct worker *worker_start(void (*run)(struct worker *worker, void *context), void *context)
{
    struct worker *worker = calloc(1, sizeof(*worker));

    if (!worker)
        return NULL;
    worker->run = run;
    worker->context = context;
    InitializeSRWLock(&worker->lock);
    InitializeConditionVariable(&worker->wake);
    worker->thread = (HANDLE)_beginthreadex(NULL, 0, worker_run, worker, 0, NULL);
    if (worker->thread)
        return worker;
    free(worker);
    return NULL;
}

void worker_join(struct worker *worker)
{
    (void)WaitForSingleObject(worker->thread, INFINITE);
    CloseHandle(worker->thread);
    free(worker);
}

void worker_lock(struct worker *worker)
{
    AcquireSRWLockExclusive(&worker->lock);
}

void worker_unlock(struct worker *worker)
{
    ReleaseSRWLockExclusive(&worker->lock);
}

void worker_wait(struct worker *worker)
{
    (void)SleepConditionVariableSRW(&worker->wake, &worker->lock, INFINITE, 0);
}

void worker_wake(struct worker *worker)
{
    WakeConditionVariable(&worker->wake);
}
