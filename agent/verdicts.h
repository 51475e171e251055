/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a filter said about processes, remembered for their exits, where the kernel side does not do so
 * (Windows: an exit says neither the program nor the user). No table of processes: its size is fixed, a newer process
 * takes the place of an older one, and an exit whose start is not remembered is judged by what it says itself.
 */
#ifndef MUSTER_VERDICTS_H
#define MUSTER_VERDICTS_H

#include <stdbool.h>
#include <stdint.h>

#include "muster/filter.h"

#define VERDICTS_COUNT 16384

struct verdict {
    uint64_t start_ns; /* identity, with pid; 0: unused */
    uint32_t pid;
    uint32_t wanted;
};

struct verdicts {
    struct verdict of[VERDICTS_COUNT];
};

/* Whether `filter` wants the record, in the order of the stream. */
bool verdicts_want(struct verdicts *verdicts, const struct muster_filter *filter, const struct muster_record *record);

#endif
