/* SPDX-License-Identifier: Apache-2.0 */
/* What `muster verify` knows of one line of NDJSON, or of one record of a capture: the same of both. */
#ifndef MUSTER_VERIFY_EVENT_H
#define MUSTER_VERIFY_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "muster/event.h"

enum verify_kind {
    VERIFY_NUMBERED,
    VERIFY_OTHER, /* baseline: not counted */
    VERIFY_GAP,
    VERIFY_STARTED,
    VERIFY_STATUS,
    VERIFY_STOPPED,
};

/* Causes by their number; what has a name or number that is not known here is the last. */
#define VERIFY_CAUSES      (MUSTER_CAUSE_COUNT + 1)
#define VERIFY_CAUSE_OTHER MUSTER_CAUSE_COUNT

struct verify_gap {
    bool has_range;
    bool is_placed; /* its range is sure: not so where a capture had been damaged */
    uint64_t first;
    uint64_t last;
    uint64_t count;
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t causes[VERIFY_CAUSES];
};

struct verify_ledger {
    uint64_t produced;
    uint64_t delivered;
    uint64_t filtered;
    uint64_t held;
    uint64_t dropped[VERIFY_CAUSES];
};

struct verify_event {
    enum verify_kind kind;
    uint64_t epoch;
    uint64_t time_ns; /* since 1970 */
    uint64_t digest;  /* of all that it says */
    uint64_t sequence;
    union {
        struct verify_gap gap;
        struct verify_ledger ledger;
    };
};

/* Where it stands. */
struct verify_place {
    const char *file;
    uint64_t line;   /* 0: a capture, and then: */
    uint64_t offset; /* of its frame */
};

/* Of whatever bytes; not proof against those who look for two that are alike. */
uint64_t verify_digest(const void *bytes, uint64_t size_bytes);

/* By a name in NDJSON. */
unsigned verify_cause(const char *name, uint64_t size_bytes);

/* "ring_full"; "others" where it is not known. */
const char *verify_cause_name(unsigned cause);

/* Never numbered, so no range has them. */
static inline bool verify_cause_is_unnumbered(unsigned cause)
{
    return cause == MUSTER_CAUSE_PROGRAM_MISSED || cause == MUSTER_CAUSE_IRQL_REFUSED;
}

#endif
