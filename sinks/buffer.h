/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing run of bytes that text is built up in. Every append makes its own room, so no caller
 * has to foresee how long a line of hostile text gets; the alternative, one bound computed for the
 * whole record, is a few per cent faster and a heap overflow on the first mistake in it.
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

/* For bytes that are few and can be read up to the next multiple of BUFFER_STEP_BYTES: no call, and mostly one step. */
static inline void buffer_append_padded(struct buffer *buffer, const char *bytes, size_t size_bytes)
{
    char *out = buffer_reserve(buffer, size_bytes + BUFFER_STEP_BYTES);
    if (out == NULL)
        return;
    for (size_t done = 0; done < size_bytes; done += BUFFER_STEP_BYTES)
        memcpy(out + done, bytes + done, BUFFER_STEP_BYTES);
    buffer->size_bytes += size_bytes;
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

/*
 * The eight digits of a value below 10^8, a byte each and the first one lowest; DIGIT_ZEROS makes characters of them.
 * All at once: first the two halves, then of both the hundreds, then of all four the tens.
 */
#define DIGIT_ZEROS 0x3030303030303030ULL

static inline uint64_t eight_digits(uint32_t value)
{
    uint64_t digits = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t higher = digits * 10486 >> 20 & 0x0000007f0000007fULL;
    digits = higher | (digits - higher * 100) << 16;
    higher = digits * 103 >> 10 & 0x000f000f000f000fULL;
    return higher | (digits - higher * 10) << 8;
}

/* "000102", up to 99. */
extern const char buffer_digit_pairs[201];

/* Writes two decimal digits of a value below 100. */
static inline void two_digits(char *destination, unsigned value)
{
    memcpy(destination, buffer_digit_pairs + (size_t)value * 2, 2);
}

#endif
