/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shell_text.h. Only words of plain ASCII letters, digits and a few signs go without quotes: a
 * non-ASCII space, or brackets that look like our own remarks, would otherwise pass for something
 * that muster says.
 */
#include "shell_text.h"

#include <string.h>

#include "buffer.h"
#include "unicode.h"

enum quoting { QUOTING_NONE, QUOTING_SINGLE, QUOTING_ESCAPES };

static bool is_bare(unsigned char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           (byte != 0 && strchr("_@%+=:,./-", byte) != NULL);
}

static enum quoting quoting_of(const char *bytes, size_t size_bytes, bool wtf8)
{
    enum quoting quoting = size_bytes == 0 ? QUOTING_SINGLE : QUOTING_NONE;
    for (size_t at = 0; at < size_bytes;) {
        struct character character = character_decode(bytes + at, size_bytes - at, wtf8);
        if (character.class != CHARACTER_PLAIN || character.code == '\'')
            return QUOTING_ESCAPES;
        if (character.size_bytes > 1 || !is_bare((unsigned char)bytes[at]))
            quoting = QUOTING_SINGLE;
        at += character.size_bytes;
    }
    return quoting;
}

static void write_bytes(struct buffer *buffer, const char *bytes, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++) {
        buffer_literal(buffer, "\\x");
        buffer_hex(buffer, (unsigned char)bytes[i], 2);
    }
}

static void write_control(struct buffer *buffer, uint32_t code)
{
    if (code == '\n')
        buffer_literal(buffer, "\\n");
    else if (code == '\r')
        buffer_literal(buffer, "\\r");
    else if (code == '\t')
        buffer_literal(buffer, "\\t");
    else {
        buffer_string(buffer, code < 0x80 ? "\\x" : "\\u");
        buffer_hex(buffer, code, code < 0x80 ? 2 : 4);
    }
}

/* Returns how many columns it took; a character that is plain counts as one. */
static size_t write_character(struct buffer *buffer, const char *in, struct character character, char quote)
{
    size_t begin_bytes = buffer->size_bytes;
    if (character.class == CHARACTER_INVALID) {
        write_bytes(buffer, in, character.size_bytes);
    } else if (character.class != CHARACTER_PLAIN) {
        write_control(buffer, character.code);
    } else {
        if (character.code == '\\' || (quote != 0 && character.code == (unsigned char)quote))
            buffer_byte(buffer, '\\');
        buffer_append(buffer, in, character.size_bytes);
        return character.size_bytes == 1 ? buffer->size_bytes - begin_bytes : 1;
    }
    return buffer->size_bytes - begin_bytes;
}

static void write_escaped(struct buffer *buffer, const char *bytes, size_t size_bytes, bool wtf8, char quote)
{
    for (size_t at = 0; at < size_bytes;) {
        struct character character = character_decode(bytes + at, size_bytes - at, wtf8);
        (void)write_character(buffer, bytes + at, character, quote);
        at += character.size_bytes;
    }
}

void shell_word(struct buffer *buffer, const char *bytes, size_t size_bytes, bool wtf8)
{
    switch (quoting_of(bytes, size_bytes, wtf8)) {
    case QUOTING_NONE:
        buffer_append(buffer, bytes, size_bytes);
        break;
    case QUOTING_SINGLE:
        buffer_byte(buffer, '\'');
        buffer_append(buffer, bytes, size_bytes);
        buffer_byte(buffer, '\'');
        break;
    case QUOTING_ESCAPES:
        buffer_literal(buffer, "$'");
        write_escaped(buffer, bytes, size_bytes, wtf8, '\'');
        buffer_byte(buffer, '\'');
        break;
    }
}

static bool line_is_plain(const char *bytes, size_t size_bytes, bool wtf8)
{
    if (size_bytes >= 2 && bytes[0] == '$' && bytes[1] == '\'')
        return false;
    for (size_t at = 0; at < size_bytes;) {
        struct character character = character_decode(bytes + at, size_bytes - at, wtf8);
        if (character.class != CHARACTER_PLAIN || character.code == '[')
            return false;
        at += character.size_bytes;
    }
    return true;
}

void shell_line(struct buffer *buffer, const char *bytes, size_t size_bytes, bool wtf8)
{
    if (line_is_plain(bytes, size_bytes, wtf8)) {
        buffer_append(buffer, bytes, size_bytes);
        return;
    }
    buffer_literal(buffer, "$'");
    write_escaped(buffer, bytes, size_bytes, wtf8, '\'');
    buffer_byte(buffer, '\'');
}

void shell_escaped(struct buffer *buffer, const char *bytes, size_t size_bytes, bool wtf8)
{
    write_escaped(buffer, bytes, size_bytes, wtf8, 0);
}

void shell_column(struct buffer *buffer, const char *bytes, size_t size_bytes, bool wtf8, size_t width)
{
    size_t columns = 0;
    size_t cut_columns = 0; /* where it is cut, if it has to be: room for the '+' is left */
    size_t cut_bytes = buffer->size_bytes;
    for (size_t at = 0; at < size_bytes && columns <= width;) {
        struct character character = character_decode(bytes + at, size_bytes - at, wtf8);
        columns += write_character(buffer, bytes + at, character, 0);
        at += character.size_bytes;
        if (columns < width) {
            cut_columns = columns;
            cut_bytes = buffer->size_bytes;
        }
    }
    if (columns > width) {
        if (buffer->size_bytes > cut_bytes)
            buffer->size_bytes = cut_bytes;
        buffer_byte(buffer, '+');
        columns = cut_columns + 1;
    }
    buffer_spaces(buffer, width - columns);
}
