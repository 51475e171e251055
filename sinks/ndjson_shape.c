/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shapes that lines have had. All that stands between two values (the end of one object, the names of the next,
 * keys, quotes, and values that are always the same) is one run of bytes, made when a shape first comes up: so a line
 * asks for no field, opens no object, and is mostly copied. A machine has a dozen shapes; who starts processes can make
 * more, which then push each other out, and cost some microseconds a line.
 */
#include <stdlib.h>
#include <string.h>

#include "ndjson_internal.h"

/* Slots that a shape may be in, from that of its hash on. */
enum { PROBE_COUNT = 8 };

/* ---- names into objects ------------------------------------------------------------------------------ */

size_t ndjson_shared_bytes(const char *left, const char *right)
{
    size_t shared = 0;
    for (size_t i = 0; left[i] != 0 && left[i] == right[i]; i++)
        if (left[i] == '.')
            shared = i + 1;
    return shared;
}

static void close_objects(struct buffer *out, const char *name)
{
    for (; *name != 0; name++)
        if (*name == '.')
            buffer_byte(out, '}');
}

void ndjson_write_path(struct buffer *out, const char *from, const char *to)
{
    size_t shared = 0;
    if (from == NULL) {
        buffer_byte(out, '{');
    } else {
        shared = ndjson_shared_bytes(from, to);
        close_objects(out, from + shared);
        buffer_byte(out, ',');
    }
    buffer_byte(out, '"');
    for (const char *at = to + shared; *at != 0; at++) {
        if (*at == '.')
            buffer_literal(out, "\":{\"");
        else
            buffer_byte(out, *at);
    }
    buffer_literal(out, "\":");
}

void ndjson_write_end(struct buffer *out, const char *from)
{
    close_objects(out, from);
    buffer_literal(out, "}\n");
}

/* ---- making one -------------------------------------------------------------------------------------- */

static bool is_there(const struct ndjson_sink *ndjson, const struct ndjson_shape *shape,
                     const struct ndjson_member *member)
{
    if ((shape->fields & member->fields) != member->fields || (shape->traits & member->traits) != member->traits)
        return false;
    if (member->types != 0 && (member->types >> shape->type & 1) == 0)
        return false;
    return member->form->fixed == NULL || member->form->fixed(ndjson, shape->type, member) != NULL;
}

static bool is_shown(const struct ndjson_sink *ndjson, const struct ndjson_shape *shape,
                     const struct ndjson_member *member)
{
    if (!is_there(ndjson, shape, member))
        return false;
    while (member->successor != 0) {
        member = &ndjson->members[member->successor];
        if (is_there(ndjson, shape, member))
            return false;
    }
    return true;
}

/* Up to the value, or behind it if it is always the same. */
static void add_member(const struct ndjson_sink *ndjson, struct ndjson_shape *shape, const struct ndjson_member *member,
                       size_t *begin_bytes)
{
    struct buffer *out = &shape->literals;
    ndjson_write_path(out, shape->last_name, member->name);
    shape->last_name = member->name;
    buffer_string(out, member->form->open);
    if (member->form->fixed != NULL) {
        const char *word = member->form->fixed(ndjson, shape->type, member);
        (void)json_text(out, word, strlen(word), 0);
    } else {
        shape->pieces[shape->piece_count++] = (struct ndjson_piece){
            .put = member->form->put,
            .write = member->form->write,
            .member = member,
            .literal_at = (uint32_t)*begin_bytes,
            .literal_bytes = (uint32_t)(out->size_bytes - *begin_bytes),
        };
        *begin_bytes = out->size_bytes;
    }
    buffer_string(out, member->form->close);
}

static bool make(const struct ndjson_sink *ndjson, struct ndjson_shape *shape)
{
    if (shape->pieces == NULL)
        shape->pieces = calloc(ndjson->member_count, sizeof(*shape->pieces));
    if (shape->pieces == NULL)
        return false;
    shape->piece_count = 0;
    shape->literals.size_bytes = 0;
    shape->last_name = NULL;
    size_t begin_bytes = 0;
    for (unsigned i = 0; i < ndjson->member_count; i++)
        if (is_shown(ndjson, shape, &ndjson->members[i]))
            add_member(ndjson, shape, &ndjson->members[i], &begin_bytes);
    shape->end_at = (uint32_t)begin_bytes;
    shape->rest_bytes = (uint32_t)(shape->literals.size_bytes - begin_bytes);
    ndjson_write_end(&shape->literals, shape->last_name);
    shape->end_bytes = (uint32_t)(shape->literals.size_bytes - begin_bytes);
    /* They are copied in steps. */
    buffer_spaces(&shape->literals, BUFFER_STEP_BYTES);
    return !shape->literals.no_memory;
}

/* ---- finding one ------------------------------------------------------------------------------------- */

static bool is_of(const struct ndjson_shape *shape, const struct ndjson_line *line)
{
    return shape->fields == line->fields && shape->traits == line->traits && shape->type == line->record->type;
}

static struct ndjson_shape *slot_of(struct ndjson_sink *ndjson, unsigned index)
{
    return &ndjson->shapes[index % NDJSON_SHAPES];
}

const struct ndjson_shape *ndjson_shape_of(struct ndjson_sink *ndjson, const struct ndjson_line *line)
{
    const uint64_t mixed = (line->fields ^ (uint64_t)line->traits << 20 ^ line->record->type) * 0x9e3779b97f4a7c15ULL;
    const unsigned begin = (unsigned)(mixed >> 40);
    struct ndjson_shape *shape = NULL;
    for (unsigned i = 0; i < PROBE_COUNT; i++) {
        shape = slot_of(ndjson, begin + i);
        if (is_of(shape, line))
            return shape;
        if (shape->type == 0)
            break;
    }
    if (shape->type != 0)
        shape = slot_of(ndjson, begin + ndjson->next_victim++ % PROBE_COUNT);
    shape->fields = line->fields;
    shape->traits = line->traits;
    shape->type = line->record->type;
    return make(ndjson, shape) ? shape : NULL;
}

void ndjson_shapes_deinit(struct ndjson_sink *ndjson)
{
    for (unsigned i = 0; i < NDJSON_SHAPES; i++) {
        free(ndjson->shapes[i].pieces);
        buffer_deinit(&ndjson->shapes[i].literals);
    }
}
