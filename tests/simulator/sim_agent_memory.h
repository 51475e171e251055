/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of the simulated agent: each allocation is known, so that a crash takes them all, an end leaves none, the
 * bytes of the queue are counted, and any of them can fail.
 */
#ifndef MUSTER_SIM_AGENT_MEMORY_H
#define MUSTER_SIM_AGENT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* While it is on, so many allocations of a thousand fail. `platform`: those of core, else those of the C library. */
struct memory_faults {
    unsigned platform_per_mille;
    unsigned library_per_mille;
};

/* A new agent: nothing is allocated, its static variables are as at the start of a program. */
void agent_memory_begin(uint64_t seed);

/* The agent is dead: takes everything. */
void agent_memory_take(void);

void agent_memory_faults_set(const struct memory_faults *faults);
struct memory_faults agent_memory_faults(void);

/* Allocation `nth` from now (1: the next) of the C library's fails; 0: none. */
void agent_memory_library_fail(uint64_t nth);

size_t agent_memory_platform_bytes(void);
size_t agent_memory_library_bytes(void);
uint64_t agent_memory_failed_count(void);
uint64_t agent_memory_library_failed_count(void);

#endif
