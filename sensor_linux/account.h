/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account of numbers: which were read, which were lost, and that there is no third kind.
 * The protocol with the BPF programs is in bpf/sensor_shared.h.
 *
 * Numbers are settled a generation at a time. A generation ends with a flip, which tells its last
 * number. It can be settled when no program of it is under way and the ring has been read beyond
 * that; then lost and filtered = what its slots say, and read + filtered + lost must be all numbers of the generation.
 * If they are not, the difference is told as MUSTER_CAUSE_UNEXPLAINED, so that a defect here cannot turn into silence.
 */
#ifndef MUSTER_ACCOUNT_H
#define MUSTER_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/sensor_shared.h"
#include "muster/wire.h"
#include "ring.h"

struct account {
    struct sensor_control *control; /* shared with the kernel */
    struct sensor_cpu *cpus;        /* likewise */
    uint32_t cpu_count;

    uint64_t settled_sequence; /* the last number that is accounted for */
    uint64_t flipped_sequence; /* the last of the generation to settle; valid while `flipped` */
    uint32_t flipped_generation;
    bool flipped;
    bool drained; /* the programs of that generation are done; what remains is to read the ring */
    uint64_t drained_position;

    uint64_t read_before; /* read records with a number up to flipped_sequence (or of the current generation) */
    uint64_t read_after;  /* and beyond it */
    uint64_t invalid[SENSOR_PROGRAM_COUNT]; /* records that were refused on reading, since last told */

    uint64_t read;     /* ever */
    uint64_t filtered; /* by the programs, of the generations that are settled */
    uint64_t dropped[MUSTER_CAUSE_COUNT];
};

void account_init(struct account *account, struct sensor_control *control, struct sensor_cpu *cpus, uint32_t cpu_count);

/* A record with that number was read from the ring, or given back. */
void account_read(struct account *account, uint64_t sequence);
void account_unread(struct account *account, uint64_t sequence);

/* Whether no program is under way that may hold a number up to `sequence`. */
bool account_programs_done(const struct account *account, uint64_t sequence);

/* Whether any slot of the current or of the flipped generation has a loss. */
bool account_has_losses(const struct account *account);

/* Ends the current generation, unless one waits to be settled. */
void account_flip(struct account *account);

/*
 * Settles the flipped generation if that can be done, knowing how far `ring` has been read. True if
 * it was settled; *ret_gap then is a gap record if ret_gap->count is not 0.
 */
bool account_settle(struct account *account, const struct ring *ring, uint64_t now_ns, struct muster_gap *ret_gap);

/* Makes the gap for runs that the kernel skipped: `missed` by program, adds them to `dropped`. */
void account_missed(struct account *account, const uint64_t missed[SENSOR_PROGRAM_COUNT], uint64_t since_ns,
                    uint64_t now_ns, struct muster_gap *ret_gap);

#endif
