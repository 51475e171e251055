/* SPDX-License-Identifier: Apache-2.0 */
/* Captures, read back into any output. */
#ifndef MUSTER_REPLAY_H
#define MUSTER_REPLAY_H

#include "muster/filter.h"
#include "muster/sink.h"

struct replay_options {
    const char *format;
    const char *output; /* NULL or "-": standard output */
    enum muster_color color;
    struct muster_filter filter;
    char *const *files; /* NULL behind the last one */
};

/* Returns the exit code. */
int replay_run(const struct replay_options *options);

#endif
