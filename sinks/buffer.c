/* SPDX-License-Identifier: Apache-2.0 */
/* buffer.h: growing, giving back, and the writing of numbers. */
#include "buffer.h"

#include <stdlib.h>

#include "digits.h"

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

void buffer_decimal(struct buffer *buffer, uint64_t value)
{
    char *out = buffer_reserve(buffer, DECIMAL_ROOM_BYTES);
    if (out != NULL)
        buffer->size_bytes += (size_t)(decimal_put(out, value) - out);
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
