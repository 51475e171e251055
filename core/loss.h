/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was lost since it was last told: the open gap. It becomes a gap record at the next
 * extraction.
 *
 *     struct loss          plain; of numbered events, and the queue's lock guards it
 *     struct loss_outside  atomics; of events that were refused where no lock may be taken
 *
 * One gap record for each lost event was rejected: under pressure it would cost more room than
 * the events.
 */
#ifndef MUSTER_CORE_LOSS_H
#define MUSTER_CORE_LOSS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/event.h"
#include "muster/wire.h"

struct loss {
    uint64_t count;
    uint64_t first_sequence; /* 0: none of them had a number */
    uint64_t last_sequence;
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t causes[MUSTER_CAUSE_COUNT];
    uint64_t types[MUSTER_EVENT_NUMBERED_COUNT];
};

struct loss_outside {
    atomic_uint_least64_t begun; /* ever; the first thing that is counted, so the ledger's figure */
    atomic_uint_least64_t types[MUSTER_EVENT_NUMBERED_COUNT]; /* not yet collected */
    atomic_uint_least64_t start_ns;
    atomic_uint_least64_t end_ns;
};

/* Nothing lost. */
void loss_init(struct loss *loss);

static inline bool loss_is_open(const struct loss *loss)
{
    return loss->count != 0;
}

/* `sequence` 0: it has none. */
void loss_add(struct loss *loss, unsigned type, enum muster_cause cause, uint64_t sequence, uint64_t time_ns);

/* Writes the gap record, sizeof(struct muster_gap) bytes. */
void loss_encode(const struct loss *loss, enum muster_stage stage, void *destination);

void loss_outside_init(struct loss_outside *outside);

/* Any thread, no lock. */
void loss_outside_add(struct loss_outside *outside, unsigned type, uint64_t time_ns);

bool loss_outside_is_open(struct loss_outside *outside);

/*
 * Moves what has come together into `open`; `collected` counts all that ever was moved. One thread
 * at a time. Returns whether `open` is whole: no event has left its time here and its count not
 * yet. Where it is not, the gap is better told later than told with a wrong range.
 */
bool loss_outside_collect(struct loss_outside *outside, struct loss *open, uint64_t *collected);

#endif
