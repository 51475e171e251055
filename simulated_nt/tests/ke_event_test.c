/* SPDX-License-Identifier: Apache-2.0 */
/* Events and waits: who is woken, timeouts, and events that do not stand where they were initialised. */
#include <ntddk.h>

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/tests/nt_test.h"

#define WAITERS 3U

static KEVENT event, other_event, third_event;
static volatile int started, woken;

static NTSTATUS wait_ms(PVOID object, LONG ms)
{
    LARGE_INTEGER timeout = {.QuadPart = -10000LL * ms};
    return KeWaitForSingleObject(object, Executive, KernelMode, FALSE, &timeout);
}

static void states(void)
{
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    NT_CHECK_EQUAL(KeReadStateEvent(&event), 0);
    NT_CHECK_EQUAL(KeSetEvent(&event, IO_NO_INCREMENT, FALSE), 0);
    NT_CHECK_EQUAL(KeSetEvent(&event, IO_NO_INCREMENT, FALSE), 1);
    NT_CHECK_EQUAL(wait_ms(&event, 0), STATUS_SUCCESS);
    NT_CHECK_EQUAL(KeReadStateEvent(&event), 1);
    NT_CHECK_EQUAL(KeResetEvent(&event), 1);
    NT_CHECK_EQUAL(wait_ms(&event, 0), STATUS_TIMEOUT);
    KeInitializeEvent(&event, SynchronizationEvent, TRUE);
    NT_CHECK_EQUAL(wait_ms(&event, 0), STATUS_SUCCESS);
    NT_CHECK_EQUAL(wait_ms(&event, 0), STATUS_TIMEOUT);
    (void)KeSetEvent(&event, 0, FALSE);
    KeClearEvent(&event);
    NT_CHECK_EQUAL(KeReadStateEvent(&event), 0);
}

static void wait_and_count(unsigned index, void *context)
{
    (void)context;
    if (index < WAITERS) {
        (void)__atomic_add_fetch(&started, 1, __ATOMIC_RELEASE);
        NT_CHECK_EQUAL(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
        (void)__atomic_add_fetch(&woken, 1, __ATOMIC_RELEASE);
        return;
    }
    while (__atomic_load_n(&started, __ATOMIC_ACQUIRE) != (int)WAITERS)
        nt_sleep_ms(1);
    nt_sleep_ms(50);
    (void)KeSetEvent(&event, 0, FALSE);
    nt_wait_until(&woken);
    nt_sleep_ms(50);
    if (event.Header.Type != NotificationEvent) {
        NT_CHECK_EQUAL(__atomic_load_n(&woken, __ATOMIC_ACQUIRE), 1);
        for (unsigned i = 1; i < WAITERS; i++) {
            const int before = __atomic_load_n(&woken, __ATOMIC_ACQUIRE);
            (void)KeSetEvent(&event, 0, FALSE);
            while (__atomic_load_n(&woken, __ATOMIC_ACQUIRE) == before)
                nt_sleep_ms(1);
        }
    }
}

static void run_waiters(EVENT_TYPE type)
{
    started = woken = 0;
    KeInitializeEvent(&event, type, FALSE);
    nt_run_threads(WAITERS + 1, wait_and_count, NULL);
    NT_CHECK_EQUAL(woken, WAITERS);
}

static void a_notification_wakes_all(void)
{
    run_waiters(NotificationEvent);
    NT_CHECK_EQUAL(KeReadStateEvent(&event), 1);
}

static void a_synchronization_wakes_one(void)
{
    run_waiters(SynchronizationEvent);
    NT_CHECK_EQUAL(KeReadStateEvent(&event), 0);
}

static void timeouts_last(void)
{
    LARGE_INTEGER before, after, due;

    KeInitializeEvent(&event, NotificationEvent, FALSE);
    KeQuerySystemTime(&before);
    NT_CHECK_EQUAL(wait_ms(&event, 30), STATUS_TIMEOUT);
    KeQuerySystemTime(&after);
    NT_CHECK(after.QuadPart - before.QuadPart >= 29 * 10000);
    due.QuadPart = after.QuadPart + 30 * 10000;
    NT_CHECK_EQUAL(KeWaitForSingleObject(&event, Executive, UserMode, TRUE, &due), STATUS_TIMEOUT);
    KeQuerySystemTime(&before);
    NT_CHECK(before.QuadPart - after.QuadPart >= 29 * 10000);
    due.QuadPart = 1; /* long ago */
    NT_CHECK_EQUAL(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, &due), STATUS_TIMEOUT);
    NT_CHECK_EQUAL((uintptr_t)event.Header.WaitListHead.Flink, (uintptr_t)&event.Header.WaitListHead);
}

static void set_third(unsigned index, void *context)
{
    (void)context;
    if (index == 0) {
        nt_sleep_ms(20);
        (void)KeSetEvent(&third_event, 0, FALSE);
        return;
    }
    PVOID objects[] = {&event, &other_event, &third_event};
    NT_CHECK_EQUAL(KeWaitForMultipleObjects(3, objects, WaitAny, Executive, KernelMode, FALSE, NULL, NULL),
                   STATUS_WAIT_2);
}

static void several_at_once(void)
{
    PVOID objects[] = {&event, &other_event};
    LARGE_INTEGER none = {.QuadPart = 0};

    KeInitializeEvent(&event, SynchronizationEvent, TRUE);
    KeInitializeEvent(&other_event, SynchronizationEvent, FALSE);
    KeInitializeEvent(&third_event, SynchronizationEvent, FALSE);
    NT_CHECK_EQUAL(KeWaitForMultipleObjects(2, objects, WaitAll, Executive, KernelMode, FALSE, &none, NULL),
                   STATUS_TIMEOUT);
    NT_CHECK_EQUAL(KeReadStateEvent(&event), 1);
    (void)KeSetEvent(&other_event, 0, FALSE);
    NT_CHECK_EQUAL(KeWaitForMultipleObjects(2, objects, WaitAll, Executive, KernelMode, FALSE, &none, NULL),
                   STATUS_WAIT_0);
    NT_CHECK_EQUAL(KeReadStateEvent(&event), 0);
    NT_CHECK_EQUAL(KeReadStateEvent(&other_event), 0);
    nt_run_threads(2, set_third, NULL);
}

static uint64_t handed_over;

static void hand_over(unsigned index, void *context)
{
    (void)context;
    if (index == 0) {
        handed_over = 42; /* plain: the event alone orders it, and ThreadSanitizer looks */
        (void)KeSetEvent(&event, 0, FALSE);
        return;
    }
    (void)KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
    NT_CHECK_EQUAL(handed_over, 42);
}

static void an_event_orders_memory(void)
{
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    nt_run_threads(2, hand_over, NULL);
}

/* ---- broken rules ------------------------------------------------------------------------------------------ */

static void move_event(void *context)
{
    KEVENT local;
    static KEVENT home;

    sim_event_checks(*(const unsigned *)context);
    KeInitializeEvent(&local, NotificationEvent, FALSE);
    home = local;
    (void)KeSetEvent(&home, 0, FALSE);
}

static void use_uninitialised(void *context)
{
    static KEVENT zeroed;

    sim_event_checks(*(const unsigned *)context);
    (void)KeSetEvent(&zeroed, 0, FALSE);
}

static void point_nowhere(void *context)
{
    sim_event_checks(*(const unsigned *)context);
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    event.Header.WaitListHead.Flink = (LIST_ENTRY *)(ULONG_PTR)0x10;
    event.Header.WaitListHead.Blink = (LIST_ENTRY *)(ULONG_PTR)0x10;
    (void)wait_ms(&event, 1);
}

static void moved_events_are_caught(void)
{
    unsigned both = SIM_CHECK_REGISTRY | SIM_CHECK_LIST, registry = SIM_CHECK_REGISTRY, list = SIM_CHECK_LIST;

    NT_EXPECT_BROKEN(move_event, &both, "KeSetEvent", "the object was moved after KeInitializeEvent");
    NT_EXPECT_BROKEN(move_event, &registry, "KeSetEvent", "was not initialised there, and its wait list head at ");
    NT_EXPECT_BROKEN(move_event, &list, "KeSetEvent", "points back to ");
    NT_EXPECT_BROKEN(use_uninitialised, &registry, "KeSetEvent", "was not initialised there");
    NT_EXPECT_BROKEN(use_uninitialised, &list, "KeSetEvent", "where there is no memory");
    NT_EXPECT_BROKEN(point_nowhere, &both, "KeWaitForSingleObject", "points to 0x10, where there is no memory");
}

static void free_with_waiter(unsigned index, void *context)
{
    PKEVENT in_pool = context;

    if (index == 1) {
        (void)KeWaitForSingleObject(in_pool, Executive, KernelMode, FALSE, NULL);
        return;
    }
    while (__atomic_load_n(&in_pool->Header.WaitListHead.Flink, __ATOMIC_RELAXED) == &in_pool->Header.WaitListHead)
        nt_sleep_ms(1);
    ExFreePoolWithTag(in_pool, 'gaTT');
}

static void free_under_a_waiter(void *context)
{
    PKEVENT in_pool = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *in_pool, 'gaTT');

    (void)context;
    KeInitializeEvent(in_pool, NotificationEvent, FALSE);
    nt_run_threads(2, free_with_waiter, in_pool);
}

static void wait_at_dispatch(void *context)
{
    KIRQL old;

    KeInitializeEvent(&event, NotificationEvent, FALSE);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    NT_CHECK_EQUAL(wait_ms(&event, 0), STATUS_TIMEOUT); /* allowed */
    (void)context;
    (void)wait_ms(&event, 1);
}

static void wait_for_many(void *context)
{
    PVOID objects[] = {&event, &event, &event, &event};

    (void)context;
    KeInitializeEvent(&event, NotificationEvent, TRUE);
    (void)KeWaitForMultipleObjects(4, objects, WaitAny, Executive, KernelMode, FALSE, NULL, NULL);
}

static void waits_have_rules(void)
{
    NT_EXPECT_BROKEN(free_under_a_waiter, NULL, "ExFreePoolWithTag", "in use: a thread waits for it");
    NT_EXPECT_BROKEN(wait_at_dispatch, NULL, "KeWaitForSingleObject", "called at IRQL 2; at most 1");
    NT_EXPECT_BROKEN(wait_for_many, NULL, "KeWaitForMultipleObjects", "no array of wait blocks");
}

const struct nt_test nt_tests[] = {
    NT_TEST(states),
    NT_TEST(a_notification_wakes_all),
    NT_TEST(a_synchronization_wakes_one),
    NT_TEST(timeouts_last),
    NT_TEST(several_at_once),
    NT_TEST(an_event_orders_memory),
    NT_TEST(moved_events_are_caught),
    NT_TEST(waits_have_rules),
    NT_TESTS_END,
};
