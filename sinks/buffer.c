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

void two_digits(char *destination, unsigned value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    memcpy(destination, pairs + (size_t)value * 2, 2);
}

void buffer_decimal(struct buffer *buffer, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    while (value >= 10) {
        at -= 2;
        two_digits(digits + at, (unsigned)(value % 100));
        value /= 100;
    }
    /* Of an even number of digits the first pair may have left nothing to do. */
    if (value != 0 || at == sizeof(digits))
        digits[--at] = (char)('0' + value);
    buffer_append(buffer, digits + at, sizeof(digits) - at);
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
