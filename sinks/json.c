/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h. Nearly all text is safe ASCII, so it is copied in runs, eight bytes at a time, and looked
 * at one character at a time only where a run ends.
 */
#include "json.h"

#include "unicode.h"

/* Longest form of one input byte: \u00XX. (An invalid byte takes three, U+FFFD.) */
enum { ESCAPED_MAX_BYTES = 6 };

#define EVERY_BYTE(value) (0x0101010101010101ULL * (value))

/* In the highest bit of a byte: whether it is zero. Exact for the lowest zero byte and below, and so
 * for the question whether there is one. */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - EVERY_BYTE(0x01)) & ~word & EVERY_BYTE(0x80);
}

/* Whether all eight bytes stand for themselves in a JSON string. */
static bool is_safe_word(uint64_t word)
{
    uint64_t high = word & EVERY_BYTE(0x80);
    uint64_t below_space = (word - EVERY_BYTE(0x20)) & ~word & EVERY_BYTE(0x80);
    uint64_t special =
        zero_bytes(word ^ EVERY_BYTE('"')) | zero_bytes(word ^ EVERY_BYTE('\\')) | zero_bytes(word ^ EVERY_BYTE(0x7f));
    return (high | below_space | special) == 0;
}

static bool is_safe(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* Copies safe bytes until one is not. Returns how many. */
static size_t copy_safe(char *out, const char *in, size_t size_bytes)
{
    size_t done = 0;
    for (; size_bytes - done >= 8; done += 8) {
        uint64_t word;
        memcpy(&word, in + done, 8);
        if (!is_safe_word(word))
            break;
        memcpy(out + done, &word, 8);
    }
    for (; done < size_bytes && is_safe((unsigned char)in[done]); done++)
        out[done] = in[done];
    return done;
}

static char short_escape(uint32_t code, unsigned flags)
{
    bool wanted = (flags & JSON_SHORT_ESCAPES) != 0;

    switch (code) {
    case '"':
    case '\\':
        return (char)code;
    case '\t':
        return wanted ? 't' : 0;
    case '\n':
        return wanted ? 'n' : 0;
    case '\r':
        return wanted ? 'r' : 0;
    case '\b':
        return wanted ? 'b' : 0;
    case '\f':
        return wanted ? 'f' : 0;
    default:
        return 0;
    }
}

static size_t write_escape(char *out, uint32_t code, unsigned flags)
{
    out[0] = '\\';
    out[1] = short_escape(code, flags);
    if (out[1] != 0)
        return 2;
    out[1] = 'u';
    for (unsigned i = 0; i < 4; i++)
        out[2 + i] = "0123456789abcdef"[code >> (12 - 4 * i) & 15];
    return 6;
}

/* Writes the character at `in`, which is not a safe byte. Returns the length of what it wrote. */
static size_t write_character(char *out, const char *in, struct character character, unsigned flags)
{
    switch (character.class) {
    case CHARACTER_PLAIN:
        if (character.size_bytes == 1)
            return write_escape(out, character.code, flags);
        memcpy(out, in, character.size_bytes);
        return character.size_bytes;
    case CHARACTER_CONTROL:
        return write_escape(out, character.code, flags);
    case CHARACTER_SURROGATE:
    case CHARACTER_INVALID:
        break;
    }
    memcpy(out, "\xef\xbf\xbd", 3);
    return 3;
}

bool json_text(struct buffer *buffer, const char *bytes, size_t size_bytes, unsigned flags)
{
    char *out = buffer_reserve(buffer, size_bytes * ESCAPED_MAX_BYTES);
    if (out == NULL)
        return true;
    bool is_exact = true;
    for (size_t done = 0;;) {
        size_t safe_bytes = copy_safe(out, bytes + done, size_bytes - done);
        done += safe_bytes;
        out += safe_bytes;
        if (done == size_bytes)
            break;
        struct character character = character_decode(bytes + done, size_bytes - done, (flags & JSON_WTF8) != 0);
        out += write_character(out, bytes + done, character, flags);
        done += character.size_bytes;
        is_exact = is_exact && character.class <= CHARACTER_CONTROL;
    }
    buffer->size_bytes = (size_t)(out - buffer->bytes);
    return is_exact;
}

bool json_string(struct buffer *buffer, const char *bytes, size_t size_bytes, unsigned flags)
{
    buffer_byte(buffer, '"');
    bool is_exact = json_text(buffer, bytes, size_bytes, flags);
    buffer_literal(buffer, "\",");
    return is_exact;
}

void json_key(struct buffer *buffer, const char *key)
{
    buffer_byte(buffer, '"');
    buffer_string(buffer, key);
    buffer_literal(buffer, "\":");
}

void json_number(struct buffer *buffer, uint64_t value)
{
    buffer_decimal(buffer, value);
    buffer_byte(buffer, ',');
}

void json_number_string(struct buffer *buffer, uint64_t value)
{
    buffer_byte(buffer, '"');
    buffer_decimal(buffer, value);
    buffer_literal(buffer, "\",");
}

void json_close(struct buffer *buffer, char bracket)
{
    if (buffer->no_memory)
        return;
    if (buffer->bytes[buffer->size_bytes - 1] == ',')
        buffer->size_bytes--;
    buffer_byte(buffer, bracket);
    buffer_byte(buffer, ',');
}

void json_close_or_remove(struct buffer *buffer, char bracket, struct json_scope scope)
{
    if (buffer->no_memory)
        return;
    if (buffer->size_bytes == scope.content_bytes)
        buffer->size_bytes = scope.begin_bytes;
    else
        json_close(buffer, bracket);
}
