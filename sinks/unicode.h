/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile text, one character at a time: is it valid UTF-8, and may it be shown as it is? What may
 * not are the characters that move a terminal's cursor, end a line in some reader, or turn the
 * direction of what stands around them.
 */
#ifndef MUSTER_SINKS_UNICODE_H
#define MUSTER_SINKS_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum character_class {
    CHARACTER_PLAIN,
    CHARACTER_CONTROL,   /* C0, DEL, C1, U+2028, U+2029, bidirectional controls */
    CHARACTER_SURROGATE, /* a lone one, in WTF-8 */
    CHARACTER_INVALID,   /* one maximal subpart of an ill-formed sequence (Unicode, section 3.9) */
};

struct character {
    enum character_class class;
    uint32_t code;       /* undefined where invalid */
    unsigned size_bytes; /* 1 to 4, never more than were given */
};

/* Decodes the first character of `size_bytes` bytes, of which there is one at least. In WTF-8 a
 * surrogate's three bytes are one character; in UTF-8 they are three invalid ones. */
struct character character_decode(const char *bytes, size_t size_bytes, bool wtf8);

#endif
