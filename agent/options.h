/* SPDX-License-Identifier: Apache-2.0 */
/* Options that verbs share, and errors of the command line that getopt_long(3) found. */
#ifndef MUSTER_OPTIONS_H
#define MUSTER_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/sink.h"

/* To be called when getopt_long, with opterr 0 and a leading ':' in the short options, returned
 * '?' or ':' (`found`). Tells which option, and returns EXIT_USAGE. */
int option_report(const char *verb, char **arguments, int found);

/* --format: EXIT_DONE, or what is wrong is told and EXIT_USAGE returned. */
int option_format(const char *verb, const char *value, const char **ret_format);

/* --buffer: rounded up to a power of two. Likewise. */
int option_buffer(const char *verb, const char *value, size_t *ret_bytes);

/* --status-interval. Likewise. */
#define OPTION_STATUS_INTERVAL_DEFAULT_MS (60 * 1000)
int option_status_interval(const char *verb, const char *value, uint64_t *ret_ms);

/* --max-args: how much of the arguments is kept. */
#define OPTION_MAX_ARGS_HELP                                                                                           \
    "      --max-args SIZE   keep up to SIZE of the arguments, 4K to 128K, else their ends (default 32K)\n"
int option_max_args(const char *verb, const char *value, size_t *ret_bytes);

/* --color. auto is settled later, when the output is known. */
enum color_choice { COLOR_NEVER, COLOR_ALWAYS, COLOR_AUTO };
int option_color(const char *verb, const char *value, enum color_choice *ret_color);

/* `able`: the output is a terminal with colours. NO_COLOR is honoured. */
enum muster_color color_settle(enum color_choice choice, bool able);

#endif
