/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every sink is made of: its format's operations and the output that lines go to. A format's
 * own struct begins with this one.
 */
#ifndef MUSTER_SINKS_SINK_INTERNAL_H
#define MUSTER_SINKS_SINK_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "muster/sink.h"
#include "output.h"

struct muster_sink_operations {
    /* Formats one record: at most one whole line goes to the output. False: out of memory. */
    bool (*format)(struct muster_sink *sink, const struct muster_record *record);
    /* The end of a batch: at most one more line. False: out of memory. May be NULL. */
    bool (*end_batch)(struct muster_sink *sink);
    /* Frees what the format's own struct holds. May be NULL. */
    void (*deinit)(struct muster_sink *sink);
};

struct muster_sink {
    const struct muster_sink_operations *operations;
    const struct muster_stream *stream;
    struct output output;
    enum muster_status status; /* what ended it, or MUSTER_OK */
    int error;                 /* errno of that */
};

/* Zeroed memory of `size_bytes`, which begins with a struct muster_sink that is set up; or NULL. */
void *sink_allocate(size_t size_bytes, const struct muster_sink_operations *operations,
                    const struct muster_sink_options *options);

#endif
