/* SPDX-License-Identifier: Apache-2.0 */
/* FAST_MUTEX: exclusion, the owner's and the IRQL's rules, and mutexes that were moved. */
#include <ntddk.h>

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/tests/nt_test.h"

#define THREADS 4U

static FAST_MUTEX mutex, second;
static uint64_t count; /* plain: ThreadSanitizer looks */

static void add(unsigned index, void *context)
{
    const unsigned each = *(const unsigned *)context;

    (void)index;
    for (unsigned i = 0; i < each; i++) {
        if (i % 8 == 7) {
            if (!ExTryToAcquireFastMutex(&mutex)) {
                i--;
                continue;
            }
        } else {
            ExAcquireFastMutex(&mutex);
        }
        NT_CHECK_EQUAL(KeGetCurrentIrql(), APC_LEVEL);
        count++;
        ExReleaseFastMutex(&mutex);
        NT_CHECK_EQUAL(KeGetCurrentIrql(), PASSIVE_LEVEL);
    }
}

static void run(unsigned each)
{
    count = 0;
    ExInitializeFastMutex(&mutex);
    nt_run_threads(THREADS, add, &each);
    NT_CHECK_EQUAL(count, THREADS * each);
    NT_CHECK_EQUAL(mutex.Count, FM_LOCK_BIT);
    NT_CHECK(IsListEmpty(&mutex.Event.Header.WaitListHead));
}

static void four_threads_count_right(void)
{
    run(nt_scale(20000));
}

static void also_with_delays(void)
{
    sim_delay_seed(11);
    run(nt_scale(1000));
    sim_delay_seed(0);
    NT_CHECK(mutex.Contention > 0);
}

static void unsafe_in_a_critical_region(void)
{
    ExInitializeFastMutex(&mutex);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&mutex);
    NT_CHECK_EQUAL(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ExReleaseFastMutexUnsafe(&mutex);
    KeLeaveCriticalRegion();
}

static void nested_restore_the_irql(void)
{
    ExInitializeFastMutex(&mutex);
    ExInitializeFastMutex(&second);
    ExAcquireFastMutex(&mutex);
    ExAcquireFastMutex(&second);
    ExReleaseFastMutex(&second);
    NT_CHECK_EQUAL(KeGetCurrentIrql(), APC_LEVEL);
    ExReleaseFastMutex(&mutex);
    NT_CHECK_EQUAL(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

/* ---- broken rules ------------------------------------------------------------------------------------------ */

static void acquire_twice(void *context)
{
    (void)context;
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
}

static void release_free(void *context)
{
    (void)context;
    ExInitializeFastMutex(&mutex);
    ExReleaseFastMutex(&mutex);
}

static void release_by_another(unsigned index, void *context)
{
    (void)context;
    if (index == 0) {
        ExAcquireFastMutex(&mutex);
        nt_sleep_ms(2000);
        ExReleaseFastMutex(&mutex);
    } else {
        nt_sleep_ms(50);
        ExReleaseFastMutex(&mutex);
    }
}

static void release_of_another(void *context)
{
    (void)context;
    ExInitializeFastMutex(&mutex);
    nt_run_threads(2, release_by_another, NULL);
}

static void outer_first(void *context)
{
    (void)context;
    ExInitializeFastMutex(&mutex);
    ExInitializeFastMutex(&second);
    ExAcquireFastMutex(&mutex);
    ExAcquireFastMutex(&second);
    ExReleaseFastMutex(&mutex);
}

static void release_at_dispatch(void *context)
{
    KIRQL old;

    (void)context;
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ExReleaseFastMutex(&mutex);
}

static void return_with_it(void *context)
{
    (void)context;
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    sim_thread_require_clean("the return from a callback");
}

static void wrong_pair(void *context)
{
    (void)context;
    ExInitializeFastMutex(&mutex);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&mutex);
    ExReleaseFastMutex(&mutex);
}

static void unsafe_with_apcs(void *context)
{
    (void)context;
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutexUnsafe(&mutex);
}

static void overwrite_irql(void *context)
{
    (void)context;
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    mutex.OldIrql = DISPATCH_LEVEL;
    ExReleaseFastMutex(&mutex);
}

static void free_while_held(void *context)
{
    FAST_MUTEX *in_pool = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *in_pool, 'gaTT');

    (void)context;
    ExInitializeFastMutex(in_pool);
    ExAcquireFastMutex(in_pool);
    ExFreePoolWithTag(in_pool, 'gaTT');
}

static void owner_and_irql_have_rules(void)
{
    NT_EXPECT_BROKEN(acquire_twice, NULL, "ExAcquireFastMutex", "is already held by this thread");
    NT_EXPECT_ABORT(acquire_twice, NULL, "it holds the FAST_MUTEX at ");
    NT_EXPECT_BROKEN(release_free, NULL, "ExReleaseFastMutex", "is not held by this thread");
    NT_EXPECT_BROKEN(release_of_another, NULL, "ExReleaseFastMutex", "is not held by this thread");
    NT_EXPECT_BROKEN(outer_first, NULL, "ExReleaseFastMutex", "lowers the IRQL to 0 while the one at ");
    NT_EXPECT_BROKEN(release_at_dispatch, NULL, "ExReleaseFastMutex", "called at IRQL 2; it has to be 1");
    NT_EXPECT_BROKEN(return_with_it, NULL, "the return from a callback", "is still held");
    NT_EXPECT_BROKEN(wrong_pair, NULL, "ExReleaseFastMutex", "was not acquired by the function that goes with");
    NT_EXPECT_BROKEN(unsafe_with_apcs, NULL, "ExAcquireFastMutexUnsafe", "APCs are not disabled");
    NT_EXPECT_BROKEN(overwrite_irql, NULL, "ExReleaseFastMutex", "would restore IRQL 2; 0 was saved");
    NT_EXPECT_BROKEN(free_while_held, NULL, "ExFreePoolWithTag", "in the block, is held");
}

/* ---- moved mutexes ----------------------------------------------------------------------------------------- */

/* In a local that is gone, as in a constructor that returns its object by value. */
static __attribute__((noinline)) FAST_MUTEX made_by_value(void)
{
    FAST_MUTEX local;

    ExInitializeFastMutex(&local);
    return local;
}

static void move_without_contention(void *context)
{
    sim_event_checks(*(const unsigned *)context);
    mutex = made_by_value();
    ExAcquireFastMutex(&mutex);
    ExReleaseFastMutex(&mutex);
}

/* The first holds it until the second waits for it. */
static void hold_or_want(unsigned index, void *context)
{
    static volatile int held;

    (void)context;
    if (index == 1)
        nt_wait_until(&held);
    ExAcquireFastMutex(&mutex);
    __atomic_store_n(&held, 1, __ATOMIC_RELEASE);
    while (index == 0 && __atomic_load_n(&mutex.Count, __ATOMIC_RELAXED) < FM_LOCK_WAITER_INC)
        nt_sleep_ms(1);
    nt_sleep_ms(20);
    ExReleaseFastMutex(&mutex);
}

static void move_with_contention(void *context)
{
    sim_event_checks(*(const unsigned *)context);
    mutex = made_by_value();
    nt_run_threads(2, hold_or_want, NULL);
}

static FAST_MUTEX first_home;

/* Where the mutex was made is live memory here, so that the write can be looked at. */
static void see_the_stray_write(void *context)
{
    LARGE_INTEGER timeout = {.QuadPart = -100000};

    (void)context;
    sim_event_checks(0);
    ExInitializeFastMutex(&first_home);
    mutex = first_home;
    const LIST_ENTRY before = first_home.Event.Header.WaitListHead;
    NT_CHECK(before.Flink == &first_home.Event.Header.WaitListHead);
    (void)KeWaitForSingleObject(&mutex.Event, Executive, KernelMode, FALSE, &timeout);
    /* The waiter was linked into the old list and unlinked from it: the new head was never whole. */
    NT_CHECK(mutex.Event.Header.WaitListHead.Blink == &first_home.Event.Header.WaitListHead);
    NT_CHECK(first_home.Event.Header.WaitListHead.Flink == &mutex.Event.Header.WaitListHead);
}

static void moved_mutexes_are_caught(void)
{
    unsigned both = SIM_CHECK_REGISTRY | SIM_CHECK_LIST, list = SIM_CHECK_LIST, none = 0;

    NT_EXPECT_BROKEN(move_without_contention, &both, "ExAcquireFastMutex",
                     "the object was moved after KeInitializeEvent");
    NT_EXPECT_FINE(move_without_contention, &list); /* only Count is touched: that is why it goes unseen */
    NT_EXPECT_FINE(move_without_contention, &none);
    NT_EXPECT_BROKEN(move_with_contention, &list, "KeWaitForSingleObject", "was moved after KeInitializeEvent");
}

static void unchecked_a_wait_writes_where_it_was(void)
{
    NT_EXPECT_FINE(see_the_stray_write, NULL);
}

const struct nt_test nt_tests[] = {
    NT_TEST(four_threads_count_right),
    NT_TEST(also_with_delays),
    NT_TEST(unsafe_in_a_critical_region),
    NT_TEST(nested_restore_the_irql),
    NT_TEST(owner_and_irql_have_rules),
    NT_TEST(moved_mutexes_are_caught),
    NT_TEST(unchecked_a_wait_writes_where_it_was),
    NT_TESTS_END,
};
