/* SPDX-License-Identifier: Apache-2.0 */
/*
 * platform.h for tests: it fails allocations, raises the IRQL, delays at lock edges, accounts for
 * every byte, and stops the test where core allocates or frees under a lock. What is set here holds
 * for the calling thread where it says so, else for all.
 */
#ifndef MUSTER_TEST_PLATFORM_H
#define MUSTER_TEST_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Everything back to how it is at the start of the program. Whatever is allocated stays so. */
void test_platform_reset(void);

/* This thread's IRQL: before it takes a lock, and while it holds one. */
void test_platform_set_irql(unsigned before_lock, unsigned under_lock);

/* This thread's IRQL under the lock that it takes `nth` from now (1: the next), and only there. */
void test_platform_raise_irql_under(unsigned nth, unsigned irql);

/* Allocation `nth` from now (1: the next) fails, once or with all that follow; 0: none. */
void test_platform_fail_allocation(uint64_t nth, bool and_all_that_follow);
uint64_t test_platform_allocation_count(void);   /* attempts since reset, failed ones too */
uint64_t test_platform_failed_allocations(void); /* since reset */

/* Bytes as core asked for them. */
size_t test_platform_live_bytes(void);
size_t test_platform_peak_bytes(void); /* since reset */
size_t test_platform_live_allocations(void);

uint64_t test_platform_lock_count(void); /* acquisitions since reset */

/* Random short delays before and after each acquisition and release; 0: none. */
void test_platform_delay_at_locks(uint64_t seed);

/* Calls, and returns what core panicked with; NULL where it came back. */
const char *test_platform_panic_of(void (*call)(void *context), void *context);

/* Small and deterministic, for tests that print their seed. */
struct test_random {
    uint64_t state;
};

uint64_t test_random_next(struct test_random *random);
uint64_t test_random_below(struct test_random *random, uint64_t bound);
/* True in `percent` of the calls. */
bool test_random_chance(struct test_random *random, unsigned percent);

/* How much of its usual work a test should do here, in percent: less under ThreadSanitizer;
 * MUSTER_TEST_SCALE overrides. */
unsigned test_scale_percent(void);

#endif
