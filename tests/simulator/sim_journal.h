/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened, in order: each thing goes into a hash, so that two runs of a seed can be compared, and is printed
 * where that was asked for. And the end of a run in which something was wrong.
 */
#ifndef MUSTER_SIM_JOURNAL_H
#define MUSTER_SIM_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/annotations.h"

/* A new seed. `trace`: print everything. `program`: how to call this program again. */
void journal_begin(const char *program, uint64_t seed, bool trace);
uint64_t journal_hash(void);

/* Something happened. `what` is static. */
void journal_note(const char *what, uint64_t first, uint64_t second);

/* Bytes that left the simulated machine. */
/* Returns a hash of the bytes alone. */
uint64_t journal_bytes(const char *what, const char *bytes, size_t size_bytes);

/* Something is wrong: tells it, and with which line it can be seen again, and ends the program with 1. */
MUSTER_PRINTF(1, 2)
_Noreturn void sim_fail(const char *format, ...);

#endif
