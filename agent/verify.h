/* SPDX-License-Identifier: Apache-2.0 */
/* muster verify: files in, a verdict out. */
#ifndef MUSTER_VERIFY_H
#define MUSTER_VERIFY_H

#include "verification.h"

struct verify_options {
    char *const *files; /* NULL behind the last one */
    bool json;
    bool quiet;
    bool verbose;
};

enum verify_format {
    VERIFY_UNKNOWN, /* it could not be read, or is empty */
    VERIFY_NDJSON,
    VERIFY_CAPTURE,
};

/* What one file turned out to be. */
struct verify_file {
    const char *name;
    enum verify_format format;
    uint64_t size_bytes;
    uint64_t line_count;    /* NDJSON */
    uint64_t capture_count; /* captures, and records in them */
    uint64_t record_count;
};

struct verify_result {
    struct verification verification; /* judged */
    struct verify_file *files;
    size_t file_count;
    int code; /* what the program ends with */
};

/* Returns the exit code. */
int verify_run(const struct verify_options *options);

/* On standard output. verify_print.c, verify_json.c */
void verify_print(const struct verify_result *result, const struct verify_options *options);
void verify_json(const struct verify_result *result);

#endif
