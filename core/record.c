/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making records, and finding the texts of valid ones. Keeps no state; called by the queue under
 * its lock, by sensors and sinks without one. A builder that grows its own buffer was rejected: the
 * queue knows the size first and then writes once, at the final place.
 */
#include "muster/record.h"

#include "platform/platform.h"

#define TEXT_FIELDS (~0ULL << MUSTER_FIELD_FIRST_TEXT)

static size_t padded(size_t bytes)
{
    return (bytes + MUSTER_RECORD_ALIGNMENT - 1) & ~(size_t)(MUSTER_RECORD_ALIGNMENT - 1);
}

struct muster_text muster_text_whole(enum muster_field field, const char *bytes, uint32_t size_bytes)
{
    return (struct muster_text){
        .field = (uint16_t)field,
        .bytes = bytes,
        .size_bytes = size_bytes,
        .head_bytes = size_bytes,
        .full_bytes = size_bytes,
    };
}

/* What stands before the new texts. */
static size_t size_of_base(const struct muster_record *fixed)
{
    return fixed->text_count == 0 ? fixed->fixed_bytes : fixed->size_bytes;
}

size_t muster_record_size(const struct muster_record *fixed, const struct muster_text *texts, size_t text_count)
{
    size_t size = size_of_base(fixed);

    for (size_t i = 0; i < text_count && size <= MUSTER_RECORD_MAX_BYTES; i++) {
        if (texts[i].size_bytes > MUSTER_RECORD_MAX_BYTES)
            return 0;
        size += sizeof(struct muster_text_header) + padded(texts[i].size_bytes);
    }
    return size <= MUSTER_RECORD_MAX_BYTES ? size : 0;
}

static unsigned char *encode_text(unsigned char *at, const struct muster_text *text)
{
    const struct muster_text_header header = {
        .field = text->field,
        .size_bytes = text->size_bytes,
        .head_bytes = text->head_bytes,
        .full_bytes = text->full_bytes,
    };
    const size_t end = padded(text->size_bytes);

    muster_copy(at, &header, sizeof header);
    at += sizeof header;
    if (text->size_bytes != 0)
        muster_copy(at, text->bytes, text->size_bytes);
    muster_clear(at + text->size_bytes, end - text->size_bytes);
    return at + end;
}

void muster_record_encode(void *destination, const struct muster_record *fixed, const struct muster_text *texts,
                          size_t text_count)
{
    struct muster_record *record = destination;
    const size_t base = size_of_base(fixed);
    unsigned char *at = (unsigned char *)destination + base;
    /* A bit of a text that is not there would be a promise that a reader cannot check cheaply. */
    uint64_t valid = fixed->text_count == 0 ? fixed->valid & ~TEXT_FIELDS : fixed->valid;

    muster_copy(destination, fixed, base);
    for (size_t i = 0; i < text_count; i++) {
        at = encode_text(at, &texts[i]);
        valid |= MUSTER_FIELD_BIT(texts[i].field & 63U);
    }
    record->size_bytes = (uint32_t)(at - (unsigned char *)destination);
    record->version = MUSTER_RECORD_VERSION;
    record->text_count = (uint16_t)(fixed->text_count + text_count);
    record->valid = valid;
    record->unavailable &= ~valid;
}

bool muster_record_next_text(const struct muster_record *record, uint32_t *cursor, struct muster_text *ret_text)
{
    const uint32_t at = *cursor == 0 ? record->fixed_bytes : *cursor;
    struct muster_text_header header;

    if (at >= record->size_bytes)
        return false;
    const char *place = (const char *)record + at;
    muster_copy(&header, place, sizeof header);
    *ret_text = (struct muster_text){
        .field = header.field,
        .bytes = place + sizeof header,
        .size_bytes = header.size_bytes,
        .head_bytes = header.head_bytes,
        .full_bytes = header.full_bytes,
    };
    *cursor = (uint32_t)(at + sizeof header + padded(header.size_bytes));
    return true;
}

bool muster_record_text(const struct muster_record *record, enum muster_field field, struct muster_text *ret_text)
{
    struct muster_text text;
    uint32_t cursor = 0;

    if ((unsigned)field < MUSTER_FIELD_FIRST_TEXT || !muster_record_has(record, field))
        return false;
    while (muster_record_next_text(record, &cursor, &text)) {
        if (text.field == (unsigned)field) {
            *ret_text = text;
            return true;
        }
    }
    return false;
}
