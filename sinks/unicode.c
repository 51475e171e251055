/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unicode.h: decoding by Unicode 15, table 3-7 (well-formed byte sequences). Written out by lead
 * byte: a state machine in a table is a little faster, but callers skip ASCII before they come
 * here, and this can be compared with the standard's table line by line.
 */
#include "unicode.h"

/* What the table says about a lead byte: how many bytes follow, and the range of the first. */
struct lead {
    unsigned more;
    unsigned char low;
    unsigned char high;
};

static struct lead lead_of(unsigned char byte, bool wtf8)
{
    if (byte >= 0xc2 && byte <= 0xdf)
        return (struct lead){1, 0x80, 0xbf};
    if (byte == 0xe0)
        return (struct lead){2, 0xa0, 0xbf};
    if (byte == 0xed && !wtf8)
        return (struct lead){2, 0x80, 0x9f};
    if (byte >= 0xe1 && byte <= 0xef)
        return (struct lead){2, 0x80, 0xbf};
    if (byte == 0xf0)
        return (struct lead){3, 0x90, 0xbf};
    if (byte >= 0xf1 && byte <= 0xf3)
        return (struct lead){3, 0x80, 0xbf};
    if (byte == 0xf4)
        return (struct lead){3, 0x80, 0x8f};
    return (struct lead){0, 0, 0};
}

static bool is_bidirectional_control(uint32_t code)
{
    return code == 0x061c || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

static enum character_class class_of(uint32_t code)
{
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x2028 || code == 0x2029)
        return CHARACTER_CONTROL;
    if (code >= 0xd800 && code <= 0xdfff)
        return CHARACTER_SURROGATE;
    return is_bidirectional_control(code) ? CHARACTER_CONTROL : CHARACTER_PLAIN;
}

struct character character_decode(const char *bytes, size_t size_bytes, bool wtf8)
{
    unsigned char first = (unsigned char)bytes[0];
    if (first < 0x80)
        return (struct character){class_of(first), first, 1};

    struct lead lead = lead_of(first, wtf8);
    uint32_t code = first & (0x3fU >> lead.more);
    unsigned char low = lead.low;
    unsigned char high = lead.high;
    unsigned taken = 1;
    for (; taken <= lead.more && taken < size_bytes; taken++) {
        unsigned char next = (unsigned char)bytes[taken];
        if (next < low || next > high)
            break;
        code = code << 6 | (next & 0x3fU);
        low = 0x80;
        high = 0xbf;
    }
    if (lead.more == 0 || taken <= lead.more)
        return (struct character){CHARACTER_INVALID, 0, taken};
    return (struct character){class_of(code), code, taken};
}
