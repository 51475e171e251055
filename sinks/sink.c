/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h: finds a sink by its name, and does what is the same for every format: when to write, how
 * to count, and that nothing more is written after a failure (a line that came behind half a line
 * would be joined to it).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sink_internal.h"

typedef struct muster_sink *sink_create_function(const struct muster_sink_options *options);

struct muster_sink *muster_sink_create(const char *format, const struct muster_sink_options *options, bool *ret_known)
{
    static const struct {
        const char *name;
        sink_create_function *create;
    } formats[] = {
        {"text", muster_sink_text_create},
        {"ndjson", muster_sink_ndjson_create},
        {"driver-messages", muster_sink_driver_messages_create},
        {"capture", muster_sink_capture_create},
    };
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(format, formats[i].name) == 0) {
            *ret_known = true;
            return formats[i].create(options);
        }
    }
    *ret_known = false;
    return NULL;
}

void *sink_allocate(size_t size_bytes, const struct muster_sink_operations *operations,
                    const struct muster_sink_options *options)
{
    struct muster_sink *sink = calloc(1, size_bytes);
    if (sink == NULL)
        return NULL;
    sink->operations = operations;
    sink->stream = options->stream;
    output_init(&sink->output, &options->target);
    return sink;
}

static enum muster_status ended(struct muster_sink *sink, enum muster_status status)
{
    sink->error = status == MUSTER_OUTPUT_FAILED ? errno : ENOMEM;
    sink->status = status;
    errno = sink->error;
    return status;
}

static enum muster_status write_lines(struct muster_sink *sink)
{
    enum muster_status status = output_write(&sink->output);
    return status == MUSTER_OK ? MUSTER_OK : ended(sink, status);
}

enum muster_status muster_sink_write(struct muster_sink *sink, const struct muster_record *record)
{
    if (sink->status != MUSTER_OK) {
        errno = sink->error;
        return sink->status;
    }
    sink->output.pending_count += muster_record_is_numbered(record) ? 1 : 0;
    if (!sink->operations->format(sink, record))
        return ended(sink, MUSTER_NO_MEMORY);
    return output_is_full(&sink->output) ? write_lines(sink) : MUSTER_OK;
}

enum muster_status muster_sink_flush(struct muster_sink *sink)
{
    if (sink->status != MUSTER_OK) {
        errno = sink->error;
        return sink->status;
    }
    if (sink->operations->end_batch != NULL && !sink->operations->end_batch(sink))
        return ended(sink, MUSTER_NO_MEMORY);
    enum muster_status status = write_lines(sink);
    if (status == MUSTER_OK)
        output_end_batch(&sink->output);
    return status;
}

uint64_t muster_sink_delivered(const struct muster_sink *sink)
{
    return sink->output.delivered_count;
}

uint64_t muster_sink_whole_bytes(const struct muster_sink *sink)
{
    return sink->output.whole_bytes;
}

void muster_sink_destroy(struct muster_sink *sink)
{
    if (sink == NULL)
        return;
    if (sink->operations->deinit != NULL)
        sink->operations->deinit(sink);
    output_deinit(&sink->output);
    free(sink);
}
