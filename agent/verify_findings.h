/* SPDX-License-Identifier: Apache-2.0 */
/* What `muster verify` has found, worst first: so many of each severity are kept, and all are counted. */
#ifndef MUSTER_VERIFY_FINDINGS_H
#define MUSTER_VERIFY_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/annotations.h"
#include "verify_event.h"

#define VERIFY_TEXT_BYTES 640

enum verify_severity {
    VERIFY_UNACCOUNTED, /* something may be missing, or was changed, and nothing tells of it */
    VERIFY_LOST,        /* something is missing or was changed, and the stream or the file itself says so */
    VERIFY_NOTE,        /* nothing is wrong */
    VERIFY_SEVERITY_COUNT,
};

struct verify_finding {
    const char *what; /* a word for programs, such as "missing" */
    bool has_epoch;
    uint64_t epoch;
    struct verify_place place; /* .file NULL: of the whole stream */
    uint64_t first_sequence;   /* 0: none */
    uint64_t last_sequence;
    uint64_t count; /* of events; 0: none, or not known */
    uint64_t from_ns;
    uint64_t to_ns;
    char text[VERIFY_TEXT_BYTES];
};

struct verify_finding_list {
    struct verify_finding *kept;
    size_t kept_count;
    size_t capacity;
    uint64_t count;
};

/* `limit` is how many are kept of each severity; all else zero to begin with. */
struct verify_findings {
    size_t limit;
    struct verify_finding_list of[VERIFY_SEVERITY_COUNT];
};

void verify_findings_deinit(struct verify_findings *findings);

/* Adds a copy of `finding` with that text. */
MUSTER_PRINTF(4, 5)
void verify_findings_add(struct verify_findings *findings, enum verify_severity severity,
                         const struct verify_finding *finding, const char *format, ...);

#endif
