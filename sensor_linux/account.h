/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account of numbers: which were read, which were lost, and that there is no third kind.
 * The protocol with the BPF programs is in bpf/sensor_shared.h.
 *
 * Numbers are settled a generation at a time. A generation ends with a flip, which tells its last
 * number. It can be settled when no program of it is under way and the ring has been read beyond
 * that; then lost and filtered = what its slots say, and read + filtered + lost must be all numbers of the generation.
 * If they are not, the difference is told as MUSTER_CAUSE_UNEXPLAINED, so that a defect here cannot turn into silence.
 *
 * What is settled stands in a journal (journal.h), and so does what the sink has. Where the journal outlives the
 * agent, the next one opens it and goes on: what was read and not acknowledged is read and counted again, and a gap
 * that was not acknowledged is told again.
 *
 * Reading is one thread's. account_ack may be another's, if the caller lets no two of the functions that say "locked"
 * run at once.
 */
#ifndef MUSTER_ACCOUNT_H
#define MUSTER_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/sensor_shared.h"
#include "journal.h"
#include "muster/wire.h"
#include "ring.h"

struct account {
    struct sensor_control *control; /* shared with the kernel */
    struct sensor_cpu *cpus;        /* likewise */
    uint32_t cpu_count;
    struct journal *journal; /* NULL: dies with the agent */

    /* the reading thread's alone */
    struct journal_numbers read_before; /* with a number up to flipped_sequence (or of the current generation) */
    struct journal_numbers read_after;  /* and beyond it */
    uint64_t read;                      /* by this agent */
    uint64_t reread;                    /* to be read again, of numbers that are settled: an earlier agent read them */

    /* locked; changed by the reading thread alone */
    uint64_t settled_sequence; /* the last number that is accounted for */
    uint64_t flipped_sequence; /* the last of the generation to settle; valid while `flipped` */
    uint32_t flipped_generation;
    bool flipped;
    bool drained; /* the programs of that generation are done; what remains is to read the ring */
    uint64_t drained_position;
    uint64_t filtered; /* by the programs, of the generations that are settled */
    uint64_t dropped[MUSTER_CAUSE_COUNT];
    uint64_t told[MUSTER_CAUSE_COUNT]; /* of those, by gaps that this agent has told */
    uint64_t missed[SENSOR_PROGRAM_COUNT];
    uint64_t missed_checked_ns;
    uint64_t gaps_made;
    uint64_t gaps_told; /* by this agent, or acknowledged before it */
    struct muster_gap gaps[JOURNAL_GAPS];
    uint64_t gap_positions[JOURNAL_GAPS];
    uint64_t marks_told;  /* concluded events (reconcile.h), by this agent */
    uint64_t marks_base;  /* of those, in front of the ones that were told together last */
    uint64_t marks_begin; /* the position that these begin behind */
    bool baseline_told;

    /* locked; changed by whoever acknowledges */
    bool baseline_acknowledged;
    bool end_told;
    uint64_t position;
    uint64_t acknowledged;
    uint64_t skeletons_acknowledged;            /* of those */
    struct journal_numbers acknowledged_before; /* as read_before */
    struct journal_numbers acknowledged_after;
    uint64_t gaps_acknowledged;
    uint64_t marks_acknowledged;

    uint64_t serial;  /* locked: the journal's */
    uint64_t refused; /* atomic: refused records that were not acknowledged yet */
};

/* An account that dies with the agent. */
void account_init(struct account *account, struct sensor_control *control, struct sensor_cpu *cpus, uint32_t cpu_count);

/*
 * One that goes on where the journal says, and puts kernel side and `ring` where that is. No other agent may use
 * either. False where the journal is not whole or says what cannot be; then nothing was changed.
 */
bool account_open(struct account *account, struct journal *journal, struct sensor_control *control,
                  struct sensor_cpu *cpus, uint32_t cpu_count, struct ring *ring);

/* Whether account_open would go on, where the sequence word is `word`; the state is what it would begin with. */
bool account_can_open(const struct journal *journal, uint64_t word, const struct ring *ring,
                      struct journal_state *ret_state);

/* The journal of an account at its beginning. */
void account_journal_begin(struct journal *journal, uint64_t now_ns);

/* A record with that number was read from the ring, or given back. */
void account_read(struct account *account, uint64_t sequence);
void account_unread(struct account *account, uint64_t sequence);

/* A record was read and refused. */
void account_refused(struct account *account, const void *bytes, uint32_t size_bytes);

/* What to acknowledge when what was read and told so far is done with; `ring_position`: read up to there. */
uint64_t account_position(const struct account *account, uint64_t ring_position);

/* Locked. Everything up to that position is the sink's: commits that, then releases it in the ring. */
void account_ack(struct account *account, const struct ring *ring, uint64_t position);

/* Whether no program is under way that may hold a number up to `sequence`. */
bool account_programs_done(const struct account *account, uint64_t sequence);

/* Whether any slot of the current or of the flipped generation has a loss. */
bool account_has_losses(const struct account *account);

/* Locked. Ends the current generation, unless one waits to be settled. */
void account_flip(struct account *account);

/*
 * Locked. Settles the flipped generation if that can be done, knowing how far `ring` has been read. True if
 * it was settled; *ret_gap then is a gap record if ret_gap->count is not 0, which waits to be told.
 */
bool account_settle(struct account *account, const struct ring *ring, uint64_t now_ns, struct muster_gap *ret_gap);

/* Locked. Accounts for the runs that the kernel skipped, `missed` ever, by program. *ret_gap as above. */
void account_missed(struct account *account, const uint64_t missed[SENSOR_PROGRAM_COUNT], uint64_t now_ns,
                    struct muster_gap *ret_gap);

/*
 * Locked. The next gap that this agent has not told, or NULL. It counts as told, and *ret_position acknowledges it,
 * with all that was read before; where it is not taken after all, it is given back before the next is asked for.
 */
const struct muster_gap *account_gap_next(struct account *account, uint64_t ring_position, uint64_t *ret_position);
void account_gap_unread(struct account *account);

/*
 * Locked. A concluded event is told next: *ret_position acknowledges it. It is in no journal, so more can be told only
 * together with others, with nothing read or told between them, or when all those have been acknowledged.
 */
void account_mark_next(struct account *account, uint64_t ring_position, uint64_t *ret_position);
void account_mark_unread(struct account *account);

/* Locked. The baseline was told, in front of all that is acknowledged from here on. */
void account_baseline_told(struct account *account);

/* Locked. The output has the end of this agent's stream. */
void account_end_told(struct account *account);

/* Numbers that were given, and neither read by this agent nor accounted for otherwise: in the ring, or under way. */
uint64_t account_held(const struct account *account, uint64_t numbers_given);

#endif
