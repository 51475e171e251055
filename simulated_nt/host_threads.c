/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads, locks, conditions and clocks of the host, for the NT-typed files, which cannot include
 * libc's headers; and the state that the simulator keeps for each thread.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "simulated_nt/sim_internal.h"

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(struct sim_host_lock), "a host lock holds a mutex");
_Static_assert(sizeof(pthread_cond_t) <= sizeof(struct sim_host_condition), "a host condition holds a condition");

#define NS_PER_SECOND 1000000000ULL

static _Thread_local struct sim_thread this_thread;
static pthread_key_t end_key; /* its destructor runs when a thread ends */
static pthread_once_t end_key_once = PTHREAD_ONCE_INIT;

struct sim_host_thread {
    pthread_t thread;
    void *(*body)(void *context);
    void *context;
};

static void on_thread_end(void *thread)
{
    sim_thread_ended(thread);
}

static void make_end_key(void)
{
    if (pthread_key_create(&end_key, on_thread_end) != 0)
        abort();
}

static void watch_end(struct sim_thread *self)
{
    sim_own_begin();
    (void)pthread_once(&end_key_once, make_end_key);
    (void)pthread_setspecific(end_key, self);
    sim_own_end();
}

struct sim_thread *sim_thread_self(void)
{
    static uint64_t last_thread_id;
    struct sim_thread *self = &this_thread;

    if (self->thread_id == 0) {
        self->thread_id = __atomic_add_fetch(&last_thread_id, 4, __ATOMIC_RELAXED);
        self->process_id = 4;
        watch_end(self);
    }
    return self;
}

static void *run_thread(void *context)
{
    struct sim_host_thread *thread = context;
    return thread->body(thread->context);
}

int sim_host_thread_start(struct sim_host_thread **ret_thread, void *(*body)(void *context), void *context)
{
    struct sim_host_thread *thread = sim_host_allocate(sizeof *thread);
    thread->body = body;
    thread->context = context;
    *ret_thread = thread;
    const int error = pthread_create(&thread->thread, NULL, run_thread, thread);
    if (error != 0) {
        *ret_thread = NULL;
        sim_host_free(thread);
    }
    return error;
}

static void *run_detached(void *context)
{
    const struct sim_host_thread thread = *(struct sim_host_thread *)context;
    sim_host_free(context);
    return thread.body(thread.context);
}

int sim_host_thread_start_detached(void *(*body)(void *context), void *context)
{
    struct sim_host_thread *thread = sim_host_allocate(sizeof *thread);
    pthread_t started;

    thread->body = body;
    thread->context = context;
    const int error = pthread_create(&started, NULL, run_detached, thread);
    if (error != 0)
        sim_host_free(thread);
    else
        (void)pthread_detach(started);
    return error;
}

void *sim_host_thread_join(struct sim_host_thread *thread)
{
    void *result = NULL;
    if (pthread_join(thread->thread, &result) != 0)
        abort();
    sim_host_free(thread);
    return result;
}

_Noreturn void sim_host_thread_exit(void)
{
    pthread_exit(NULL);
}

/* ---- locks and conditions: zeroed is initialised, with glibc ------------------------------------- */

void sim_host_lock_acquire(struct sim_host_lock *lock)
{
    if (pthread_mutex_lock((pthread_mutex_t *)(void *)lock) != 0)
        abort();
}

void sim_host_lock_release(struct sim_host_lock *lock)
{
    if (pthread_mutex_unlock((pthread_mutex_t *)(void *)lock) != 0)
        abort();
}

void sim_host_condition_wait(struct sim_host_condition *condition, struct sim_host_lock *lock)
{
    if (pthread_cond_wait((pthread_cond_t *)(void *)condition, (pthread_mutex_t *)(void *)lock) != 0)
        abort();
}

bool sim_host_condition_wait_until(struct sim_host_condition *condition, struct sim_host_lock *lock, uint64_t until_ns)
{
    const struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_SECOND),
                                   .tv_nsec = (long)(until_ns % NS_PER_SECOND)};
    const int error = pthread_cond_clockwait((pthread_cond_t *)(void *)condition, (pthread_mutex_t *)(void *)lock,
                                             CLOCK_MONOTONIC, &until);
    if (error != 0 && error != ETIMEDOUT)
        abort();
    return error == 0;
}

void sim_host_condition_wake_all(struct sim_host_condition *condition)
{
    (void)pthread_cond_broadcast((pthread_cond_t *)(void *)condition);
}

/* ---- clocks --------------------------------------------------------------------------------------- */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t sim_host_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t sim_host_realtime_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

void sim_host_sleep_ns(uint64_t ns)
{
    struct timespec rest = {.tv_sec = (time_t)(ns / NS_PER_SECOND), .tv_nsec = (long)(ns % NS_PER_SECOND)};
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        ;
}

uint64_t sim_host_process_id(void)
{
    return (uint64_t)getpid();
}

void sim_host_yield(void)
{
    (void)sched_yield();
}
