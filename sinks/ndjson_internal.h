/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the NDJSON sink share: the sink, and the line that is being written. */
#ifndef MUSTER_SINKS_NDJSON_INTERNAL_H
#define MUSTER_SINKS_NDJSON_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "entity.h"
#include "json.h"
#include "sink_internal.h"
#include "timestamp.h"

enum { TEXT_COUNT = MUSTER_FIELD_COUNT - MUSTER_FIELD_FIRST_TEXT };

/* A piece of ndjson_sink.constants. */
struct constant_part {
    size_t offset_bytes;
    size_t size_bytes;
};

struct ndjson_sink {
    struct muster_sink sink; /* first */
    struct timestamp_day day;
    struct buffer constants;                                /* what is the same on every line, made once */
    struct constant_part head[MUSTER_EVENT_TYPE_COUNT + 1]; /* by type: from the time to the code */
    struct constant_part source;                            /* the end of the event object's fixed members */
    struct constant_part host;
    struct constant_part agent;
    struct entity_cache entities;
};

struct ndjson_line {
    struct ndjson_sink *ndjson;
    struct buffer *out;
    const struct muster_record *record;
    uint64_t present;                     /* a bit for each text in `texts` */
    uint64_t inexact;                     /* of those, which the line does not show byte for byte */
    struct muster_text texts[TEXT_COUNT]; /* by field - MUSTER_FIELD_FIRST_TEXT */
    unsigned json_flags;
};

/* NULL where the record does not have it. */
static inline const struct muster_text *line_text(const struct ndjson_line *line, enum muster_field field)
{
    return (line->present & MUSTER_FIELD_BIT(field)) != 0 ? &line->texts[field - MUSTER_FIELD_FIRST_TEXT] : NULL;
}

/* A time on the stream's clock, as a string and its comma. */
void ndjson_write_time(struct ndjson_line *line, uint64_t time_ns);

/* Writes a text as a string and its comma: of one that was cut, the head, or the tail if there is no
 * head. Notes in `inexact` what is lost by that. */
void ndjson_write_text(struct ndjson_line *line, const struct muster_text *text);

/* "entity_id" of a process, where the boot is known. */
void ndjson_write_entity(struct ndjson_line *line, uint32_t pid, uint64_t start_ns);

/* "process":{...} and "user":{...} of a process event. */
void ndjson_write_process(struct ndjson_line *line);

/* "muster":{...}: after all texts have been written. */
void ndjson_write_muster(struct ndjson_line *line);

#endif
