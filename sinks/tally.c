/* SPDX-License-Identifier: Apache-2.0 */
/* tally.h. Gaps and status come seldom, so this is written to be plain and not to be fast. */
#include "tally.h"

#include <stdio.h>
#include <string.h>

#include "buffer.h"

static void copy_fixed(void *destination, size_t size_bytes, const struct muster_record *record)
{
    size_t there_bytes = record->fixed_bytes;
    memcpy(destination, record, there_bytes < size_bytes ? there_bytes : size_bytes);
}

struct muster_gap tally_gap(const struct muster_record *record)
{
    struct muster_gap gap = {0};
    copy_fixed(&gap, sizeof(gap), record);
    return gap;
}

struct muster_sensor_status tally_status(const struct muster_record *record)
{
    struct muster_sensor_status status = {0};
    copy_fixed(&status, sizeof(status), record);
    return status;
}

static const char *name_or_spare(const char *name, const char *kind, unsigned index, struct tally_spare *spare)
{
    if (name != NULL)
        return name;
    (void)snprintf(spare->name, sizeof(spare->name), "%s_%u", kind, index % 1000);
    return spare->name;
}

const char *tally_cause_name(unsigned index, struct tally_spare *spare)
{
    return name_or_spare(muster_cause_name(index), "cause", index, spare);
}

const char *tally_type_name(unsigned index, struct tally_spare *spare)
{
    return name_or_spare(muster_event_type_name(index + 1), "type", index + 1, spare);
}

static void write_counts(struct buffer *buffer, const uint64_t *counts, unsigned count,
                         const char *(*name_of)(unsigned, struct tally_spare *))
{
    const char *separator = "";
    for (unsigned i = 0; i < count; i++) {
        if (counts[i] == 0)
            continue;
        struct tally_spare spare;
        buffer_string(buffer, separator);
        buffer_string(buffer, name_of(i, &spare));
        buffer_byte(buffer, ' ');
        buffer_decimal(buffer, counts[i]);
        separator = ", ";
    }
}

void tally_write_causes(struct buffer *buffer, const uint64_t causes[MUSTER_GAP_CAUSES])
{
    write_counts(buffer, causes, MUSTER_GAP_CAUSES, tally_cause_name);
}

void tally_write_types(struct buffer *buffer, const uint64_t types[MUSTER_GAP_TYPES])
{
    write_counts(buffer, types, MUSTER_GAP_TYPES, tally_type_name);
}

void tally_write_lost(struct buffer *buffer, const struct muster_gap *gap)
{
    buffer_decimal(buffer, gap->count);
    buffer_string(buffer, gap->count == 1 ? " event" : " events");
    size_t begin_bytes = buffer->size_bytes;
    buffer_literal(buffer, " (");
    size_t content_bytes = buffer->size_bytes;
    tally_write_types(buffer, gap->types);
    if (buffer->size_bytes == content_bytes)
        buffer->size_bytes = begin_bytes;
    else
        buffer_byte(buffer, ')');
}

void tally_write_reason(struct buffer *buffer, const struct muster_gap *gap)
{
    tally_write_lost(buffer, gap);
    buffer_literal(buffer, " lost");
    const char *stage = muster_stage_name(gap->stage);
    if (stage != NULL) {
        buffer_literal(buffer, " in ");
        buffer_string(buffer, stage);
    }
    buffer_literal(buffer, ": ");
    tally_write_causes(buffer, gap->causes);
}
