/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host side of platform.h on POSIX: a pthread mutex, malloc, and no IRQL. Linked into the agent
 * and the benchmarks. A futex of our own was rejected: the C library's mutex costs the same where
 * nobody waits, and the sanitizers know it.
 */
#include "platform/platform.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert(sizeof(pthread_mutex_t) <= MUSTER_LOCK_BYTES, "a muster_lock holds a mutex");
_Static_assert(alignof(pthread_mutex_t) <= 16, "and is aligned for it");
_Static_assert(alignof(max_align_t) >= 16, "malloc aligns to 16");

static pthread_mutex_t *mutex_of(struct muster_lock *lock)
{
    return (pthread_mutex_t *)(void *)lock->opaque;
}

static void expect_success(int error, const char *what)
{
    if (error != 0)
        muster_platform_panic(what);
}

void muster_platform_lock_init(struct muster_lock *lock)
{
    expect_success(pthread_mutex_init(mutex_of(lock), NULL), "mutex could not be made");
}

void muster_platform_lock_deinit(struct muster_lock *lock)
{
    expect_success(pthread_mutex_destroy(mutex_of(lock)), "mutex destroyed while in use");
}

void muster_platform_lock_acquire(struct muster_lock *lock) MUSTER_NO_THREAD_SAFETY_ANALYSIS
{
    expect_success(pthread_mutex_lock(mutex_of(lock)), "mutex could not be locked");
}

void muster_platform_lock_release(struct muster_lock *lock) MUSTER_NO_THREAD_SAFETY_ANALYSIS
{
    expect_success(pthread_mutex_unlock(mutex_of(lock)), "mutex could not be unlocked");
}

void *muster_platform_allocate(size_t bytes)
{
    return malloc(bytes);
}

void muster_platform_free(void *memory, size_t bytes)
{
    (void)bytes;
    free(memory);
}

unsigned muster_platform_irql(void)
{
    return MUSTER_IRQL_PASSIVE;
}

_Noreturn void muster_platform_panic(const char *what)
{
    (void)fprintf(stderr, "muster: panic: %s\n", what);
    abort();
}
