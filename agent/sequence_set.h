/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which numbers have been seen, as runs of numbers without a hole, with the times of their ends. Numbers come nearly in
 * order, so a stream without holes is one run however long it is; what comes far out of order waits, and is put in its
 * place with many others at once. So a hostile order costs no more than sorting.
 */
#ifndef MUSTER_SEQUENCE_SET_H
#define MUSTER_SEQUENCE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/annotations.h"

/* 1 GiB of them: a set that needs more is given up. */
#define SEQUENCE_RUNS_MAX ((size_t)1 << 25)

struct sequence_run {
    uint64_t first;
    uint64_t last;
    uint64_t first_ns; /* when the event with that number happened */
    uint64_t last_ns;
};

/* Zeroed to begin with. */
struct sequence_set {
    struct sequence_run *runs; /* ascending, with a hole between any two */
    size_t run_count;
    size_t run_capacity;
    struct sequence_run *waiting; /* in no order */
    size_t waiting_count;
    size_t waiting_capacity;
    size_t run_limit;       /* 0: SEQUENCE_RUNS_MAX */
    uint64_t count;         /* numbers that were seen; of those that wait once they are settled */
    uint64_t doubled_count; /* those that were seen again, likewise */
    bool given_up;          /* no memory, or too many runs: what is here is not all */
};

void sequence_set_deinit(struct sequence_set *set);

/* `number` is not 0. */
void sequence_set_add(struct sequence_set *set, uint64_t number, uint64_t time_ns);

/* Puts those that wait in their place. To be called before runs, count or doubled_count are read. */
void sequence_set_settle(struct sequence_set *set);

/* Holes up to `last`, in ascending order: zero the cursor, then call until false. A hole has the times of the nearest
 * numbers that were seen on both sides of it, 0 where there are none. Settled. */
struct sequence_cursor {
    size_t run;
    uint64_t next;
    bool begun;
};
bool sequence_set_next_hole(const struct sequence_set *set, uint64_t last, struct sequence_cursor *cursor,
                            struct sequence_run *ret_hole);

#endif
