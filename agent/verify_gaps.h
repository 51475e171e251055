/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gaps of one epoch, and which missing numbers they account for. Each gap says how many numbers
 * are missing in its range; so a missing number is given to the gap whose range ends first of those that it lies in.
 * That is as good as any way to give them: where a gap gets too few, no way gives each as many as it says.
 */
#ifndef MUSTER_VERIFY_GAPS_H
#define MUSTER_VERIFY_GAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sequence_set.h"

#define VERIFY_GAPS_MAX ((size_t)1 << 20)

struct told_gap {
    uint64_t first; /* 0: it has no range */
    uint64_t last;
    uint64_t count;
    uint64_t start_ns;
    uint64_t end_ns;
    uint32_t causes; /* a bit for each */
    bool is_placed;
};

/* Zeroed to begin with. */
struct verify_gaps {
    struct told_gap *gaps;
    size_t count;
    size_t capacity;
    bool given_up; /* too many, or no memory: what is here is not all */
};

void verify_gaps_deinit(struct verify_gaps *gaps);
void verify_gaps_add(struct verify_gaps *gaps, const struct told_gap *gap);

/* Puts them in order, as match needs it. */
void verify_gaps_sort(struct verify_gaps *gaps);

struct verify_match {
    void *context;
    /* A run of missing numbers that no gap has; with times as of sequence_set_next_hole. */
    void (*left)(void *context, const struct sequence_run *run);
    /* A gap says so many more than there are missing numbers for it. */
    void (*excess)(void *context, const struct told_gap *gap, uint64_t excess);
};

/* Of the numbers 1 to `last`. False where there is no memory. */
bool verify_gaps_match(const struct verify_gaps *gaps, const struct sequence_set *seen, uint64_t last,
                       const struct verify_match *match);

#endif
