/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the NDJSON sink share. A line is a list of members with dotted names. Which ones it has, depends on
 * the record's type, the fields that are there, and a few traits; lines that agree in those have the same shape, and
 * differ in nothing but values.
 *
 *     ndjson.c          the sink: one line after the other
 *     ndjson_members.c  which members there are, in their order
 *     ndjson_shape.c    what stands between the values of a shape, made once
 *     ndjson_forms.c    values by their form (fields.h)
 *     ndjson_parts.c    values that are made of more than one field
 *     ndjson_fixed.c    values that are the same on every line of a type
 */
#ifndef MUSTER_SINKS_NDJSON_INTERNAL_H
#define MUSTER_SINKS_NDJSON_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "entity.h"
#include "json.h"
#include "sink_internal.h"
#include "timestamp.h"

struct ndjson_line;
struct ndjson_member;
struct ndjson_sink;

enum {
    TEXT_COUNT = MUSTER_FIELD_COUNT - MUSTER_FIELD_FIRST_TEXT,
    NDJSON_MEMBERS_MAX = 192,
    NDJSON_PUT_ROOM_BYTES = 64,
    NDJSON_SHAPES = 64,
    NDJSON_CAPABILITY_SETS = 4,
};

/* What of a line no field's bit tells. */
enum ndjson_trait {
    TRAIT_NUMBERED = 1,
    TRAIT_ENTITY = 2, /* the stream names its boot */
    TRAIT_NAME = 4,   /* the executable's path shows its last component */
    TRAIT_PARENT_NAME = 8,
    TRAIT_ARGUMENTS = 16, /* one of them is whole */
    TRAIT_SKELETON = 32,
    TRAIT_SYNTHETIC = 64,
    TRAIT_UNAVAILABLE = 128,
    TRAIT_TRUNCATED = 256,
    TRAIT_GAP_START = 512,
    TRAIT_GAP_END = 1024,
    TRAIT_STAGE = 2048, /* of the gap, and it has a name */
    TRAIT_SEEN = 4096,  /* not concluded */
};

/* Appends a value to the line's `out`. */
typedef void ndjson_write_function(struct ndjson_line *line, const struct ndjson_member *member);

/* Writes a value that is never long to `out`, where there is room for NDJSON_PUT_ROOM_BYTES. Returns where it ends. */
typedef char *ndjson_put_function(char *out, struct ndjson_line *line, const struct ndjson_member *member);

/* How a value is written: `open`, what one of the others writes, `close`. */
struct ndjson_form {
    const char *open;
    const char *close;
    ndjson_put_function *put;
    ndjson_write_function *write;
    /* The inside of a string that is the same on all lines of a type. NULL where there is none. */
    const char *(*fixed)(const struct ndjson_sink *ndjson, unsigned type, const struct ndjson_member *member);
};

struct ndjson_member {
    const char *name;               /* dotted: objects, and the key */
    const struct ndjson_form *form; /* NULL: the rows of fields.h that have `fields` */
    uint64_t fields;                /* that all have to be there */
    uint32_t traits;                /* likewise, enum ndjson_trait */
    uint32_t types;                 /* a bit for each type of event that may have it; 0: all */
    const char *word;               /* of a form that wants one */
    uint16_t place;                 /* where the form finds the value: offset in the record, or number of the text */
    uint16_t second_place;
    uint8_t width;
    uint8_t successor; /* the next member that has this name, which stands for this one where it is there; 0: none */
};

/* Between values: all that stands in front of one. */
struct ndjson_piece {
    ndjson_put_function *put; /* or NULL: */
    ndjson_write_function *write;
    const struct ndjson_member *member;
    uint32_t literal_at;
    uint32_t literal_bytes;
};

struct ndjson_shape {
    uint64_t fields;
    uint32_t traits;
    uint16_t type; /* 0: free */
    uint16_t piece_count;
    struct ndjson_piece *pieces;
    struct buffer literals;
    uint32_t end_at;     /* of the literal behind the last value */
    uint32_t rest_bytes; /* of it, up to the end of the last member */
    uint32_t end_bytes;  /* all of it: what closes the line, too */
    const char *last_name;
};

struct ndjson_capability_set {
    uint64_t set;
    struct buffer names; /* none yet where it holds nothing */
};

struct ndjson_sink {
    struct muster_sink sink; /* first */
    struct timestamp_cache times;
    char boot_id[37];
    char epoch[17];
    uint32_t stream_traits;
    uint16_t member_count;
    struct ndjson_member members[NDJSON_MEMBERS_MAX];
    struct ndjson_shape shapes[NDJSON_SHAPES];
    unsigned next_victim;
    struct ndjson_capability_set capability_sets[NDJSON_CAPABILITY_SETS];
    struct entity_cache entities;
};

/* Bytes in a text of the record. */
struct ndjson_span {
    const char *bytes;
    size_t size_bytes;
};

struct ndjson_line {
    struct ndjson_sink *ndjson;
    struct buffer *out;
    const struct muster_record *record;
    uint64_t fields;  /* that it shows */
    uint64_t inexact; /* of those, which it does not show byte for byte */
    uint32_t traits;
    unsigned json_flags;
    struct ndjson_span name;
    struct ndjson_span parent_name;
    struct muster_text texts[TEXT_COUNT]; /* by field - MUSTER_FIELD_FIRST_TEXT, where `fields` has its bit */
};

static inline const struct muster_text *ndjson_text_of(const struct ndjson_line *line, unsigned field)
{
    return &line->texts[field - MUSTER_FIELD_FIRST_TEXT];
}

/* Where a scalar stands. */
static inline const void *ndjson_place_of(const struct ndjson_line *line, unsigned place)
{
    return (const char *)line->record + place;
}

/* Makes boot_id and epoch. */
void ndjson_fixed_init(struct ndjson_sink *ndjson);

/* Makes members. */
void ndjson_members_init(struct ndjson_sink *ndjson);

/* The line's shape, which it may make anew; NULL where there is no memory. Until the next call. */
const struct ndjson_shape *ndjson_shape_of(struct ndjson_sink *ndjson, const struct ndjson_line *line);
void ndjson_shapes_deinit(struct ndjson_sink *ndjson);

/* Of two names, how many bytes of objects they share: 8 of "process.pid" and "process.parent.pid". */
size_t ndjson_shared_bytes(const char *left, const char *right);

/* What stands between the value of member `from` (NULL: the line begins) and that of `to`. */
void ndjson_write_path(struct buffer *out, const char *from, const char *to);

/* Closes the objects that the member `from` stands in, the line's own too, and ends the line. */
void ndjson_write_end(struct buffer *out, const char *from);

/* "muster":{"raw":{...}} and the end of the line, behind the member `from`. */
void ndjson_write_raw(struct ndjson_line *line, const char *from);

/* ---- forms ------------------------------------------------------------------------------------------ */

/* Named as in fields.h. */
enum ndjson_form_number {
    FORM_NUMBER,
    FORM_ID,
    FORM_FLAG,
    FORM_TIME,
    FORM_WALL_TIME,
    FORM_HEX,
    FORM_DEVICE,
    FORM_TTY,
    FORM_CAPABILITIES,
    FORM_IMAGE,
    FORM_INTEGRITY,
    FORM_TEXT,
    FORM_ARGUMENTS,
    FORM_COUNT,
};

extern const struct ndjson_form ndjson_forms[FORM_COUNT];

/* Of a process: `place` is its pid's, `second_place` that of its start. */
extern const struct ndjson_form ndjson_entity;
extern const struct ndjson_form ndjson_name;
extern const struct ndjson_form ndjson_parent_name;
extern const struct ndjson_form ndjson_joined_arguments;
extern const struct ndjson_form ndjson_signal_code; /* 128 + the signal */
extern const struct ndjson_form ndjson_epoch;
extern const struct ndjson_form ndjson_gap_reason;
extern const struct ndjson_form ndjson_gap_stage;
extern const struct ndjson_form ndjson_counts_by_cause; /* `place`: of the first count */
extern const struct ndjson_form ndjson_counts_by_type;
extern const struct ndjson_form ndjson_unavailable;
extern const struct ndjson_form ndjson_truncated;

extern const struct ndjson_form ndjson_word;        /* `word` */
extern const struct ndjson_form ndjson_bare_word;   /* likewise, without quotes */
extern const struct ndjson_form ndjson_stream_word; /* `place`: of the string in struct muster_stream */
extern const struct ndjson_form ndjson_event_word;  /* `place`: in struct ndjson_event */
extern const struct ndjson_form ndjson_event_words; /* likewise, as an array of one */
extern const struct ndjson_form ndjson_event_action;
extern const struct ndjson_form ndjson_boot_id;
extern const struct ndjson_form ndjson_stream_epoch;

/* What ECS says of a type of event. */
struct ndjson_event {
    const char *kind;
    const char *category;
    const char *type;
    const char *code; /* NULL: none */
};

#endif
