/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was read lately, to compare it with what comes again: after a restart an agent delivers at most one batch once
 * more, the same to the byte. One place for each key modulo the size, so its memory is bounded, and what is older than
 * a million events may have been forgotten.
 */
#ifndef MUSTER_VERIFY_DOUBLES_H
#define MUSTER_VERIFY_DOUBLES_H

#include <stdbool.h>
#include <stdint.h>

#define VERIFY_DOUBLES_MAX (1U << 20)

struct verify_double {
    uint64_t key;
    uint64_t digest;
    uint32_t epoch; /* index of it, from 1; 0: the place is free */
    uint32_t run;   /* which start of an agent it came in */
};

/* Zeroed to begin with. */
struct verify_doubles {
    struct verify_double *places;
    uint32_t place_count; /* a power of two */
    uint32_t used_count;
};

void verify_doubles_deinit(struct verify_doubles *doubles);

/* What was put there under that key, or NULL where it is not known. */
const struct verify_double *verify_doubles_find(const struct verify_doubles *doubles, uint32_t epoch, uint64_t key);

/* Where there is no memory, it is not kept. */
void verify_doubles_put(struct verify_doubles *doubles, const struct verify_double *one);

#endif
