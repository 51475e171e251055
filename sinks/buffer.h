/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing run of bytes that text is built up in. Every append makes its own room, so no caller
 * has to foresee how long a line of hostile text gets; the alternative, one bound computed for the
 * whole record, is a few per cent faster and a heap overflow on the first mistake in it. (What is never long, numbers
 * and times, NDJSON writes into room of a fixed size that it makes for each.)
 *
 * An append for which there is no memory sets `no_memory`, and so it stays: appends do nothing from
 * then on, and the owner looks once, at the end of the line.
 */
#ifndef MUSTER_SINKS_BUFFER_H
#define MUSTER_SINKS_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
    char *bytes;
    size_t size_bytes;
    size_t capacity_bytes;
    bool no_memory;
};

/* Makes room for `more_bytes` behind the content. False, and no_memory set, where there is none. */
bool buffer_grow(struct buffer *buffer, size_t more_bytes);

/* Gives memory back until no more than `capacity_bytes`, or the content, is held. */
void buffer_shrink(struct buffer *buffer, size_t capacity_bytes);

void buffer_deinit(struct buffer *buffer);

/* Where the next `room_bytes` go; NULL where there is no memory, or nothing to go there. The caller
 * adds what it wrote to size_bytes. */
static inline char *buffer_reserve(struct buffer *buffer, size_t room_bytes)
{
    if (room_bytes == 0 || buffer->no_memory ||
        (buffer->capacity_bytes - buffer->size_bytes < room_bytes && !buffer_grow(buffer, room_bytes)))
        return NULL;
    return buffer->bytes + buffer->size_bytes;
}

static inline void buffer_append(struct buffer *buffer, const char *bytes, size_t size_bytes)
{
    char *out = buffer_reserve(buffer, size_bytes);
    if (out == NULL)
        return;
    memcpy(out, bytes, size_bytes);
    buffer->size_bytes += size_bytes;
}

/* A string literal: its length is known to the compiler, which makes a few stores of it. */
#define buffer_literal(buffer, literal) buffer_append((buffer), "" literal, sizeof(literal) - 1)

enum { BUFFER_STEP_BYTES = 32 };

/* Copies what is mostly short, without a call: BUFFER_STEP_BYTES are read and written even where it is shorter. */
static inline void buffer_copy_padded(char *out, const char *bytes, size_t size_bytes)
{
    memcpy(out, bytes, BUFFER_STEP_BYTES);
    if (size_bytes > BUFFER_STEP_BYTES)
        memcpy(out + BUFFER_STEP_BYTES, bytes + BUFFER_STEP_BYTES, size_bytes - BUFFER_STEP_BYTES);
}

static inline void buffer_byte(struct buffer *buffer, char byte)
{
    char *out = buffer_reserve(buffer, 1);
    if (out == NULL)
        return;
    *out = byte;
    buffer->size_bytes++;
}

void buffer_string(struct buffer *buffer, const char *string);
void buffer_spaces(struct buffer *buffer, size_t count);
void buffer_decimal(struct buffer *buffer, uint64_t value);

/* Lower-case digits, as many as asked for, the highest first. */
void buffer_hex(struct buffer *buffer, uint64_t value, unsigned digit_count);

#endif
