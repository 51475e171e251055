/* SPDX-License-Identifier: Apache-2.0 */
/* Spin locks: exclusion, owner, IRQL, and where they were initialised. */
#include <ntddk.h>

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/tests/nt_test.h"

#define THREADS 4U

static KSPIN_LOCK lock, second;
static uint64_t count;

static void add(unsigned index, void *context)
{
    const unsigned each = *(const unsigned *)context;
    KIRQL old;

    (void)index;
    for (unsigned i = 0; i < each; i++) {
        KeAcquireSpinLock(&lock, &old);
        NT_CHECK_EQUAL(KeGetCurrentIrql(), DISPATCH_LEVEL);
        count++;
        KeReleaseSpinLock(&lock, old);
    }
}

static void four_threads_count_right(void)
{
    unsigned each = nt_scale(20000);

    count = 0;
    KeInitializeSpinLock(&lock);
    nt_run_threads(THREADS, add, &each);
    NT_CHECK_EQUAL(count, THREADS * each);
}

static void at_dpc_level(void)
{
    KIRQL old;

    KeInitializeSpinLock(&lock);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    KeAcquireSpinLockAtDpcLevel(&lock);
    KeReleaseSpinLockFromDpcLevel(&lock);
    NT_CHECK(KeTryToAcquireSpinLockAtDpcLevel(&lock));
    KeReleaseSpinLockFromDpcLevel(&lock);
    NT_CHECK_EQUAL(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeLowerIrql(old);
}

static void acquire_twice(void *context)
{
    KIRQL old;

    (void)context;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old);
    KeAcquireSpinLock(&lock, &old);
}

static void release_free(void *context)
{
    KIRQL old;

    (void)context;
    KeInitializeSpinLock(&lock);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    KeReleaseSpinLock(&lock, old);
}

static void hold_or_release(unsigned index, void *context)
{
    KIRQL old;

    (void)context;
    if (index == 0) {
        KeAcquireSpinLock(&lock, &old);
        nt_sleep_ms(2000);
        return;
    }
    nt_sleep_ms(50);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    KeReleaseSpinLock(&lock, old);
}

static void release_of_another(void *context)
{
    (void)context;
    KeInitializeSpinLock(&lock);
    nt_run_threads(2, hold_or_release, NULL);
}

static void wrong_irql(void *context)
{
    KIRQL old;

    (void)context;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old);
    KeReleaseSpinLock(&lock, APC_LEVEL);
}

static void never_initialised(void *context)
{
    static KSPIN_LOCK zeroed;
    KIRQL old;

    (void)context;
    KeAcquireSpinLock(&zeroed, &old);
}

static void at_dpc_level_when_passive(void *context)
{
    (void)context;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLockAtDpcLevel(&lock);
}

static void wrong_pair(void *context)
{
    KIRQL old;

    (void)context;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old);
    KeReleaseSpinLockFromDpcLevel(&lock);
}

static void outer_first(void *context)
{
    KIRQL old, inner;

    (void)context;
    KeInitializeSpinLock(&lock);
    KeInitializeSpinLock(&second);
    KeAcquireSpinLock(&lock, &old);
    KeAcquireSpinLock(&second, &inner);
    KeReleaseSpinLock(&lock, old);
}

static void mutex_inside(void *context)
{
    static FAST_MUTEX mutex;
    KIRQL old;

    (void)context;
    ExInitializeFastMutex(&mutex);
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old);
    ExAcquireFastMutex(&mutex);
}

static void overwritten(void *context)
{
    KIRQL old;

    (void)context;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old);
    lock = 0;
    KeReleaseSpinLock(&lock, old);
}

static void the_rules(void)
{
    NT_EXPECT_BROKEN(acquire_twice, NULL, "KeAcquireSpinLock", "is already held by this thread");
    NT_EXPECT_BROKEN(release_free, NULL, "KeReleaseSpinLock", "is not held by this thread");
    NT_EXPECT_BROKEN(release_of_another, NULL, "KeReleaseSpinLock", "is not held by this thread");
    NT_EXPECT_BROKEN(wrong_irql, NULL, "KeReleaseSpinLock", "restores IRQL 1; it was acquired at 0");
    NT_EXPECT_BROKEN(never_initialised, NULL, "KeAcquireSpinLock", "was not initialised there");
    NT_EXPECT_BROKEN(at_dpc_level_when_passive, NULL, "KeAcquireSpinLockAtDpcLevel", "it has to be 2");
    NT_EXPECT_BROKEN(wrong_pair, NULL, "KeReleaseSpinLockFromDpcLevel", "was acquired by KeAcquireSpinLock");
    NT_EXPECT_BROKEN(outer_first, NULL, "KeReleaseSpinLock", "while the spin lock at ");
    NT_EXPECT_BROKEN(mutex_inside, NULL, "ExAcquireFastMutex", "called at IRQL 2; at most 1");
    NT_EXPECT_BROKEN(overwritten, NULL, "KeReleaseSpinLock", "was overwritten while it was held");
}

const struct nt_test nt_tests[] = {
    NT_TEST(four_threads_count_right),
    NT_TEST(at_dpc_level),
    NT_TEST(the_rules),
    NT_TESTS_END,
};
