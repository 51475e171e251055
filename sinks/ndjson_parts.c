/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NDJSON sink: values that are made of more than one field, and what a line says about itself: what could not be
 * had, what was cut, and the true bytes of what JSON cannot hold.
 */
#include "arguments.h"
#include "base64.h"
#include "ndjson_internal.h"
#include "tally.h"

static char *put_entity(char *out, struct ndjson_line *line, const struct ndjson_member *member)
{
    const uint32_t *pid = ndjson_place_of(line, member->place);
    const uint64_t *start_ns = ndjson_place_of(line, member->second_place);
    memcpy(out, entity_digits(&line->ndjson->entities, line->ndjson->sink.stream, *pid, *start_ns), ENTITY_DIGITS);
    return out + ENTITY_DIGITS;
}

static void write_name(struct ndjson_line *line, const struct ndjson_member *member)
{
    (void)member;
    (void)json_text(line->out, line->name.bytes, line->name.size_bytes, line->json_flags);
}

static void write_parent_name(struct ndjson_line *line, const struct ndjson_member *member)
{
    (void)member;
    (void)json_text(line->out, line->parent_name.bytes, line->parent_name.size_bytes, line->json_flags);
}

/* With a space between two. */
static void write_joined(struct ndjson_line *line, const struct ndjson_member *member)
{
    (void)member;
    struct arguments arguments = arguments_whole(ndjson_text_of(line, MUSTER_FIELD_ARGS));
    const char *bytes;
    size_t size_bytes;
    for (bool is_first = true; arguments_next(&arguments, &bytes, &size_bytes); is_first = false) {
        if (!is_first)
            buffer_byte(line->out, ' ');
        (void)json_text(line->out, bytes, size_bytes, line->json_flags);
    }
}

static void write_signal_code(struct ndjson_line *line, const struct ndjson_member *member)
{
    const uint8_t *signal = ndjson_place_of(line, member->place);
    buffer_decimal(line->out, 128U + *signal);
}

static void write_epoch(struct ndjson_line *line, const struct ndjson_member *member)
{
    const uint64_t *epoch = ndjson_place_of(line, member->place);
    buffer_hex(line->out, *epoch, 16);
}

static void write_gap_reason(struct ndjson_line *line, const struct ndjson_member *member)
{
    (void)member;
    struct muster_gap gap = tally_gap(line->record);
    tally_write_reason(line->out, &gap);
}

static void write_gap_stage(struct ndjson_line *line, const struct ndjson_member *member)
{
    (void)member;
    buffer_string(line->out, muster_stage_name(tally_gap(line->record).stage));
}

/* Members for the counts that are not 0. */
static void write_counts(struct buffer *out, const uint64_t *counts, unsigned count,
                         const char *(*name_of)(unsigned, struct tally_spare *))
{
    for (unsigned i = 0; i < count; i++) {
        if (counts[i] == 0)
            continue;
        struct tally_spare spare;
        json_key(out, name_of(i, &spare));
        json_number(out, counts[i]);
    }
    json_drop_comma(out);
}

static void write_counts_by_cause(struct ndjson_line *line, const struct ndjson_member *member)
{
    write_counts(line->out, ndjson_place_of(line, member->place), MUSTER_GAP_CAUSES, tally_cause_name);
}

static void write_counts_by_type(struct ndjson_line *line, const struct ndjson_member *member)
{
    write_counts(line->out, ndjson_place_of(line, member->place), MUSTER_GAP_TYPES, tally_type_name);
}

static void write_unavailable(struct ndjson_line *line, const struct ndjson_member *member)
{
    (void)member;
    for (unsigned field = 0; field < MUSTER_FIELD_COUNT; field++) {
        const char *name = muster_record_unavailable(line->record, field) ? muster_field_name(field) : NULL;
        if (name != NULL)
            (void)json_string(line->out, name, strlen(name), 0);
    }
    json_drop_comma(line->out);
}

static void write_truncated(struct ndjson_line *line, const struct ndjson_member *member)
{
    (void)member;
    struct muster_text text;
    for (uint32_t cursor = 0; muster_record_next_text(line->record, &cursor, &text);) {
        const char *name = muster_field_name(text.field);
        if (name == NULL || text.full_bytes <= text.size_bytes)
            continue;
        json_key(line->out, name);
        json_number(line->out, text.full_bytes);
    }
    json_drop_comma(line->out);
}

void ndjson_write_raw(struct ndjson_line *line, const char *from)
{
    ndjson_write_path(line->out, from, "muster.raw");
    buffer_byte(line->out, '{');
    struct muster_text text;
    for (uint32_t cursor = 0; muster_record_next_text(line->record, &cursor, &text);) {
        if (text.field >= MUSTER_FIELD_COUNT || (line->inexact & MUSTER_FIELD_BIT(text.field)) == 0)
            continue;
        buffer_byte(line->out, '"');
        buffer_string(line->out, muster_field_name(text.field));
        buffer_literal(line->out, "_b64\":\"");
        base64_append(line->out, text.bytes, text.size_bytes);
        buffer_literal(line->out, "\",");
    }
    json_drop_comma(line->out);
    buffer_byte(line->out, '}');
    ndjson_write_end(line->out, "muster.raw");
}

const struct ndjson_form ndjson_entity = {"\"", "\"", .put = put_entity};
const struct ndjson_form ndjson_name = {"\"", "\"", .write = write_name};
const struct ndjson_form ndjson_parent_name = {"\"", "\"", .write = write_parent_name};
const struct ndjson_form ndjson_joined_arguments = {"\"", "\"", .write = write_joined};
const struct ndjson_form ndjson_signal_code = {"", "", .write = write_signal_code};
const struct ndjson_form ndjson_epoch = {"\"", "\"", .write = write_epoch};
const struct ndjson_form ndjson_gap_reason = {"\"", "\"", .write = write_gap_reason};
const struct ndjson_form ndjson_gap_stage = {"\"", "\"", .write = write_gap_stage};
const struct ndjson_form ndjson_counts_by_cause = {"{", "}", .write = write_counts_by_cause};
const struct ndjson_form ndjson_counts_by_type = {"{", "}", .write = write_counts_by_type};
const struct ndjson_form ndjson_unavailable = {"[", "]", .write = write_unavailable};
const struct ndjson_form ndjson_truncated = {"{", "}", .write = write_truncated};
