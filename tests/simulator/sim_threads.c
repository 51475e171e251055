/* SPDX-License-Identifier: Apache-2.0 */
/* sim_agent.h: the pump's thread (agent/worker.h), and what the main thread waits for (agent/wakeups.h). */
#include <errno.h>
#include <string.h>

#include "agent/wakeups.h"
#include "agent/worker.h"
#include "sim_agent.h"
#include "sim_journal.h"
#include "sim_points.h"
#include "sim_random.h"
#include "sim_scheduler.h"

#define PATIENCE_MS 5000 /* docs/completeness.md, and the README */

static struct {
    const struct plan *plan;
    bool faults;
    struct sim_random random;
} threads;

/* ---- worker.h ---------------------------------------------------------------------------------------------- */

struct worker {
    struct sim_mutex mutex;
    struct fiber *fiber;
    struct fiber *sleeper; /* in worker_wait */
    struct fiber *joiner;
    void (*run)(struct worker *worker, void *context);
    void *context;
    bool done;
};

static void worker_body(void *started)
{
    struct worker *worker = started;

    worker->run(worker, worker->context);
    worker->done = true;
    fiber_wake(worker->joiner);
}

struct worker *worker_start(void (*run)(struct worker *worker, void *context), void *context)
{
    struct worker *worker =
        threads.faults && threads.plan->open_fault == OPEN_WORKER_FAILS ? NULL : calloc(1, sizeof(*worker));

    if (!worker) {
        errno = EAGAIN;
        return NULL;
    }
    worker->run = run;
    worker->context = context;
    worker->fiber = fiber_start("pump", GROUP_AGENT, threads.plan->pump_weight, worker_body, worker);
    return worker;
}

void worker_join(struct worker *worker)
{
    worker->joiner = fiber_current();
    while (!worker->done)
        (void)fiber_wait(NEVER);
    free(worker);
}

void worker_lock(struct worker *worker)
{
    sim_mutex_lock(&worker->mutex);
}

void worker_unlock(struct worker *worker)
{
    sim_mutex_unlock(&worker->mutex);
}

void worker_wait(struct worker *worker)
{
    uint64_t deadline_ns = NEVER;

    /* It may return without a reason. */
    if (random_chance(&threads.random, 20)) {
        deadline_ns = sim_now_ns() + random_below(&threads.random, NS_PER_MS);
        coverage.spurious_wakes++;
    }
    /* Nobody comes between letting go and waiting. */
    worker->sleeper = fiber_current();
    sim_mutex_unlock_and_wait(&worker->mutex, deadline_ns);
    worker->sleeper = NULL;
    sim_mutex_lock(&worker->mutex);
}

void worker_wake(struct worker *worker)
{
    fiber_wake(worker->sleeper);
}

/* ---- pthread_mutex_t, of sensor_linux/intake.c ------------------------------------------------------------------ */

_Static_assert(sizeof(struct sim_mutex) <= sizeof(pthread_mutex_t), "a pthread_mutex_t holds a mutex");

int agent_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    (void)attributes;
    *(struct sim_mutex *)(void *)mutex = (struct sim_mutex){0};
    return 0;
}

int agent_mutex_lock(pthread_mutex_t *mutex)
{
    sim_mutex_lock((struct sim_mutex *)(void *)mutex);
    return 0;
}

int agent_mutex_unlock(pthread_mutex_t *mutex)
{
    sim_mutex_unlock((struct sim_mutex *)(void *)mutex);
    return 0;
}

int agent_mutex_destroy(pthread_mutex_t *mutex)
{
    return sim_mutex_is_held((struct sim_mutex *)(void *)mutex) ? EBUSY : 0;
}

/* ---- wakeups.h ----------------------------------------------------------------------------------------------- */

struct wakeups {
    struct fiber *sleeper;
    uint64_t duration_end_ns; /* NEVER: none */
    bool pump_told;
};

/* Signals are the process's, and come before there are wakeups. */
static struct {
    struct wakeups *wakeups;
    bool kept;
    unsigned asked; /* and not taken */
    bool ever_asked;
    uint64_t asked_ns, last_asked_ns;
    bool records;
} waits;

void agent_threads_begin(const struct plan *plan, bool faults)
{
    memset(&waits, 0, sizeof(waits));
    threads.plan = plan;
    threads.faults = faults;
    threads.random.state = plan->seed * 31 + 7;
}

static void sleeper_wake(void)
{
    if (waits.wakeups)
        fiber_wake(waits.wakeups->sleeper);
}

void agent_stop_ask(void)
{
    journal_note("asked to stop", waits.asked, 0);
    if (!waits.ever_asked)
        waits.asked_ns = sim_now_ns();
    waits.ever_asked = true;
    waits.last_asked_ns = sim_now_ns();
    /* A signal that is pending is not pending twice. */
    waits.asked = 1;
    sleeper_wake();
}

static bool duration_is_over(void)
{
    return waits.wakeups && sim_now_ns() >= waits.wakeups->duration_end_ns;
}

bool agent_was_asked(uint64_t *ret_since_ns)
{
    uint64_t since_ns = waits.ever_asked ? waits.asked_ns : NEVER;

    if (duration_is_over() && waits.wakeups->duration_end_ns < since_ns)
        since_ns = waits.wakeups->duration_end_ns;
    *ret_since_ns = since_ns;
    return since_ns != NEVER;
}

uint64_t agent_signalled_ns(void)
{
    return waits.last_asked_ns;
}

void agent_records_wake(void)
{
    waits.records = true;
    coverage.wakes++;
    sleeper_wake();
}

void agent_records_forget(void)
{
    waits.records = false;
}

void wakeups_stop_keep(void)
{
    waits.kept = true;
}

struct wakeups *wakeups_create(intptr_t records, uint64_t duration_ms)
{
    struct wakeups *wakeups =
        threads.faults && threads.plan->open_fault == OPEN_WAKEUPS_FAIL ? NULL : calloc(1, sizeof(*wakeups));

    (void)records;
    if (!wakeups) {
        errno = EMFILE;
        return NULL;
    }
    if (!waits.kept)
        sim_fail("signals would have ended the process until now");
    wakeups->duration_end_ns = duration_ms ? sim_now_ns() + duration_ms * NS_PER_MS : NEVER;
    waits.wakeups = wakeups;
    return wakeups;
}

void wakeups_destroy(struct wakeups *wakeups)
{
    if (!wakeups)
        return;
    waits.wakeups = NULL;
    free(wakeups);
}

static unsigned what_came(const struct wakeups *wakeups)
{
    return (waits.records ? WAKE_RECORDS : 0) | (waits.asked ? WAKE_STOP : 0) |
           (sim_now_ns() >= wakeups->duration_end_ns ? WAKE_DURATION : 0) | (wakeups->pump_told ? WAKE_PUMP : 0);
}

unsigned wakeups_wait(struct wakeups *wakeups, unsigned wanted, unsigned timeout_ms)
{
    const uint64_t end_ns = sim_now_ns() + timeout_ms * NS_PER_MS;
    uint64_t until_ns;
    unsigned came;

    sim_point();
    while ((came = what_came(wakeups) & wanted) == 0 && sim_now_ns() < end_ns) {
        until_ns = wanted & WAKE_DURATION && wakeups->duration_end_ns < end_ns ? wakeups->duration_end_ns : end_ns;
        wakeups->sleeper = fiber_current();
        (void)fiber_wait(until_ns);
        wakeups->sleeper = NULL;
    }
    if (came & WAKE_PUMP)
        wakeups->pump_told = false;
    journal_note("woke up", came, wanted);
    return came;
}

bool wakeups_stop_take(struct wakeups *wakeups)
{
    const bool asked = waits.asked > 0;

    (void)wakeups;
    sim_point();
    waits.asked = 0;
    return asked;
}

unsigned wakeups_patience_ms(const struct wakeups *wakeups)
{
    (void)wakeups;
    return PATIENCE_MS;
}

void wakeups_pump_tell(struct wakeups *wakeups)
{
    sim_point();
    wakeups->pump_told = true;
    fiber_wake(wakeups->sleeper);
}
