/* SPDX-License-Identifier: Apache-2.0 */
/* What muster says to the person who runs it: errors to standard error, with the program's name, and
 * what was asked for to standard output. */
#ifndef MUSTER_REPORT_H
#define MUSTER_REPORT_H

#include "muster/annotations.h"
#include "muster/sensor.h"

/* Exit codes, contract.md, "The command line". */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_LOSS = 3,
    EXIT_UNACCOUNTED = 4, /* something is missing, and nothing tells of it */
};

/* To standard output; up to 4,095 bytes. */
MUSTER_PRINTF(1, 2)
void print(const char *format, ...);

/* "muster: ..." and a newline. */
MUSTER_PRINTF(1, 2)
void report(const char *format, ...);

/* What failed, and what to do about it, in a line each; returns EXIT_FAILED. */
int report_failure(const struct muster_sensor_error *error);

/* "muster: ..." with how to get help for `verb` (NULL: for muster); returns EXIT_USAGE. */
MUSTER_PRINTF(2, 3)
int report_usage(const char *verb, const char *format, ...);

#endif
