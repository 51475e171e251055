/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a loss: what runs is compared with what the stream has told to run (known.h), and the starts and exits that
 * fell into the hole are told as concluded. docs/adr/0010-reconciliation.md has the argument.
 *
 * It goes in turns of the reading thread, which reads on meanwhile:
 *
 *     due        a gap was told; its times are in the head of the known, where they outlive the agent
 *     looking    the iterator lists what runs. Who starts or ends in this time is kept
 *     compared   with the known as of now, with /proc for those that the list has not, and with the ring as far as
 *                it is not read. What is missing is told
 *     told       until the output has it; then it is not due any more
 *
 * At most once a second, so of many gaps one comparison is made, with a window over all of them.
 */
#ifndef MUSTER_RECONCILE_H
#define MUSTER_RECONCILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iterator.h"
#include "known.h"
#include "muster/filter.h"
#include "muster/sensor.h"

/* A process, as far as it has to be found again. */
struct identity {
    uint64_t start_ns;
    uint32_t pid;
};

struct window {
    uint64_t start_ns;
    uint64_t end_ns; /* 0: none */
};

struct reconcile {
    struct known known;
    struct iterator iterator;
    bool able;
    bool looking;
    bool telling; /* something was told that the output does not have yet */
    bool again;   /* of some process it could not be said: it stays due */
    bool forks;
    const struct muster_filter *filter; /* NULL: everything is wanted */

    uint64_t begun_ns;   /* when the last one began */
    uint64_t pause_ns;   /* until the next may */
    struct window later; /* gaps that were told since then */
    uint64_t ready_position;

    struct identity *changed; /* of starts and exits that were read while it looks */
    size_t changed_count;
    size_t changed_capacity;
    bool changed_lost;

    struct muster_sensor_known counts;
};

/* Opens the known: `memory` that is kept, or NULL for some that goes with the agent. */
void reconcile_open(struct reconcile *reconcile, void *memory, size_t size_bytes);
void reconcile_close(struct reconcile *reconcile);

/* A record was read. */
void reconcile_note(struct reconcile *reconcile, const struct muster_record *record);

/* A process was told as running. */
void reconcile_note_running(struct reconcile *reconcile, const struct muster_process_start *start, bool execed);

/* All that ran was told. */
void reconcile_note_all(struct reconcile *reconcile);

/* A gap is told next. `attached_ns`: nothing was lost before. */
void reconcile_note_gap(struct reconcile *reconcile, const struct muster_gap *gap, uint64_t attached_ns);

#endif
