/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the account knows, in memory that outlives the agent (service: a map in bpffs), so that the next one goes on
 * exactly there, whatever instruction the first one died at. docs/adr/0009-journal.md has the whole argument.
 *
 * Each step of the account is one commit: the whole state is written to the older of two copies, and the copy's
 * serial last. A commit that was cut off leaves the other copy, so a step has happened or it has not.
 * Who dies is a process, not the machine: what was stored is there, in the order of the program.
 *
 * All members are words of 64 bits. Nothing here locks: the account's callers do.
 */
#ifndef MUSTER_JOURNAL_H
#define MUSTER_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/sensor_shared.h"
#include "muster/wire.h"

/* Gaps that the sink has not acknowledged: so many at most; then losses wait in the kernel's slots, for a later one. */
#define JOURNAL_GAPS 16

#define JOURNAL_BASELINE_TOLD 1U /* and acknowledged */
#define JOURNAL_END_TOLD      2U /* the last agent has said in its output that, and with what account, it ended */

/* Records of one generation, beyond what is settled. */
struct journal_numbers {
    uint64_t valid;
    uint64_t refused[SENSOR_PROGRAM_COUNT]; /* as not valid, by the program that they say they are of */
};

struct journal_state {
    uint64_t serial; /* 0: this copy is not whole */

    /* what the sink has */
    uint64_t position;             /* of the ring */
    uint64_t acknowledged;         /* numbered records, ever */
    uint64_t skeletons;            /* of those */
    struct journal_numbers before; /* of those, of the generation that is settled next */
    struct journal_numbers after;  /* and of the one after it */
    uint64_t gaps_acknowledged;    /* of gaps_made, the first so many */

    /* what is accounted for */
    uint64_t settled_sequence;
    uint64_t generation; /* that of the numbers behind it, or was: see flip */
    uint64_t filtered;
    uint64_t dropped[MUSTER_GAP_CAUSES];
    uint64_t missed[SENSOR_PROGRAM_COUNT]; /* runs that the kernel skipped */
    uint64_t missed_checked_ns;
    uint64_t gaps_made;
    uint64_t flags;

    uint64_t checksum; /* of all before */
};

struct journal {
    /* The last number of a generation that is ended: written before that, and true as soon as the generation in
     * the sequence word is not that of the state. */
    uint64_t flip;
    struct journal_state copies[2];
    struct muster_gap gaps[JOURNAL_GAPS]; /* gap number n, from 0, in n % JOURNAL_GAPS; written before its commit */
};

/* Makes a journal in zeroed memory that holds `state`. */
void journal_init(struct journal *journal, const struct journal_state *state);

/* The last state that was committed. False where neither copy is whole: no agent's death does that. */
bool journal_recover(const struct journal *journal, struct journal_state *ret_state);

/* Commits *state; sets its serial and checksum. */
void journal_commit(struct journal *journal, struct journal_state *state);

void journal_flip_write(struct journal *journal, uint64_t last_sequence);

/* Not part of the state until a commit has gaps_made above `number`. */
void journal_gap_write(struct journal *journal, uint64_t number, const struct muster_gap *gap);

#endif
