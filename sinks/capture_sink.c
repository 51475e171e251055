/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capture sink: the records themselves, in the frames of muster/capture_file.h. A frame is what a line is to the
 * other sinks: it is closed when it is full, and at the end of each batch, so what was acknowledged stands in whole
 * frames.
 *
 * The records are put straight into the output's buffer, behind room for the header. Nothing is written while a frame
 * is open: it is closed before the buffer counts as full.
 */
#include "muster/capture_file.h"
#include "sink_internal.h"

struct capture_sink {
    struct muster_sink sink; /* first */
    struct muster_capture_writer writer;
    uint64_t capture; /* its name; 0: to be made from its beginning */
    bool begun;
    bool ended;
    bool open;               /* a frame of records is: */
    size_t frame_offset;     /* where it begins, in the output's buffer */
    int64_t clock_offset_ns; /* of its records */
};

static void frame_open(struct capture_sink *capture)
{
    struct buffer *out = &capture->sink.output.buffer;

    capture->frame_offset = out->size_bytes;
    if (buffer_reserve(out, MUSTER_CAPTURE_HEADER_BYTES) != NULL)
        out->size_bytes += MUSTER_CAPTURE_HEADER_BYTES;
    capture->clock_offset_ns = capture->sink.stream->clock_offset_ns;
}

/* Closes what was put behind frame_open. */
static void frame_close(struct capture_sink *capture, enum muster_capture_frame_type type, unsigned flags)
{
    struct buffer *out = &capture->sink.output.buffer;

    if (buffer_reserve(out, MUSTER_CAPTURE_DIGEST_BYTES) == NULL)
        return;
    muster_capture_seal(&capture->writer, type, flags, capture->clock_offset_ns, out->bytes + capture->frame_offset,
                        out->size_bytes - capture->frame_offset - MUSTER_CAPTURE_HEADER_BYTES);
    out->size_bytes += MUSTER_CAPTURE_DIGEST_BYTES;
    output_end_line(&capture->sink.output);
}

static void checkpoint_write(struct capture_sink *capture, unsigned flags)
{
    struct buffer *out = &capture->sink.output.buffer;
    size_t size_bytes = muster_capture_checkpoint_bytes(capture->sink.stream);

    frame_open(capture);
    char *payload = buffer_reserve(out, size_bytes);
    if (payload == NULL)
        return;
    muster_capture_checkpoint_encode(&capture->writer, capture->sink.stream, payload);
    out->size_bytes += size_bytes;
    frame_close(capture, MUSTER_CAPTURE_CHECKPOINT, flags);
}

static void records_close(struct capture_sink *capture)
{
    if (!capture->open)
        return;
    capture->open = false;
    frame_close(capture, MUSTER_CAPTURE_RECORDS, 0);
    if (capture->writer.next.number % MUSTER_CAPTURE_CHECKPOINT_EVERY == 0)
        checkpoint_write(capture, 0);
}

/* The digest of a frame that has what this capture begins with. */
static uint64_t name_make(struct capture_sink *capture, const struct muster_record *record)
{
    struct buffer *out = &capture->sink.output.buffer;
    size_t begin = out->size_bytes;
    uint64_t name = 1;

    muster_capture_writer_init(&capture->writer, 0);
    muster_capture_add(&capture->writer, record);
    checkpoint_write(capture, 0);
    memcpy(&name, capture->writer.next.previous, sizeof(name));
    out->size_bytes = begin;
    capture->sink.output.line_count = 0;
    return name;
}

/* The first frame is there twice: without it nothing can be read. */
static void capture_begin(struct capture_sink *capture, const struct muster_record *record)
{
    if (capture->capture == 0)
        capture->capture = name_make(capture, record);
    muster_capture_writer_init(&capture->writer, capture->capture);
    checkpoint_write(capture, 0);
    checkpoint_write(capture, 0);
    capture->begun = true;
}

/* As is the last one: without it nobody knows that nothing came behind. */
static void capture_end(struct capture_sink *capture)
{
    records_close(capture);
    checkpoint_write(capture, MUSTER_CAPTURE_ENDS);
    checkpoint_write(capture, MUSTER_CAPTURE_ENDS | MUSTER_CAPTURE_LAST);
    capture->ended = true;
}

/* What has to stand in front of a record. It does not count as delivered with this. */
static void record_before(struct capture_sink *capture, const struct muster_record *record)
{
    struct output *output = &capture->sink.output;
    uint64_t own_count = muster_record_is_numbered(record) ? 1 : 0;

    output->pending_count -= own_count;
    if (!capture->begun)
        capture_begin(capture, record);
    if (capture->open && capture->clock_offset_ns != capture->sink.stream->clock_offset_ns)
        records_close(capture);
    output->pending_count += own_count;
    if (!capture->open)
        frame_open(capture);
    capture->open = true;
}

static bool format(struct muster_sink *sink, const struct muster_record *record)
{
    struct capture_sink *capture = (struct capture_sink *)sink;
    struct buffer *out = &sink->output.buffer;

    if (capture->ended)
        return true; /* there is no room behind the end; a stream has none either */
    record_before(capture, record);
    buffer_append(out, (const char *)record, record->size_bytes);
    if (out->no_memory)
        return false;
    muster_capture_add(&capture->writer, record);
    if (out->size_bytes - capture->frame_offset >= MUSTER_CAPTURE_HEADER_BYTES + MUSTER_CAPTURE_FULL_BYTES ||
        out->size_bytes >= OUTPUT_FULL_BYTES)
        records_close(capture);
    if (record->type == MUSTER_EVENT_SENSOR_STOPPED)
        capture_end(capture);
    return !out->no_memory;
}

static bool end_batch(struct muster_sink *sink)
{
    records_close((struct capture_sink *)sink);
    return !sink->output.buffer.no_memory;
}

struct muster_sink *muster_sink_capture_create(const struct muster_sink_options *options)
{
    static const struct muster_sink_operations operations = {.format = format, .end_batch = end_batch};
    struct capture_sink *capture = sink_allocate(sizeof(*capture), &operations, options);
    if (capture == NULL)
        return NULL;
    capture->capture = options->capture;
    return &capture->sink;
}
