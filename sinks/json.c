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

/*
 * Whether all eight bytes stand for themselves in a JSON string. Each sum has the highest bit of a byte set where that
 * is what it looks for, and may have it set above such a byte too, by what is carried: then the word is not safe
 * anyway.
 */
static bool is_safe_word(uint64_t word)
{
    uint64_t is_del_or_more = word | (word + EVERY_BYTE(0x80 - 0x7f));
    uint64_t is_control = word - EVERY_BYTE(0x20);
    uint64_t is_quote = (word ^ EVERY_BYTE('"')) - EVERY_BYTE(1);
    uint64_t is_backslash = (word ^ EVERY_BYTE('\\')) - EVERY_BYTE(1);
    return ((is_del_or_more | is_control | is_quote | is_backslash) & EVERY_BYTE(0x80)) == 0;
}

static bool is_safe(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* One to seven bytes at once, if all are safe: as two halves, or three bytes, which overlap. */
static bool copy_safe_rest(char *out, const char *in, size_t size_bytes)
{
    if (size_bytes >= 4) {
        uint32_t begin, end;
        memcpy(&begin, in, 4);
        memcpy(&end, in + size_bytes - 4, 4);
        if (!is_safe_word(begin | (uint64_t)end << 32))
            return false;
        memcpy(out, &begin, 4);
        memcpy(out + size_bytes - 4, &end, 4);
        return true;
    }
    const unsigned char begin = (unsigned char)in[0];
    const unsigned char middle = (unsigned char)in[size_bytes / 2];
    const unsigned char end = (unsigned char)in[size_bytes - 1];
    if (!is_safe_word(EVERY_BYTE(' ') << 24 | (uint64_t)end << 16 | (uint64_t)middle << 8 | begin))
        return false;
    out[0] = in[0];
    out[size_bytes / 2] = in[size_bytes / 2];
    out[size_bytes - 1] = in[size_bytes - 1];
    return true;
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
    size_t left = size_bytes - done;
    if (left == 0 || (left < 8 && copy_safe_rest(out + done, in + done, left)))
        return size_bytes;
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
        if (bytes[done] == '"' || bytes[done] == '\\') {
            *out++ = '\\';
            *out++ = bytes[done++];
            continue;
        }
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

void json_drop_comma(struct buffer *buffer)
{
    if (!buffer->no_memory && buffer->size_bytes != 0 && buffer->bytes[buffer->size_bytes - 1] == ',')
        buffer->size_bytes--;
}

void json_close(struct buffer *buffer, char bracket)
{
    json_drop_comma(buffer);
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
