/* SPDX-License-Identifier: Apache-2.0 */
/* replay_threads.h */
#include "replay_threads.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include "platform/platform.h"

#define STACK_BYTES   ((size_t)256 * 1024)
#define DISPATCH_IRQL 2U

struct thread {
    ucontext_t context;
    unsigned char *stack;
    void (*call)(void *context);
    void *call_context;
    enum replay_stop stop;
    bool takes_lock; /* the next one, without a stop */
};

static struct {
    struct thread threads[REPLAY_THREADS];
    struct thread *running; /* NULL: it is whoever asks, who never stops */
    ucontext_t outside;
    bool locked;
    unsigned irql;
    bool memory_fails;
    size_t live_bytes;
} replay;

/* ---- going on and stopping -------------------------------------------------------------------- */

static void stop_at(enum replay_stop stop)
{
    struct thread *thread = replay.running;

    if (!thread)
        return;
    thread->stop = stop;
    swapcontext(&thread->context, &replay.outside);
}

static void thread_run(void)
{
    struct thread *thread = replay.running;

    for (;;) {
        thread->call(thread->call_context);
        stop_at(REPLAY_AT_END);
    }
}

static void thread_make(struct thread *thread)
{
    thread->stack = malloc(STACK_BYTES);
    if (!thread->stack || getcontext(&thread->context) != 0)
        replay_fail("no thread can be made");
    thread->context.uc_stack.ss_sp = thread->stack;
    thread->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&thread->context, thread_run, 0);
}

static enum replay_stop go_on(struct thread *thread)
{
    replay.running = thread;
    swapcontext(&replay.outside, &thread->context);
    replay.running = NULL;
    if (replay.locked)
        replay_fail("a thread stops, and holds a lock");
    return thread->stop;
}

enum replay_stop replay_call(unsigned number, void (*call)(void *context), void *context, bool stops_at_first_lock)
{
    struct thread *thread = &replay.threads[number];

    if (!thread->stack)
        thread_make(thread);
    if (thread->stop != REPLAY_AT_END)
        replay_fail("thread %u is in the middle of a call", number);
    thread->call = call;
    thread->call_context = context;
    thread->takes_lock = !stops_at_first_lock;
    return go_on(thread);
}

enum replay_stop replay_go_on(unsigned number)
{
    if (replay.threads[number].stop == REPLAY_AT_END)
        replay_fail("thread %u has nothing to go on with", number);
    return go_on(&replay.threads[number]);
}

enum replay_stop replay_stop_of(unsigned number)
{
    return replay.threads[number].stop;
}

/* ---- what goes wrong -------------------------------------------------------------------------- */

void replay_irql_raise(void)
{
    replay.irql = DISPATCH_IRQL;
}

void replay_memory_fail(void)
{
    replay.memory_fails = true;
}

void replay_step_end(void)
{
    replay.irql = MUSTER_IRQL_PASSIVE;
    replay.memory_fails = false;
}

size_t replay_live_bytes(void)
{
    return replay.live_bytes;
}

/* ---- platform.h ------------------------------------------------------------------------------- */

void muster_platform_lock_init(struct muster_lock *lock)
{
    (void)lock;
}

void muster_platform_lock_deinit(struct muster_lock *lock)
{
    (void)lock;
}

/* One flag for all: nobody holds two, and nobody stops with one. */
void muster_platform_lock_acquire(struct muster_lock *lock) MUSTER_NO_THREAD_SAFETY_ANALYSIS
{
    (void)lock;
    if (replay.running && replay.running->takes_lock)
        replay.running->takes_lock = false;
    else
        stop_at(REPLAY_AT_LOCK);
    if (replay.locked)
        replay_fail("a lock is taken by somebody who holds one");
    replay.locked = true;
}

void muster_platform_lock_release(struct muster_lock *lock) MUSTER_NO_THREAD_SAFETY_ANALYSIS
{
    (void)lock;
    replay.locked = false;
}

void *muster_platform_allocate(size_t bytes)
{
    void *memory;

    if (replay.locked)
        replay_fail("allocates under a lock");
    stop_at(REPLAY_AT_ALLOCATE);
    if (replay.memory_fails)
        return NULL;
    memory = malloc(bytes);
    if (!memory)
        replay_fail("out of memory in earnest");
    replay.live_bytes += bytes;
    return memory;
}

void muster_platform_free(void *memory, size_t bytes)
{
    if (replay.locked)
        replay_fail("frees under a lock");
    stop_at(REPLAY_AT_FREE);
    replay.live_bytes -= bytes;
    free(memory);
}

unsigned muster_platform_irql(void)
{
    return replay.irql;
}

void muster_platform_panic(const char *what)
{
    replay_fail("panic: %s", what);
}
