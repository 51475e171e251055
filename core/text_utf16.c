/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-16 and WTF-8; see text_utf16.h. The driver's callback calls this for each path and command
 * line, the agent for what it gives to a console.
 *
 * Sizing is converting into no buffer: one walk for both, so that they cannot disagree. A number is
 * read first and then judged by its length and range. sinks/unicode.c has the ranges by lead byte,
 * since it must also say how much of a bad text is bad; here a bad text is refused as a whole.
 */
#include "muster/text_utf16.h"

#include <stdbool.h>

#define HIGH_FIRST     0xd800U
#define LOW_FIRST      0xdc00U
#define SURROGATE_LAST 0xdfffU
#define PAIR_FIRST     0x10000U
#define CODE_LAST      0x10ffffU

static bool is_high(uint32_t code)
{
    return code >= HIGH_FIRST && code < LOW_FIRST;
}

static bool is_low(uint32_t code)
{
    return code >= LOW_FIRST && code <= SURROGATE_LAST;
}

/* ---- UTF-16 to WTF-8 --------------------------------------------------------------------------- */

/* The character that begins at `units`, of which there is one at least; *ret_count is 1 or 2. */
static uint32_t utf16_read(const uint16_t *units, size_t left_count, size_t *ret_count)
{
    const uint32_t first = units[0];

    *ret_count = 1;
    if (!is_high(first) || left_count < 2 || !is_low(units[1]))
        return first;
    *ret_count = 2;
    return PAIR_FIRST + ((first - HIGH_FIRST) << 10) + (units[1] - LOW_FIRST);
}

static size_t wtf8_length(uint32_t code)
{
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < PAIR_FIRST ? 3 : 4;
}

static void wtf8_write(char *to, uint32_t code, size_t length)
{
    static const unsigned char lead_marks[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = length; i-- > 1; code >>= 6)
        to[i] = (char)(0x80U | (code & 0x3fU));
    to[0] = (char)(lead_marks[length] | code);
}

static bool utf16_is_sound(const uint16_t *units, size_t units_bytes)
{
    return units_bytes % 2 == 0 && units_bytes <= SIZE_MAX / 2 && (units != NULL || units_bytes == 0);
}

/* Into no buffer where it is NULL: then the capacity is SIZE_MAX. */
static enum muster_status encode(const uint16_t *units, size_t units_bytes, char *buffer, size_t capacity_bytes,
                                 size_t *ret_size_bytes)
{
    const size_t count = units_bytes / 2;
    size_t size = 0;
    size_t taken;

    if (!utf16_is_sound(units, units_bytes))
        return MUSTER_INVALID;
    for (size_t at = 0; at < count; at += taken) {
        const uint32_t code = utf16_read(units + at, count - at, &taken);
        const size_t length = wtf8_length(code);

        if (length > capacity_bytes - size)
            return MUSTER_TOO_SMALL;
        if (buffer != NULL)
            wtf8_write(buffer + size, code, length);
        size += length;
    }
    *ret_size_bytes = size;
    return MUSTER_OK;
}

enum muster_status muster_utf16_wtf8_size(const uint16_t *units, size_t units_bytes, size_t *ret_size_bytes)
{
    return encode(units, units_bytes, NULL, SIZE_MAX, ret_size_bytes);
}

enum muster_status muster_utf16_to_wtf8(const uint16_t *units, size_t units_bytes, char *buffer, size_t capacity_bytes,
                                        size_t *ret_size_bytes)
{
    return encode(units, units_bytes, buffer, buffer != NULL ? capacity_bytes : 0, ret_size_bytes);
}

/* ---- WTF-8 to UTF-16 --------------------------------------------------------------------------- */

/* By its lead byte; 0 where it can be none. */
static size_t length_by_lead(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xc0)
        return 0;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 0;
}

/* The character that begins at `bytes`, of which there is one at least; its length, 0 where it is
 * not well-formed. */
static size_t wtf8_read(const char *bytes, size_t left_bytes, uint32_t *ret_code)
{
    const unsigned char lead = (unsigned char)bytes[0];
    const size_t length = length_by_lead(lead);
    uint32_t code = length == 1 ? lead : lead & (0x7fU >> length);

    if (length == 0 || length > left_bytes)
        return 0;
    for (size_t i = 1; i < length; i++) {
        const unsigned char byte = (unsigned char)bytes[i];
        if ((byte & 0xc0U) != 0x80)
            return 0;
        code = code << 6 | (byte & 0x3fU);
    }
    if (code > CODE_LAST || wtf8_length(code) != length)
        return 0;
    *ret_code = code;
    return length;
}

static size_t utf16_write(uint16_t *to, uint32_t code)
{
    if (code < PAIR_FIRST) {
        to[0] = (uint16_t)code;
        return 1;
    }
    to[0] = (uint16_t)(HIGH_FIRST + ((code - PAIR_FIRST) >> 10));
    to[1] = (uint16_t)(LOW_FIRST + ((code - PAIR_FIRST) & 0x3ffU));
    return 2;
}

static enum muster_status decode(const char *bytes, size_t size_bytes, uint16_t *units, size_t capacity_count,
                                 size_t *ret_units_bytes)
{
    size_t count = 0;
    size_t taken;
    uint32_t last = 0;
    uint32_t code = 0;

    if ((bytes == NULL && size_bytes != 0) || size_bytes > SIZE_MAX / 2)
        return MUSTER_INVALID;
    for (size_t at = 0; at < size_bytes; at += taken, last = code) {
        uint16_t character[2];

        taken = wtf8_read(bytes + at, size_bytes - at, &code);
        if (taken == 0 || (is_high(last) && is_low(code)))
            return MUSTER_INVALID;
        const size_t needed = utf16_write(character, code);
        if (needed > capacity_count - count)
            return MUSTER_TOO_SMALL;
        for (size_t i = 0; units != NULL && i < needed; i++)
            units[count + i] = character[i];
        count += needed;
    }
    *ret_units_bytes = count * 2;
    return MUSTER_OK;
}

enum muster_status muster_wtf8_utf16_size(const char *bytes, size_t size_bytes, size_t *ret_units_bytes)
{
    return decode(bytes, size_bytes, NULL, SIZE_MAX, ret_units_bytes);
}

enum muster_status muster_wtf8_to_utf16(const char *bytes, size_t size_bytes, uint16_t *units, size_t capacity_bytes,
                                        size_t *ret_units_bytes)
{
    return decode(bytes, size_bytes, units, units != NULL ? capacity_bytes / 2 : 0, ret_units_bytes);
}

/* ---- image path --------------------------------------------------------------------------------- */

size_t muster_image_path_prefix_bytes(const uint16_t *units, size_t units_bytes)
{
    static const uint16_t prefix[] = {'\\', '?', '?', '\\'};

    if (units == NULL || units_bytes < sizeof prefix)
        return 0;
    for (size_t i = 0; i < sizeof prefix / sizeof prefix[0]; i++)
        if (units[i] != prefix[i])
            return 0;
    return sizeof prefix;
}
