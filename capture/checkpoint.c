/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.h, and the writing of checkpoints. What the stream is stands as texts with a number each behind the fixed
 * part, so that a later version may add some, and an earlier one steps over them. */
#include "checkpoint.h"

#include <string.h>

struct text_header {
    uint32_t name; /* a line of `texts`, from 1 */
    uint32_t size_bytes;
};

/* Where a text stands in a stream and in a description. */
static const struct {
    size_t in_stream, in_description;
} texts[] = {
#define TEXT(member)                                                                                                   \
    {                                                                                                                  \
        offsetof(struct muster_stream, member), offsetof(struct muster_capture_description, member)                    \
    }
    TEXT(provider), TEXT(os_type), TEXT(os_kernel), TEXT(host_name), TEXT(host_id), TEXT(version),
};

#define TEXT_COUNT (sizeof(texts) / sizeof(*texts))

static const char *text_of(const struct muster_stream *stream, size_t index)
{
    const char *text;

    memcpy(&text, (const char *)stream + texts[index].in_stream, sizeof(text));
    return text;
}

static size_t text_length(const char *text)
{
    size_t length = text ? strlen(text) : 0;

    return length < MUSTER_CAPTURE_TEXT_MAX_BYTES ? length : MUSTER_CAPTURE_TEXT_MAX_BYTES;
}

static size_t padded(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

size_t muster_capture_checkpoint_bytes(const struct muster_stream *stream)
{
    size_t bytes = sizeof(struct muster_capture_checkpoint);

    for (size_t i = 0; i < TEXT_COUNT; i++) {
        size_t length = text_length(text_of(stream, i));

        bytes += length ? sizeof(struct text_header) + padded(length) : 0;
    }
    return bytes;
}

void muster_capture_checkpoint_encode(const struct muster_capture_writer *writer, const struct muster_stream *stream,
                                      void *payload)
{
    struct muster_capture_checkpoint fixed = {
        .fixed_bytes = sizeof(fixed),
        .flags = stream->boot_id_valid ? MUSTER_CAPTURE_HAS_BOOT_ID : 0,
        .epoch = stream->epoch,
        .tick_ns = stream->tick_ns,
        .first_sequence = writer->first_sequence,
        .last_sequence = writer->last_sequence,
    };
    unsigned char *at = payload;

    if (stream->boot_id_valid)
        memcpy(fixed.boot_id, stream->boot_id, sizeof(fixed.boot_id));
    memcpy(fixed.lost, writer->lost, sizeof(fixed.lost));
    memcpy(at, &fixed, sizeof(fixed));
    at += sizeof(fixed);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        const char *text = text_of(stream, i);
        struct text_header header = {(uint32_t)i + 1, (uint32_t)text_length(text)};

        if (header.size_bytes == 0)
            continue;
        memcpy(at, &header, sizeof(header));
        memset(at + sizeof(header), 0, padded(header.size_bytes));
        memcpy(at + sizeof(header), text, header.size_bytes);
        at += sizeof(header) + padded(header.size_bytes);
    }
}

/* One that has a NUL in it would be another text as a string. */
static bool text_take(const struct text_header *header, const unsigned char *bytes,
                      struct muster_capture_description *description)
{
    char *to;

    if (header->name == 0 || header->name > TEXT_COUNT)
        return true;
    if (header->size_bytes == 0 || header->size_bytes > MUSTER_CAPTURE_TEXT_MAX_BYTES ||
        memchr(bytes, 0, header->size_bytes))
        return false;
    to = (char *)description + texts[header->name - 1].in_description;
    memcpy(to, bytes, header->size_bytes);
    to[header->size_bytes] = '\0';
    return true;
}

static bool texts_take(const unsigned char *at, size_t left_bytes, struct muster_capture_description *description)
{
    struct text_header header;

    while (left_bytes >= sizeof(header)) {
        memcpy(&header, at, sizeof(header));
        left_bytes -= sizeof(header);
        at += sizeof(header);
        if (header.size_bytes > left_bytes || !text_take(&header, at, description))
            return false;
        left_bytes -= padded(header.size_bytes); /* what is left is a multiple of 8 */
        at += padded(header.size_bytes);
    }
    return left_bytes == 0;
}

bool checkpoint_decode(const unsigned char *payload, size_t payload_bytes,
                       struct muster_capture_checkpoint *ret_checkpoint,
                       struct muster_capture_description *ret_description)
{
    struct muster_capture_checkpoint fixed;
    struct muster_capture_description description = {0};

    if (payload_bytes < sizeof(fixed))
        return false;
    memcpy(&fixed, payload, sizeof(fixed));
    if (fixed.fixed_bytes < sizeof(fixed) || fixed.fixed_bytes > payload_bytes || fixed.fixed_bytes % 8 != 0)
        return false;
    description.epoch = fixed.epoch;
    description.tick_ns = fixed.tick_ns;
    description.boot_id_valid = (fixed.flags & MUSTER_CAPTURE_HAS_BOOT_ID) != 0;
    if (description.boot_id_valid)
        memcpy(description.boot_id, fixed.boot_id, sizeof(description.boot_id));
    if (!texts_take(payload + fixed.fixed_bytes, payload_bytes - fixed.fixed_bytes, &description))
        return false;
    *ret_checkpoint = fixed;
    *ret_description = description;
    return true;
}

void muster_capture_stream(const struct muster_capture_description *description, struct muster_stream *ret_stream)
{
    *ret_stream = (struct muster_stream){
        .epoch = description->epoch,
        .boot_id_valid = description->boot_id_valid,
        .tick_ns = description->tick_ns,
    };
    memcpy(ret_stream->boot_id, description->boot_id, sizeof(ret_stream->boot_id));
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        const char *text = (const char *)description + texts[i].in_description;

        if (text[0])
            memcpy((char *)ret_stream + texts[i].in_stream, &text, sizeof(text));
    }
}
