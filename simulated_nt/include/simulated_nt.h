/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test asks of the simulated NT kernel, beside calling NT's own functions: faults, delays, checks,
 * leaks, and what a broken rule says. No NT type and no libc type is in it, so that NT-typed test code
 * and code that stands on libc both include it. simulated_nt_io.h has devices and processes.
 */
#ifndef SIMULATED_NT_H
#define SIMULATED_NT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- faults ------------------------------------------------------------------------------------------ */

/* No faults any more, counters back to 0. */
void sim_fault_reset(void);
/* Allocation `nth` from now (1: the next) fails, once or with all that follow; 0: none. */
void sim_fault_allocation(uint64_t nth, bool forever);
/* Every call site fails at its first use, once. A site is the path of the six innermost callers. */
void sim_fault_each_call_site_once(void);
uint64_t sim_fault_attempts(void); /* calls that could have failed, since reset */
uint64_t sim_fault_failures(void); /* those that did on purpose */
size_t sim_fault_sites(void);      /* distinct call sites seen since sim_fault_each_call_site_once */

/* Random short delays before and after every lock is taken and released, and at waits; 0: none. */
void sim_delay_seed(uint64_t seed);

/* MmGetSystemRoutineAddress finds nothing by that name (ASCII), or does so again. Names as in ntoskrnl. */
void sim_routine_hide(const char *name);
void sim_routine_show(const char *name);
/* A routine that it is to find in addition. `name` stays the caller's and must live on. */
void sim_routine_add(const char *name, void (*routine)(void));

/* ---- events, and all that has a wait list --------------------------------------------------------- */

/* The object stands where it was initialised. */
#define SIM_CHECK_REGISTRY 1U
/* The wait list's links agree with each other, and lead to memory that exists. */
#define SIM_CHECK_LIST 2U
/* Which checks run at each operation; both at the start. With neither, a wait on an object that was moved
 * writes where the stale list head points, as on Windows. */
void sim_event_checks(unsigned checks);

/* ---- pool ------------------------------------------------------------------------------------------------ */

/* Guard pages around each block, and pages that are gone once freed (the start); or, for long runs,
 * blocks of the host's heap with a checked edge and a checked quarantine. For blocks to come. */
void sim_pool_guard(bool guard);
/* New memory that is not asked to be zeroed is filled with this; 0xa5 at the start. */
void sim_pool_poison(unsigned char byte);
/* `tag` as in ExAllocatePoolWithTag; 0: of all tags. */
size_t sim_pool_live_bytes(uint32_t tag);
size_t sim_pool_live_blocks(uint32_t tag);
size_t sim_pool_peak_bytes(void); /* of all tags, since the start or sim_pool_peak_reset */
void sim_pool_peak_reset(void);
/* Prints each live block with its size, tag and where it was allocated. Returns how many there are. */
size_t sim_pool_check_leaks(uint32_t tag);
/* The same, and any leak is a broken rule: for the end of DriverUnload. */
void sim_pool_require_no_leaks(const char *call, uint32_t tag);
/* Looks at every block, live or in quarantine, for writes outside its bytes or after its free. */
void sim_pool_check_all(void);

/* ---- this thread --------------------------------------------------------------------------------------- */

/* The process that this thread runs in, for PsGetCurrentProcessId; 4 (System) at the start. */
void sim_thread_process_set(uint64_t process_id);
/* The IRQL of this thread, and the locks it holds, are as at its start; else a broken rule. */
void sim_thread_require_clean(const char *call);

/* Ends the run as a broken rule does: for callbacks of tests. */
_Noreturn void sim_test_broken(const char *call, const char *what);

#ifdef __cplusplus
}
#endif

#endif
