/* SPDX-License-Identifier: Apache-2.0 */
/* buffer.h: growing, giving back, and the writing of numbers. */
#include "buffer.h"

#include <stdlib.h>

enum { BUFFER_FIRST_BYTES = 4096 };

bool buffer_grow(struct buffer *buffer, size_t more_bytes)
{
    size_t capacity = buffer->capacity_bytes == 0 ? (size_t)BUFFER_FIRST_BYTES : buffer->capacity_bytes;
    while (capacity - buffer->size_bytes < more_bytes && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    char *bytes = NULL;
    if (capacity - buffer->size_bytes >= more_bytes)
        bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL) {
        buffer->no_memory = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity_bytes = capacity;
    return true;
}

void buffer_shrink(struct buffer *buffer, size_t capacity_bytes)
{
    if (buffer->capacity_bytes <= capacity_bytes || buffer->size_bytes > capacity_bytes)
        return;
    char *bytes = realloc(buffer->bytes, capacity_bytes);
    if (bytes == NULL)
        return;
    buffer->bytes = bytes;
    buffer->capacity_bytes = capacity_bytes;
}

void buffer_deinit(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

void buffer_string(struct buffer *buffer, const char *string)
{
    buffer_append(buffer, string, strlen(string));
}

void buffer_spaces(struct buffer *buffer, size_t count)
{
    char *out = buffer_reserve(buffer, count);
    if (out == NULL)
        return;
    memset(out, ' ', count);
    buffer->size_bytes += count;
}

const char buffer_digit_pairs[201] = "00010203040506070809101112131415161718192021222324"
                                     "25262728293031323334353637383940414243444546474849"
                                     "50515253545556575859606162636465666768697071727374"
                                     "75767778798081828384858687888990919293949596979899";

/* Below 10^8. */
static void append_first_digits(struct buffer *buffer, uint32_t value)
{
    char *out = buffer_reserve(buffer, 8);
    if (out == NULL)
        return;
    const uint64_t digits = eight_digits(value);
    /* The last one is shown even if it is 0. */
    const unsigned zero_count = (unsigned)__builtin_ctzll(digits | 1ULL << 56) / 8;
    const uint64_t shown = (digits | DIGIT_ZEROS) >> (8 * zero_count);
    memcpy(out, &shown, 8);
    buffer->size_bytes += 8 - zero_count;
}

static void append_eight_digits(struct buffer *buffer, uint32_t value)
{
    char *out = buffer_reserve(buffer, 8);
    if (out == NULL)
        return;
    const uint64_t shown = eight_digits(value) | DIGIT_ZEROS;
    memcpy(out, &shown, 8);
    buffer->size_bytes += 8;
}

void buffer_decimal(struct buffer *buffer, uint64_t value)
{
    if (value < 100000000U) {
        append_first_digits(buffer, (uint32_t)value);
        return;
    }
    buffer_decimal(buffer, value / 100000000U);
    append_eight_digits(buffer, (uint32_t)(value % 100000000U));
}

void buffer_hex(struct buffer *buffer, uint64_t value, unsigned digit_count)
{
    char *out = buffer_reserve(buffer, digit_count);
    if (out == NULL)
        return;
    for (unsigned i = digit_count; i-- > 0; value >>= 4)
        out[i] = "0123456789abcdef"[value & 15];
    buffer->size_bytes += digit_count;
}
