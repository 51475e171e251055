/* SPDX-License-Identifier: Apache-2.0 */
/* What account.c and account_lease.c use of each other. */
#ifndef MUSTER_ACCOUNT_INTERNAL_H
#define MUSTER_ACCOUNT_INTERNAL_H

#include "account.h"

/* The generation of the numbers that are given now. */
uint32_t account_generation(const struct account *account);

/* Commits the account as it stands, where there is a journal. */
void account_commit(struct account *account);

/* Empties the slots of a generation that no program may write to. */
void account_slots_clear(struct account *account, uint32_t generation);

/* The program that made a record, as far as that can be said of one that is not valid; else SENSOR_PROGRAM_COUNT. */
unsigned account_program_of(const void *bytes, uint32_t size_bytes);

#endif
