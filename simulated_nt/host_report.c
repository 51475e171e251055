/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the run ends where a rule was broken: what, by which thread, at which IRQL, with which locks
 * held, and from where. Everything goes to stderr; the process aborts, so that a debugger or a
 * core file has the place.
 */
#include <execinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "simulated_nt/sim_internal.h"
#include "simulated_nt/sim_pool.h"

#define BACKTRACE_MAX 32

/* Of the sanitizers' run time; it knows lines. */
extern void __sanitizer_print_stack_trace(void) __attribute__((weak));

void sim_host_print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
}

/* With the end of its line. Allocates nothing, so that it serves in a signal handler. */
void sim_host_print_code(void *address)
{
    (void)fflush(stderr);
    backtrace_symbols_fd(&address, 1, STDERR_FILENO);
}

void sim_host_frames(void **ret_frames, int count, void *first)
{
    void *frames[BACKTRACE_MAX];
    const int found = backtrace(frames, BACKTRACE_MAX);
    int start = 0;

    while (start < found && frames[start] != first)
        start++;
    ret_frames[0] = first;
    for (int i = 1; i < count; i++)
        ret_frames[i] = start + i < found ? frames[start + i] : NULL;
}

static void print_locks(const struct sim_thread *self)
{
    if (self->lock_count == 0)
        sim_host_print("  it holds no lock\n");
    for (unsigned i = self->lock_count; i-- > 0;) {
        const struct sim_lock_held *held = &self->locks[i];
        sim_host_print("  it holds the %s at %p, acquired at IRQL %u by ", sim_lock_kind_name(held->kind),
                       held->address, held->irql_before);
        sim_host_print_code(held->acquired_at);
    }
}

static void print_backtrace(void)
{
    void *addresses[BACKTRACE_MAX];
    const int count = backtrace(addresses, BACKTRACE_MAX);

    (void)fflush(stderr);
    backtrace_symbols_fd(addresses, count, STDERR_FILENO);
    if (__sanitizer_print_stack_trace)
        __sanitizer_print_stack_trace();
}

void sim_report_thread(void)
{
    const struct sim_thread *self = sim_thread_self();
    sim_host_print("  thread %llu of process %llu at IRQL %u, %u critical regions open\n",
                   (unsigned long long)self->thread_id, (unsigned long long)self->process_id, self->irql,
                   self->critical_regions);
    if (self->blocked_in != NULL)
        sim_host_print("  it is inside %s\n", self->blocked_in);
    print_locks(self);
    print_backtrace();
}

_Noreturn void sim_host_abort(void)
{
    (void)fflush(stdout);
    (void)fflush(stderr);
    abort();
}

_Noreturn void sim_broken(const char *call, const char *format, ...)
{
    va_list arguments;

    sim_own_begin(); /* nothing that follows is the driver's */
    sim_host_print("simulated_nt: BROKEN RULE in %s: ", call);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    sim_host_print("\n");
    sim_report_thread();
    sim_host_abort();
}
