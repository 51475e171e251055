/* SPDX-License-Identifier: Apache-2.0 */
/* worker.h by POSIX threads. Signals that end muster are blocked in every thread, see wakeups.h. */
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct worker {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    void (*run)(struct worker *worker, void *context);
    void *context;
};

static void *worker_run(void *started)
{
    struct worker *worker = started;

    worker->run(worker, worker->context);
    return NULL;
}

static void worker_free(struct worker *worker)
{
    pthread_cond_destroy(&worker->wake);
    pthread_mutex_destroy(&worker->mutex);
    free(worker);
}

struct worker *worker_start(void (*run)(struct worker *worker, void *context), void *context)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    int error;

    if (!worker)
        return NULL;
    worker->run = run;
    worker->context = context;
    pthread_mutex_init(&worker->mutex, NULL);
    pthread_cond_init(&worker->wake, NULL);
    error = pthread_create(&worker->thread, NULL, worker_run, worker);
    if (error == 0)
        return worker;
    worker_free(worker);
    errno = error;
    return NULL;
}

void worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
    worker_free(worker);
}

void worker_lock(struct worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
}

void worker_unlock(struct worker *worker)
{
    pthread_mutex_unlock(&worker->mutex);
}

void worker_wait(struct worker *worker)
{
    pthread_cond_wait(&worker->wake, &worker->mutex);
}

void worker_wake(struct worker *worker)
{
    pthread_cond_signal(&worker->wake);
}
