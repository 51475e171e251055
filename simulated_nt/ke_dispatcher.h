/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What events, timers, mutexes, semaphores and threads share: the DISPATCHER_HEADER, whose wait list is
 * a true LIST_ENTRY with the waiters' KWAIT_BLOCKs in it, and the one lock that guards them all.
 */
#ifndef SIMULATED_NT_KE_DISPATCHER_H
#define SIMULATED_NT_KE_DISPATCHER_H

#include <ntddk.h>

#include "simulated_nt/sim_internal.h"

/* DISPATCHER_HEADER.Type, as the kernel's own KOBJECTS. */
enum sim_dispatcher_type {
    SIM_NOTIFICATION_EVENT = 0,
    SIM_SYNCHRONIZATION_EVENT = 1,
    SIM_MUTANT = 2,
    SIM_SEMAPHORE = 5,
    SIM_THREAD = 6,
    SIM_NOTIFICATION_TIMER = 8,
    SIM_SYNCHRONIZATION_TIMER = 9,
    SIM_DISPATCHER_TYPE_COUNT = 10
};

/* A thread that waits; stands on its stack. Each block's Thread field leads here. */
struct sim_wait {
    KWAIT_BLOCK *blocks;
    ULONG count;
    BOOLEAN all;
    BOOLEAN done;
    NTSTATUS status;
    PKTHREAD thread;
    struct sim_thread *thread_state;
    struct sim_host_condition condition;
};

/* The dispatcher lock. What happens between is invisible to ThreadSanitizer. */
void sim_dispatcher_enter(void);
void sim_dispatcher_leave(void);
struct sim_host_lock *sim_dispatcher_lock(void);

/* Makes a header in place and notes where it stands. Takes the lock itself. */
void sim_dispatcher_init(DISPATCHER_HEADER *header, enum sim_dispatcher_type type, size_t size_bytes, LONG state);

/* With the registry's check on: the header stands where it was initialised. Needs no lock. */
void sim_dispatcher_check_place(const char *call, const DISPATCHER_HEADER *header);

/* All below: under the lock. */

/* The header is one of `types` (a bit each), stands where it was initialised, and its list is whole. */
void sim_dispatcher_check(const char *call, DISPATCHER_HEADER *header, unsigned types);
#define SIM_TYPE_BIT(type) (1U << (type))
#define SIM_TYPES_EVENT    (SIM_TYPE_BIT(SIM_NOTIFICATION_EVENT) | SIM_TYPE_BIT(SIM_SYNCHRONIZATION_EVENT))
#define SIM_TYPES_TIMER    (SIM_TYPE_BIT(SIM_NOTIFICATION_TIMER) | SIM_TYPE_BIT(SIM_SYNCHRONIZATION_TIMER))
#define SIM_TYPES_ANY                                                                                                  \
    (SIM_TYPES_EVENT | SIM_TYPES_TIMER | SIM_TYPE_BIT(SIM_MUTANT) | SIM_TYPE_BIT(SIM_SEMAPHORE) |                      \
     SIM_TYPE_BIT(SIM_THREAD))

/* The state was raised: ends the waits that it satisfies, in the order they came. */
void sim_dispatcher_wake(DISPATCHER_HEADER *header);

/* Ends the wait at once if its objects allow it. */
BOOLEAN sim_wait_try(struct sim_wait *wait);

/* When a timeout of NT's (relative below 0, else since 1601) is over, on sim_host_monotonic_ns. */
uint64_t sim_timeout_end_ns(const LARGE_INTEGER *timeout);

#endif
