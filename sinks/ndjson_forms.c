/* SPDX-License-Identifier: Apache-2.0 */
/* The NDJSON sink: values by their form, as fields.h has it. */
#include "arguments.h"
#include "capability_names.h"
#include "digits.h"
#include "ndjson_internal.h"

/* Their widths are as many as the record has. */
static uint64_t value_of(const struct ndjson_line *line, const struct ndjson_member *member)
{
    const void *place = ndjson_place_of(line, member->place);
    switch (member->width) {
    case 8:
        return *(const uint64_t *)place;
    case 4:
        return *(const uint32_t *)place;
    case 2:
        return *(const uint16_t *)place;
    default:
        return *(const uint8_t *)place;
    }
}

static char *put_number(char *out, struct ndjson_line *line, const struct ndjson_member *member)
{
    return decimal_put(out, value_of(line, member));
}

static void write_flag(struct ndjson_line *line, const struct ndjson_member *member)
{
    if (value_of(line, member) != 0)
        buffer_literal(line->out, "true");
    else
        buffer_literal(line->out, "false");
}

static char *put_time(char *out, struct ndjson_line *line, const struct ndjson_member *member)
{
    const uint64_t time_ns = timestamp_since_1970(line->ndjson->sink.stream, value_of(line, member));
    timestamp_utc(out, &line->ndjson->times, time_ns);
    return out + TIMESTAMP_UTC_BYTES;
}

static char *put_wall_time(char *out, struct ndjson_line *line, const struct ndjson_member *member)
{
    timestamp_utc(out, &line->ndjson->times, value_of(line, member));
    return out + TIMESTAMP_UTC_BYTES;
}

/* As short as it can be, as the system's own tools write it. */
static void write_shortest_hex(struct buffer *out, uint64_t value)
{
    unsigned digit_count = 1;
    while (digit_count < 16 && value >> (4 * digit_count) != 0)
        digit_count++;
    buffer_literal(out, "0x");
    buffer_hex(out, value, digit_count);
}

static void write_hex(struct ndjson_line *line, const struct ndjson_member *member)
{
    write_shortest_hex(line->out, value_of(line, member));
}

enum { MINOR_BITS = 20 };

static char *put_device(char *out, struct ndjson_line *line, const struct ndjson_member *member)
{
    const uint64_t device = value_of(line, member);
    out = decimal_put(out, device >> MINOR_BITS);
    *out++ = ':';
    return decimal_put(out, device & ((1U << MINOR_BITS) - 1));
}

#define TERMINAL_BETWEEN ",\"minor\":"

static char *put_terminal(char *out, struct ndjson_line *line, const struct ndjson_member *member)
{
    const uint64_t device = value_of(line, member);
    out = decimal_put(out, device >> MINOR_BITS);
    memcpy(out, TERMINAL_BETWEEN, sizeof(TERMINAL_BETWEEN) - 1);
    return decimal_put(out + sizeof(TERMINAL_BETWEEN) - 1, device & ((1U << MINOR_BITS) - 1));
}

static void write_capability_names(struct buffer *out, uint64_t set)
{
    for (unsigned number = 0; set != 0; number++, set >>= 1) {
        if ((set & 1) == 0)
            continue;
        buffer_literal(out, "\"CAP_");
        const char *name = capability_name(number);
        if (name != NULL)
            buffer_string(out, name);
        else
            buffer_decimal(out, number);
        buffer_literal(out, "\",");
    }
    json_drop_comma(out);
}

/* There are few sets on a machine, and one of them is all that there are. */
static void write_capabilities(struct ndjson_line *line, const struct ndjson_member *member)
{
    const uint64_t set = value_of(line, member);
    struct ndjson_capability_set *known =
        &line->ndjson->capability_sets[set * 0x9e3779b97f4a7c15ULL >> 62 & (NDJSON_CAPABILITY_SETS - 1)];
    if (set == 0)
        return;
    if (known->set != set) {
        known->set = set;
        known->names.size_bytes = 0;
        write_capability_names(&known->names, set);
    }
    line->out->no_memory = line->out->no_memory || known->names.no_memory;
    buffer_append(line->out, known->names.bytes, known->names.size_bytes);
}

static void write_image(struct ndjson_line *line, const struct ndjson_member *member)
{
    static const struct {
        uint32_t bit;
        const char *element;
    } names[] = {
        {MUSTER_IMAGE_DELETED, "\"deleted\","},         {MUSTER_IMAGE_MEMFD, "\"memfd\","},
        {MUSTER_IMAGE_SETUID, "\"setuid\","},           {MUSTER_IMAGE_SETGID, "\"setgid\","},
        {MUSTER_IMAGE_OPENED_NAME, "\"opened_name\","},
    };
    const uint64_t flags = value_of(line, member);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if ((flags & names[i].bit) != 0)
            buffer_string(line->out, names[i].element);
    json_drop_comma(line->out);
}

/* winnt.h, SECURITY_MANDATORY_*_RID. */
static const char *integrity_name(uint64_t rid)
{
    switch (rid) {
    case 0x0000:
        return "untrusted";
    case 0x1000:
        return "low";
    case 0x2000:
        return "medium";
    case 0x2100:
        return "medium_plus";
    case 0x3000:
        return "high";
    case 0x4000:
        return "system";
    case 0x5000:
        return "protected";
    default:
        return NULL;
    }
}

static void write_integrity(struct ndjson_line *line, const struct ndjson_member *member)
{
    const uint64_t rid = value_of(line, member);
    const char *name = integrity_name(rid);
    if (name != NULL)
        buffer_string(line->out, name);
    else
        write_shortest_hex(line->out, rid);
}

/* Of one that was cut, the head, or the tail if there is no head. */
static void write_text(struct ndjson_line *line, const struct ndjson_member *member)
{
    const struct muster_text *text = ndjson_text_of(line, member->place);
    bool is_cut = text->full_bytes > text->size_bytes;
    size_t shown_bytes = is_cut && text->head_bytes > 0 ? text->head_bytes : text->size_bytes;
    bool is_exact = json_text(line->out, text->bytes, shown_bytes, line->json_flags);
    if (!is_exact || shown_bytes != text->size_bytes)
        line->inexact |= MUSTER_FIELD_BIT(text->field);
}

/* Of a text that was cut, the whole ones. */
static void write_arguments(struct ndjson_line *line, const struct ndjson_member *member)
{
    struct arguments arguments = arguments_whole(ndjson_text_of(line, member->place));
    bool is_exact = true;
    const char *bytes;
    size_t size_bytes;
    while (arguments_next(&arguments, &bytes, &size_bytes))
        is_exact = json_string(line->out, bytes, size_bytes, line->json_flags) && is_exact;
    json_drop_comma(line->out);
    if (!is_exact || arguments.left_out)
        line->inexact |= MUSTER_FIELD_BIT(member->place);
}

MUSTER_STATIC_ASSERT((size_t)TIMESTAMP_UTC_BYTES <= NDJSON_PUT_ROOM_BYTES, "there is room for a time");
MUSTER_STATIC_ASSERT((size_t)ENTITY_DIGITS <= NDJSON_PUT_ROOM_BYTES, "likewise");
MUSTER_STATIC_ASSERT(2 * DECIMAL_ROOM_BYTES + sizeof(TERMINAL_BETWEEN) <= NDJSON_PUT_ROOM_BYTES, "likewise");

const struct ndjson_form ndjson_forms[FORM_COUNT] = {
    [FORM_NUMBER] = {"", "", .put = put_number},
    [FORM_ID] = {"\"", "\"", .put = put_number},
    [FORM_FLAG] = {"", "", .write = write_flag},
    [FORM_TIME] = {"\"", "\"", .put = put_time},
    [FORM_WALL_TIME] = {"\"", "\"", .put = put_wall_time},
    [FORM_HEX] = {"\"", "\"", .write = write_hex},
    [FORM_DEVICE] = {"\"", "\"", .put = put_device},
    [FORM_TTY] = {"{\"major\":", "}", .put = put_terminal},
    [FORM_CAPABILITIES] = {"[", "]", .write = write_capabilities},
    [FORM_IMAGE] = {"[", "]", .write = write_image},
    [FORM_INTEGRITY] = {"\"", "\"", .write = write_integrity},
    [FORM_TEXT] = {"\"", "\"", .write = write_text},
    [FORM_ARGUMENTS] = {"[", "]", .write = write_arguments},
};
