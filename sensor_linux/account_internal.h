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

/*
 * Counts a record that was refused, in the generation that it says its number is of. It may say anything; this only
 * decides what a missing number is explained by.
 */
void account_refused_count(const struct account *account, const void *bytes, uint32_t size_bytes,
                           struct journal_numbers *before, struct journal_numbers *after);

/* Whether a number beyond settled_sequence is beyond the generation that is settled next, too. */
bool account_is_after(const struct account *account, uint64_t sequence);

#endif
