/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one READ of the driver's device brought: a header, and records under a lease. All of it is
 * hostile input until it has been looked at here. Nothing of Windows is needed for that, so the unit
 * tests do it on any host.
 */
#ifndef MUSTER_NT_LEASE_H
#define MUSTER_NT_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/nt_device.h"
#include "muster/record.h"

/* Zeroed: none is open. */
struct nt_lease {
    uint64_t id; /* 0: none */
    const unsigned char *records;
    size_t record_bytes;
    size_t offset;      /* of the next record */
    size_t last_offset; /* of the one that next returned */
    uint32_t record_count;
    uint32_t walked_count;
    uint64_t base_position;  /* of the first record; positions go on from one lease to the next */
    uint64_t given_position; /* behind the last record that next returned; 0: none was */
};

/*
 * Takes what a READ wrote to `buffer` (aligned to 8): `got_bytes`, of the kernel side's start `epoch`. The lease
 * before has been released. False, *lease as it was, where the header contradicts itself or what is
 * expected; true with lease->id 0 where the READ brought nothing.
 */
bool nt_lease_open(struct nt_lease *lease, const void *buffer, size_t got_bytes, uint64_t epoch) MUSTER_MUST_CHECK;

/*
 * The next record, valid; NULL where there is none. *ret_lost: how many records of the lease could
 * not be read, told once, with the NULL: where one is not valid nothing behind it can be found.
 */
const struct muster_record *nt_lease_next(struct nt_lease *lease, uint64_t *ret_position, uint32_t *ret_lost);

/* Gives back the record that next just returned. */
void nt_lease_unread(struct nt_lease *lease);

/* Whether next has returned everything. True where none is open. */
bool nt_lease_is_read(const struct nt_lease *lease);

/* The lease was acknowledged, or is the driver's again. */
void nt_lease_close(struct nt_lease *lease);

#endif
