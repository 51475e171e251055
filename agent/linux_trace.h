/* SPDX-License-Identifier: Apache-2.0 */
/* One command under the tracer, into one output. */
#ifndef MUSTER_LINUX_TRACE_H
#define MUSTER_LINUX_TRACE_H

#include <stdbool.h>

#include "muster/filter.h"
#include "muster/sink.h"

struct trace_options {
    const char *format;
    const char *output; /* NULL: standard error; "-": standard output */
    bool forks;
    size_t args_max_bytes; /* 0: the default */
    enum muster_color color;
    struct muster_filter filter;
    char *const *command;
};

/* Returns the exit code: the command's, 128 + signal, or MUSTER_TRACER_FAILED. */
int trace_run(const struct trace_options *options);

#endif
