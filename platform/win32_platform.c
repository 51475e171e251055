/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host side of platform.h for Windows programs: a slim reader-writer lock, used exclusively (it
 * needs no clean-up and cannot fail), the process's heap, and no IRQL.
 */
#include "platform/platform.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>

_Static_assert(sizeof(SRWLOCK) <= MUSTER_LOCK_BYTES, "a muster_lock holds a lock");
_Static_assert(MEMORY_ALLOCATION_ALIGNMENT >= 16, "HeapAlloc aligns to 16");

static SRWLOCK *lock_of(struct muster_lock *lock)
{
    return (SRWLOCK *)(void *)lock->opaque;
}

void muster_platform_lock_init(struct muster_lock *lock)
{
    InitializeSRWLock(lock_of(lock));
}

void muster_platform_lock_deinit(struct muster_lock *lock)
{
    (void)lock;
}

void muster_platform_lock_acquire(struct muster_lock *lock) MUSTER_NO_THREAD_SAFETY_ANALYSIS
{
    AcquireSRWLockExclusive(lock_of(lock));
}

void muster_platform_lock_release(struct muster_lock *lock) MUSTER_NO_THREAD_SAFETY_ANALYSIS
{
    ReleaseSRWLockExclusive(lock_of(lock));
}

void *muster_platform_allocate(size_t bytes)
{
    return HeapAlloc(GetProcessHeap(), 0, bytes);
}

void muster_platform_free(void *memory, size_t bytes)
{
    (void)bytes;
    (void)HeapFree(GetProcessHeap(), 0, memory);
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
