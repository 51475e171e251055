/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NDJSON sink: one record a line, ECS field names, nested, always in the same order. What it is made of stands in
 * ndjson_internal.h.
 *
 * A JSON library was rejected: a tree that is built and serialised costs several times as much as the line, and none
 * escapes for a terminal.
 */
#include "arguments.h"
#include "ndjson_internal.h"
#include "path.h"
#include "tally.h"

#define FIELD_OF(symbol, number, ...) | MUSTER_FIELD_BIT(number)
#define KNOWN_FIELDS                  (0ULL MUSTER_FIELDS(FIELD_OF))

#define IMAGE_FLAGS_KNOWN                                                                                              \
    (MUSTER_IMAGE_DELETED | MUSTER_IMAGE_MEMFD | MUSTER_IMAGE_OPENED_NAME | MUSTER_IMAGE_SETUID | MUSTER_IMAGE_SETGID)

static bool has(const struct ndjson_line *line, enum muster_field field)
{
    return (line->fields & MUSTER_FIELD_BIT(field)) != 0;
}

/* A known set of flags that is empty is not told. */
static void look_at_image(struct ndjson_line *line)
{
    const struct muster_process_start *start = (const struct muster_process_start *)line->record;
    if (has(line, MUSTER_FIELD_IMAGE_FLAGS) && (start->image_flags & IMAGE_FLAGS_KNOWN) == 0)
        line->fields &= ~MUSTER_FIELD_BIT(MUSTER_FIELD_IMAGE_FLAGS);
}

static uint32_t look_at_name(const struct ndjson_line *line, enum muster_field field, struct ndjson_span *name,
                             uint32_t trait)
{
    return has(line, field) && path_name(ndjson_text_of(line, field), (line->json_flags & JSON_WTF8) != 0, &name->bytes,
                                         &name->size_bytes)
               ? trait
               : 0;
}

/* Where not one of them is whole, there is no array; where there were none at all, an empty one. */
static void look_at_arguments(struct ndjson_line *line)
{
    if (!has(line, MUSTER_FIELD_ARGS))
        return;
    const struct muster_text *text = ndjson_text_of(line, MUSTER_FIELD_ARGS);
    struct arguments arguments = arguments_whole(text);
    struct ndjson_span argument;
    if (arguments_next(&arguments, &argument.bytes, &argument.size_bytes)) {
        line->traits |= TRAIT_ARGUMENTS;
    } else if (text->full_bytes != 0) {
        line->fields &= ~MUSTER_FIELD_BIT(MUSTER_FIELD_ARGS);
        if (text->size_bytes != 0)
            line->inexact |= MUSTER_FIELD_BIT(MUSTER_FIELD_ARGS);
    }
}

static void look_at_texts(struct ndjson_line *line)
{
    struct muster_text text;
    for (uint32_t cursor = 0; muster_record_next_text(line->record, &cursor, &text);) {
        if (text.field < MUSTER_FIELD_FIRST_TEXT || text.field >= MUSTER_FIELD_COUNT)
            continue;
        line->texts[text.field - MUSTER_FIELD_FIRST_TEXT] = text;
        if (text.full_bytes > text.size_bytes)
            line->traits |= TRAIT_TRUNCATED;
    }
    look_at_arguments(line);
    line->traits |= look_at_name(line, MUSTER_FIELD_EXECUTABLE, &line->name, TRAIT_NAME);
    line->traits |= look_at_name(line, MUSTER_FIELD_PARENT_EXECUTABLE, &line->parent_name, TRAIT_PARENT_NAME);
}

static uint32_t traits_of_gap(const struct muster_record *record)
{
    struct muster_gap gap = tally_gap(record);
    return (gap.start_ns != 0 ? TRAIT_GAP_START : 0U) | (gap.end_ns != 0 ? TRAIT_GAP_END : 0U) |
           (muster_stage_name(gap.stage) != NULL ? TRAIT_STAGE : 0U);
}

static uint32_t traits_of(const struct muster_record *record)
{
    uint32_t traits = 0;
    if (record->sequence != 0 && muster_record_is_numbered(record))
        traits |= TRAIT_NUMBERED;
    if ((record->flags & MUSTER_RECORD_SKELETON) != 0)
        traits |= TRAIT_SKELETON;
    if ((record->flags & MUSTER_RECORD_SYNTHETIC) != 0)
        traits |= TRAIT_SYNTHETIC;
    else
        traits |= TRAIT_SEEN;
    if ((record->unavailable & KNOWN_FIELDS) != 0)
        traits |= TRAIT_UNAVAILABLE;
    return record->type == MUSTER_EVENT_GAP ? traits | traits_of_gap(record) : traits;
}

static void line_begin(struct ndjson_line *line, struct ndjson_sink *ndjson, const struct muster_record *record)
{
    line->ndjson = ndjson;
    line->out = &ndjson->sink.output.buffer;
    line->record = record;
    line->fields = record->valid & KNOWN_FIELDS;
    line->inexact = 0;
    line->traits = ndjson->stream_traits | traits_of(record);
    line->json_flags = (record->flags & MUSTER_RECORD_WTF8) != 0 ? JSON_WTF8 : 0;
    look_at_image(line);
    if (record->text_count != 0)
        look_at_texts(line);
}

/* Literals and values in turn. The end of the line is kept at hand while values are put, and not looked up for each. */
static void write_pieces(struct ndjson_line *line, const struct ndjson_shape *shape)
{
    struct buffer *buffer = line->out;
    size_t size_bytes = buffer->size_bytes;
    for (const struct ndjson_piece *piece = shape->pieces; piece != shape->pieces + shape->piece_count; piece++) {
        const size_t room_bytes = piece->literal_bytes + BUFFER_STEP_BYTES + NDJSON_PUT_ROOM_BYTES;
        if (buffer->capacity_bytes - size_bytes < room_bytes) {
            buffer->size_bytes = size_bytes;
            if (buffer_reserve(buffer, room_bytes) == NULL)
                return;
        }
        char *out = buffer->bytes + size_bytes;
        buffer_copy_padded(out, shape->literals.bytes + piece->literal_at, piece->literal_bytes);
        out += piece->literal_bytes;
        if (piece->put != NULL)
            out = piece->put(out, line, piece->member);
        size_bytes = (size_t)(out - buffer->bytes);
        if (piece->put == NULL) {
            buffer->size_bytes = size_bytes;
            piece->write(line, piece->member);
            size_bytes = buffer->size_bytes;
        }
    }
    buffer->size_bytes = size_bytes;
}

static void write_line(struct ndjson_line *line, const struct ndjson_shape *shape)
{
    write_pieces(line, shape);
    const bool is_exact = line->inexact == 0;
    buffer_append(line->out, shape->literals.bytes + shape->end_at, is_exact ? shape->end_bytes : shape->rest_bytes);
    if (!is_exact)
        ndjson_write_raw(line, shape->last_name);
}

static bool format(struct muster_sink *sink, const struct muster_record *record)
{
    if (record->type == 0 || record->type > MUSTER_EVENT_TYPE_COUNT)
        return true;
    struct ndjson_line line;
    line_begin(&line, (struct ndjson_sink *)sink, record);
    const struct ndjson_shape *shape = ndjson_shape_of(line.ndjson, &line);
    if (shape == NULL)
        return false;
    write_line(&line, shape);
    if (line.out->no_memory)
        return false;
    output_end_line(&sink->output);
    return true;
}

static void deinit(struct muster_sink *sink)
{
    struct ndjson_sink *ndjson = (struct ndjson_sink *)sink;
    ndjson_shapes_deinit(ndjson);
    for (unsigned i = 0; i < NDJSON_CAPABILITY_SETS; i++)
        buffer_deinit(&ndjson->capability_sets[i].names);
}

struct muster_sink *muster_sink_ndjson_create(const struct muster_sink_options *options)
{
    static const struct muster_sink_operations operations = {.format = format, .deinit = deinit};
    struct ndjson_sink *ndjson = sink_allocate(sizeof(*ndjson), &operations, options);
    if (ndjson == NULL)
        return NULL;
    const struct muster_stream *stream = options->stream;
    ndjson->stream_traits = stream->boot_id_valid && stream->tick_ns != 0 ? TRAIT_ENTITY : 0;
    ndjson_fixed_init(ndjson);
    ndjson_members_init(ndjson);
    return &ndjson->sink;
}
