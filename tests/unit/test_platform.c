/* SPDX-License-Identifier: Apache-2.0 */
/*
 * platform.h for tests; see test_platform.h. Counts are atomics and not behind a lock, so that
 * ThreadSanitizer does not see an order between threads that core did not make.
 */
#include "unit/test_platform.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "platform/platform.h"

#define ALLOCATION_MAGIC 0x616c6c6f63617465ULL

_Static_assert(sizeof(pthread_mutex_t) <= MUSTER_LOCK_BYTES, "a muster_lock holds a mutex");

/* Stands before each allocation, which ends where the real one ends, so that AddressSanitizer sees
 * the first byte behind it. */
struct allocation {
    uint64_t magic;
    uint64_t bytes;
};

static atomic_uint_least64_t fail_at; /* 0: never */
static atomic_bool fail_from_then_on;
static atomic_uint_least64_t allocation_count;
static atomic_uint_least64_t failed_count;
static atomic_size_t live_bytes;
static atomic_size_t peak_bytes;
static atomic_size_t live_allocations;
static atomic_uint_least64_t lock_count;
static atomic_uint_least64_t delay_seed;

static _Thread_local unsigned irql_before_lock;
static _Thread_local unsigned irql_under_lock;
static _Thread_local unsigned raise_under_nth; /* counts down; 0: not */
static _Thread_local unsigned raise_to;
static _Thread_local bool raised;
static _Thread_local unsigned locks_held;
static _Thread_local struct test_random delay_random;
static _Thread_local jmp_buf *panic_target;
static _Thread_local const char *panic_text;

static void stop_test(const char *what)
{
    (void)fprintf(stderr, "test platform: %s\n", what);
    abort();
}

/* ---- what tests set and ask -------------------------------------------------------------------- */

void test_platform_reset(void)
{
    test_platform_set_irql(0, 0);
    test_platform_raise_irql_under(0, 0);
    test_platform_fail_allocation(0, false);
    test_platform_delay_at_locks(0);
    atomic_store(&allocation_count, 0);
    atomic_store(&failed_count, 0);
    atomic_store(&peak_bytes, atomic_load(&live_bytes));
    atomic_store(&lock_count, 0);
}

void test_platform_set_irql(unsigned before_lock, unsigned under_lock)
{
    irql_before_lock = before_lock;
    irql_under_lock = under_lock;
}

void test_platform_raise_irql_under(unsigned nth, unsigned irql)
{
    raise_under_nth = nth;
    raise_to = irql;
}

void test_platform_fail_allocation(uint64_t nth, bool and_all_that_follow)
{
    atomic_store(&fail_from_then_on, and_all_that_follow);
    atomic_store(&fail_at, nth == 0 ? 0 : atomic_load(&allocation_count) + nth);
}

uint64_t test_platform_allocation_count(void)
{
    return atomic_load(&allocation_count);
}

uint64_t test_platform_failed_allocations(void)
{
    return atomic_load(&failed_count);
}

size_t test_platform_live_bytes(void)
{
    return atomic_load(&live_bytes);
}

size_t test_platform_peak_bytes(void)
{
    return atomic_load(&peak_bytes);
}

size_t test_platform_live_allocations(void)
{
    return atomic_load(&live_allocations);
}

uint64_t test_platform_lock_count(void)
{
    return atomic_load(&lock_count);
}

void test_platform_delay_at_locks(uint64_t seed)
{
    atomic_store(&delay_seed, seed);
}

const char *test_platform_panic_of(void (*call)(void *context), void *context)
{
    jmp_buf target;

    panic_text = NULL;
    panic_target = &target;
    if (setjmp(target) == 0)
        call(context);
    panic_target = NULL;
    return panic_text;
}

/* ---- random ------------------------------------------------------------------------------------ */

/* splitmix64: every seed is good, 0 too. */
uint64_t test_random_next(struct test_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

uint64_t test_random_below(struct test_random *random, uint64_t bound)
{
    return test_random_next(random) % bound;
}

bool test_random_chance(struct test_random *random, unsigned percent)
{
    return test_random_below(random, 100) < percent;
}

unsigned test_scale_percent(void)
{
    const char *wanted = getenv("MUSTER_TEST_SCALE");
    if (wanted != NULL)
        return (unsigned)strtoul(wanted, NULL, 10);
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
    return 20;
#endif
#endif
    return 100;
}

/* ---- platform.h -------------------------------------------------------------------------------- */

static pthread_mutex_t *mutex_of(struct muster_lock *lock)
{
    return (pthread_mutex_t *)(void *)lock->opaque;
}

static void delay(void)
{
    const uint64_t seed = atomic_load_explicit(&delay_seed, memory_order_relaxed);
    if (seed == 0)
        return;
    if (delay_random.state == 0)
        delay_random.state = seed ^ (uint64_t)(uintptr_t)&delay_random;
    switch (test_random_below(&delay_random, 64)) {
    case 0:
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000}, NULL);
        break;
    case 1:
    case 2:
    case 3:
        (void)sched_yield();
        break;
    default:
        break;
    }
}

void muster_platform_lock_init(struct muster_lock *lock)
{
    if (pthread_mutex_init(mutex_of(lock), NULL) != 0)
        stop_test("mutex could not be made");
}

void muster_platform_lock_deinit(struct muster_lock *lock)
{
    if (pthread_mutex_destroy(mutex_of(lock)) != 0)
        stop_test("mutex destroyed while in use");
}

void muster_platform_lock_acquire(struct muster_lock *lock) MUSTER_NO_THREAD_SAFETY_ANALYSIS
{
    if (locks_held != 0)
        stop_test("a second lock taken under the first");
    if (irql_before_lock > MUSTER_IRQL_APC)
        stop_test("lock taken above APC_LEVEL");
    delay();
    if (pthread_mutex_lock(mutex_of(lock)) != 0)
        stop_test("mutex could not be locked");
    locks_held++;
    atomic_fetch_add_explicit(&lock_count, 1, memory_order_relaxed);
    if (raise_under_nth != 0)
        raised = --raise_under_nth == 0;
    delay();
}

void muster_platform_lock_release(struct muster_lock *lock) MUSTER_NO_THREAD_SAFETY_ANALYSIS
{
    if (locks_held == 0)
        stop_test("lock released that this thread does not hold");
    delay();
    locks_held--;
    raised = false;
    if (pthread_mutex_unlock(mutex_of(lock)) != 0)
        stop_test("mutex could not be unlocked");
    delay();
}

static bool allocation_fails(void)
{
    const uint64_t number = atomic_fetch_add(&allocation_count, 1) + 1;
    const uint64_t at = atomic_load(&fail_at);

    if (at == 0 || (atomic_load(&fail_from_then_on) ? number < at : number != at))
        return false;
    atomic_fetch_add(&failed_count, 1);
    return true;
}

void *muster_platform_allocate(size_t bytes)
{
    if (locks_held != 0)
        stop_test("allocation under a lock");
    if (allocation_fails())
        return NULL;
    struct allocation *allocation = malloc(sizeof *allocation + bytes);
    if (allocation == NULL)
        stop_test("out of memory in earnest");
    *allocation = (struct allocation){.magic = ALLOCATION_MAGIC, .bytes = bytes};
    memset(allocation + 1, 0xa5, bytes);

    const size_t now = atomic_fetch_add_explicit(&live_bytes, bytes, memory_order_relaxed) + bytes;
    size_t peak = atomic_load_explicit(&peak_bytes, memory_order_relaxed);
    while (peak < now && !atomic_compare_exchange_weak_explicit(&peak_bytes, &peak, now, memory_order_relaxed,
                                                                memory_order_relaxed)) {
    }
    atomic_fetch_add_explicit(&live_allocations, 1, memory_order_relaxed);
    return allocation + 1;
}

void muster_platform_free(void *memory, size_t bytes)
{
    struct allocation *allocation = (struct allocation *)memory - 1;

    if (locks_held != 0)
        stop_test("memory freed under a lock");
    if (allocation->magic != ALLOCATION_MAGIC || allocation->bytes != bytes)
        stop_test("freed what was not allocated so");
    atomic_fetch_sub_explicit(&live_bytes, bytes, memory_order_relaxed);
    atomic_fetch_sub_explicit(&live_allocations, 1, memory_order_relaxed);
    memset(allocation, 0x5a, sizeof *allocation + bytes);
    free(allocation);
}

unsigned muster_platform_irql(void)
{
    if (locks_held == 0)
        return irql_before_lock;
    return raised ? raise_to : irql_under_lock;
}

_Noreturn void muster_platform_panic(const char *what)
{
    if (panic_target == NULL) {
        stop_test(what);
        abort();
    }
    panic_text = what;
    longjmp(*panic_target, 1);
}
