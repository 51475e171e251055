/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of the command line that getopt_long(3) found. */
#ifndef MUSTER_OPTIONS_H
#define MUSTER_OPTIONS_H

#include <getopt.h>

/* To be called when getopt_long, with opterr 0 and a leading ':' in the short options, returned
 * '?' or ':' (`found`). Tells which option, and returns EXIT_USAGE. */
int option_report(const char *verb, char **arguments, int found);

#endif
