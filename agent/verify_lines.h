/* SPDX-License-Identifier: Apache-2.0 */
/* NDJSON, as `muster verify` reads it: whole lines out of bytes as they come, and what each says. */
#ifndef MUSTER_VERIFY_LINES_H
#define MUSTER_VERIFY_LINES_H

#include "verification.h"

/* Arguments of 128 KiB, each byte of them escaped, stand in a line three times. */
#define VERIFY_LINE_MAX_BYTES ((size_t)16 << 20)

/* .verification and .file are set, all else zero to begin with. */
struct verify_lines {
    struct verification *verification;
    const char *file;
    uint64_t line_count;
    uint64_t muster_count;  /* of those, muster's */
    uint64_t foreign_count; /* whole JSON objects of others, and empty lines */
    char *rest;             /* of a line whose end has not come */
    size_t rest_bytes;
    size_t rest_capacity;
    bool too_long; /* that line is, and was let go of */
};

void verify_lines_take(struct verify_lines *lines, const char *bytes, size_t size_bytes);

/* The file ends. Lets go of all memory. */
void verify_lines_end(struct verify_lines *lines);

enum verify_line {
    VERIFY_LINE_EVENT,   /* muster's */
    VERIFY_LINE_FOREIGN, /* a whole JSON object of somebody else, or an empty line */
    VERIFY_LINE_BAD,     /* not as muster writes one */
};

/* What one line says. *ret_why is a piece of a sentence where it is bad. */
enum verify_line verify_line_read(const char *bytes, size_t size_bytes, struct verify_event *ret_event,
                                  const char **ret_why);

#endif
