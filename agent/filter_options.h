/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filters of the command line, the same for every verb that reports processes: each may be given several
 * times, which means any of them, and different ones mean all of them. A verb puts FILTER_LONG_OPTIONS among its long
 * options, hands what getopt_long(3) found among them to filter_option_apply, and prints filter_help.
 */
#ifndef MUSTER_FILTER_OPTIONS_H
#define MUSTER_FILTER_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

#include "muster/filter.h"

enum filter_option {
    FILTER_OPTION_PID = 512, /* above what verbs have of their own */
    FILTER_OPTION_PARENT,
    FILTER_OPTION_USER,
    FILTER_OPTION_NAME,
    FILTER_OPTION_CONTAINER,
    FILTER_OPTION_EXCLUDE,
};

#define FILTER_LONG_OPTIONS                                                                                            \
    {"pid", required_argument, NULL, FILTER_OPTION_PID}, {"parent", required_argument, NULL, FILTER_OPTION_PARENT},    \
        {"user", required_argument, NULL, FILTER_OPTION_USER}, {"name", required_argument, NULL, FILTER_OPTION_NAME},  \
        {"container", required_argument, NULL, FILTER_OPTION_CONTAINER},                                               \
    {                                                                                                                  \
        "exclude", required_argument, NULL, FILTER_OPTION_EXCLUDE                                                      \
    }

/* Lines for a verb's help. */
extern const char filter_help[];

/* Whether getopt_long's value is one of these. */
bool filter_option_is(int option);

/* Adds one to *filter, which began as zeros. Returns EXIT_DONE, or EXIT_USAGE with *filter untouched. */
int filter_option_apply(const char *verb, struct muster_filter *filter, int option, const char *value);

#endif
