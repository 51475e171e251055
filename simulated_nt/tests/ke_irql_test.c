/* SPDX-License-Identifier: Apache-2.0 */
/* The IRQL of each thread, critical regions, and the maximum that calls enforce. */
#include <ntddk.h>

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/tests/nt_test.h"

static void it_goes_up_and_down(void)
{
    KIRQL old;

    NT_CHECK_EQUAL(KeGetCurrentIrql(), PASSIVE_LEVEL);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    NT_CHECK_EQUAL(old, PASSIVE_LEVEL);
    NT_CHECK_EQUAL(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeLowerIrql(APC_LEVEL);
    NT_CHECK_EQUAL(KeGetCurrentIrql(), APC_LEVEL);
    KeLowerIrql(old);
    NT_CHECK_EQUAL(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

static void see_own_irql(unsigned index, void *context)
{
    KIRQL old;

    (void)context;
    NT_CHECK_EQUAL(KeGetCurrentIrql(), PASSIVE_LEVEL);
    KeRaiseIrql((KIRQL)(index + 1), &old);
    for (unsigned i = 0; i < 1000; i++)
        NT_CHECK_EQUAL(KeGetCurrentIrql(), index + 1);
    KeLowerIrql(old);
}

static void each_thread_has_its_own(void)
{
    nt_run_threads(3, see_own_irql, NULL);
}

static void raise_to_lower(void *context)
{
    KIRQL old;

    (void)context;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    KeRaiseIrql(APC_LEVEL, &old);
}

static void lower_to_higher(void *context)
{
    (void)context;
    KeLowerIrql(APC_LEVEL);
}

static void raise_beyond(void *context)
{
    KIRQL old;

    (void)context;
    KeRaiseIrql(16, &old);
}

static void wrong_directions_are_broken_rules(void)
{
    NT_EXPECT_BROKEN(raise_to_lower, NULL, "KeRaiseIrql", "raises the IRQL from 2 to 1, which is lower");
    NT_EXPECT_BROKEN(lower_to_higher, NULL, "KeLowerIrql", "lowers the IRQL from 0 to 1, which is higher");
    NT_EXPECT_BROKEN(raise_beyond, NULL, "KfRaiseIrql", "there is no IRQL 16");
}

static void lower_under_spin_lock(void *context)
{
    static KSPIN_LOCK lock;
    KIRQL old;

    (void)context;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old);
    KeLowerIrql(old);
}

static void lower_under_fast_mutex(void *context)
{
    static FAST_MUTEX mutex;

    (void)context;
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    KeLowerIrql(PASSIVE_LEVEL);
}

static void a_lock_keeps_its_irql(void)
{
    NT_EXPECT_BROKEN(lower_under_spin_lock, NULL, "KeLowerIrql", "while the spin lock at ");
    NT_EXPECT_BROKEN(lower_under_fast_mutex, NULL, "KeLowerIrql", "while the FAST_MUTEX at ");
}

static void leave_without_enter(void *context)
{
    (void)context;
    KeLeaveCriticalRegion();
}

static void end_inside_region(void *context)
{
    (void)context;
    KeEnterCriticalRegion();
    sim_thread_require_clean("a callback");
}

static void critical_regions_count(void)
{
    KeEnterCriticalRegion();
    KeEnterCriticalRegion();
    NT_CHECK(KeAreApcsDisabled());
    KeLeaveCriticalRegion();
    NT_CHECK(KeAreApcsDisabled());
    KeLeaveCriticalRegion();
    NT_CHECK(!KeAreApcsDisabled());
    NT_EXPECT_BROKEN(leave_without_enter, NULL, "KeLeaveCriticalRegion", "in no critical region");
    NT_EXPECT_BROKEN(end_inside_region, NULL, "a callback", "1 critical regions are still open");
}

/* ---- the maximum of each call ------------------------------------------------------------------------------ */

static KEVENT event;
static FAST_MUTEX mutex;
static UNICODE_STRING name;

static void delay(void)
{
    LARGE_INTEGER interval = {.QuadPart = -10};
    (void)KeDelayExecutionThread(KernelMode, FALSE, &interval);
}

static void wait_forever(void)
{
    (void)KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
}

static void acquire_mutex(void)
{
    ExAcquireFastMutex(&mutex);
}

static void set_event(void)
{
    (void)KeSetEvent(&event, 0, FALSE);
}

static void allocate_paged(void)
{
    (void)ExAllocatePoolWithTag(PagedPool, 1, 'gaTT');
}

static void allocate_non_paged(void)
{
    (void)ExAllocatePoolWithTag(NonPagedPoolNx, 1, 'gaTT');
}

static void look_up(void)
{
    (void)MmGetSystemRoutineAddress(&name);
}

static void compare(void)
{
    (void)RtlEqualUnicodeString(&name, &name, TRUE);
}

static void make_thread(void)
{
    HANDLE handle;
    (void)PsCreateSystemThread(&handle, 0, NULL, NULL, NULL, NULL, NULL);
}

static const struct limit {
    const char *call;
    void (*function)(void);
    KIRQL max;
} limits[] = {
    {"KeDelayExecutionThread", delay, APC_LEVEL},
    {"KeWaitForSingleObject", wait_forever, APC_LEVEL},
    {"ExAcquireFastMutex", acquire_mutex, APC_LEVEL},
    {"KeSetEvent", set_event, DISPATCH_LEVEL},
    {"ExAllocatePoolWithTag", allocate_paged, APC_LEVEL},
    {"ExAllocatePoolWithTag", allocate_non_paged, DISPATCH_LEVEL},
    {"MmGetSystemRoutineAddress", look_up, PASSIVE_LEVEL},
    {"RtlEqualUnicodeString", compare, PASSIVE_LEVEL},
    {"PsCreateSystemThread", make_thread, PASSIVE_LEVEL},
};

static void call_above(void *context)
{
    const struct limit *limit = context;
    KIRQL old;

    KeRaiseIrql((KIRQL)(limit->max + 1), &old);
    limit->function();
}

static void call_at(void *context)
{
    const struct limit *limit = context;
    KIRQL old;

    KeRaiseIrql(limit->max, &old);
    limit->function();
}

static void each_call_has_its_maximum(void)
{
    KeInitializeEvent(&event, NotificationEvent, TRUE);
    ExInitializeFastMutex(&mutex);
    RtlInitUnicodeString(&name, L"ExAllocatePool2");
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        NT_EXPECT_BROKEN(call_above, (void *)(uintptr_t)&limits[i], limits[i].call, "called at IRQL ");
        if (limits[i].function != make_thread)
            NT_EXPECT_FINE(call_at, (void *)(uintptr_t)&limits[i]);
    }
}

const struct nt_test nt_tests[] = {
    NT_TEST(it_goes_up_and_down),
    NT_TEST(each_thread_has_its_own),
    NT_TEST(wrong_directions_are_broken_rules),
    NT_TEST(a_lock_keeps_its_irql),
    NT_TEST(critical_regions_count),
    NT_TEST(each_call_has_its_maximum),
    NT_TESTS_END,
};
