/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NT kernel's side of platform.h: a FAST_MUTEX, non-paged pool that is never executable, CR8,
 * and a bug check. Linked into the driver; what it may import stands in tools/nt-imports.allow.
 *
 * A FAST_MUTEX holds an event, whose list of waiters is a list head that points at itself. So it is
 * initialised in place, in the muster_lock that it stays in, and never as a value that is then moved.
 *
 * Rejected: a spin lock (it raises to DISPATCH_LEVEL, and a record is copied under the lock); a
 * KGUARDED_MUTEX (the same thing since Windows 8); ExAllocatePool2 as an import (the driver would not
 * load before Windows 10 2004).
 */
#include <stddef.h>

#include <driverspecs.h>
#include <wdm.h>

#include "platform/nt_platform.h"
#include "platform/platform.h"

_Static_assert(sizeof(FAST_MUTEX) <= MUSTER_LOCK_BYTES, "a muster_lock holds a FAST_MUTEX");
_Static_assert(_Alignof(FAST_MUTEX) <= _Alignof(struct muster_lock), "and is aligned for it");
_Static_assert(offsetof(FAST_MUTEX, Event) % _Alignof(KEVENT) == 0, "nothing is packed");
_Static_assert(MUSTER_IRQL_PASSIVE == PASSIVE_LEVEL && MUSTER_IRQL_APC == APC_LEVEL, "the levels are the kernel's");
/* Pool is aligned to 16 on 64-bit Windows, and to a page from a page on. */
_Static_assert(MEMORY_ALLOCATION_ALIGNMENT >= 16, "pool aligns to 16");

/* In no header of mingw-w64 10. Flags from learn.microsoft.com, POOL_FLAGS. */
#define POOL2_FLAG_NON_PAGED 0x40ULL /* and not executable */
typedef PVOID NTAPI pool2_function(ULONG64 flags, SIZE_T bytes, ULONG tag);
typedef VOID NTAPI system_time_function(PLARGE_INTEGER time);

/* Written once in muster_nt_platform_init; NULL where this Windows does not have it. */
static pool2_function *allocate_pool2;
static system_time_function *query_system_time_precise;

#define TICKS_1601_TO_1970 116444736000000000LL
#define NS_PER_TICK        100

static FAST_MUTEX *mutex_of(struct muster_lock *lock)
{
    return (FAST_MUTEX *)(void *)lock->opaque;
}

static void expect_irql_at_most(KIRQL highest, const char *what)
{
    if (KeGetCurrentIrql() > highest)
        muster_platform_panic(what);
}

_IRQL_requires_(PASSIVE_LEVEL) void muster_nt_platform_init(void)
{
    UNICODE_STRING name;

    expect_irql_at_most(PASSIVE_LEVEL, "platform initialised above PASSIVE_LEVEL");
    RtlInitUnicodeString(&name, L"ExAllocatePool2");
    allocate_pool2 = (pool2_function *)(ULONG_PTR)MmGetSystemRoutineAddress(&name);
    RtlInitUnicodeString(&name, L"KeQuerySystemTimePrecise");
    query_system_time_precise = (system_time_function *)(ULONG_PTR)MmGetSystemRoutineAddress(&name);
}

uint64_t muster_nt_time_ns_of(int64_t system_time)
{
    if (system_time <= TICKS_1601_TO_1970 || system_time - TICKS_1601_TO_1970 > INT64_MAX / NS_PER_TICK)
        return 0;
    return (uint64_t)(system_time - TICKS_1601_TO_1970) * NS_PER_TICK;
}

uint64_t muster_nt_platform_time_ns(void)
{
    LARGE_INTEGER time;

    if (query_system_time_precise != NULL)
        query_system_time_precise(&time);
    else
        KeQuerySystemTime(&time);
    return muster_nt_time_ns_of(time.QuadPart);
}

/* ExInitializeFastMutex wants DISPATCH_LEVEL at most. */
_IRQL_requires_max_(DISPATCH_LEVEL) void muster_platform_lock_init(struct muster_lock *lock)
{
    expect_irql_at_most(DISPATCH_LEVEL, "lock made above DISPATCH_LEVEL");
    ExInitializeFastMutex(mutex_of(lock));
}

/* A FAST_MUTEX owns nothing that would have to be given back. That nobody holds it is not asked:
 * what its fields then hold is not documented. */
_IRQL_requires_max_(DISPATCH_LEVEL) void muster_platform_lock_deinit(struct muster_lock *lock)
{
    (void)lock;
}

_IRQL_requires_max_(APC_LEVEL) _IRQL_raises_(APC_LEVEL) void muster_platform_lock_acquire(struct muster_lock *lock)
    MUSTER_NO_THREAD_SAFETY_ANALYSIS
{
    expect_irql_at_most(APC_LEVEL, "lock taken above APC_LEVEL");
    ExAcquireFastMutex(mutex_of(lock));
}

/* No level is asked for: core releases the lock when it finds itself above APC_LEVEL, too. */
_IRQL_requires_(APC_LEVEL) void muster_platform_lock_release(struct muster_lock *lock) MUSTER_NO_THREAD_SAFETY_ANALYSIS
{
    ExReleaseFastMutex(mutex_of(lock));
}

_IRQL_requires_max_(DISPATCH_LEVEL) void *muster_platform_allocate(size_t bytes)
{
    expect_irql_at_most(DISPATCH_LEVEL, "pool allocated above DISPATCH_LEVEL");
    if (allocate_pool2 != NULL)
        return allocate_pool2(POOL2_FLAG_NON_PAGED, bytes, MUSTER_NT_POOL_TAG);
    return ExAllocatePoolWithTag(NonPagedPoolNx, bytes, MUSTER_NT_POOL_TAG);
}

_IRQL_requires_max_(DISPATCH_LEVEL) void muster_platform_free(void *memory, size_t bytes)
{
    (void)bytes;
    expect_irql_at_most(DISPATCH_LEVEL, "pool freed above DISPATCH_LEVEL");
    ExFreePoolWithTag(memory, MUSTER_NT_POOL_TAG);
}

unsigned muster_platform_irql(void)
{
    return KeGetCurrentIrql();
}

_Noreturn void muster_platform_panic(const char *what)
{
    KeBugCheckEx(MUSTER_NT_BUG_CHECK_CODE, (ULONG_PTR)what, KeGetCurrentIrql(), 0, 0);
}
