/* SPDX-License-Identifier: Apache-2.0 */
/* json_scan.h */
#include "json_scan.h"

#include <string.h>

struct scan {
    const char *at;
    const char *end;
};

static bool at_end(const struct scan *scan)
{
    return scan->at == scan->end;
}

static void space_skip(struct scan *scan)
{
    while (!at_end(scan) && (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
}

static bool take(struct scan *scan, char wanted)
{
    if (at_end(scan) || *scan->at != wanted)
        return false;
    scan->at++;
    return true;
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* The four digits behind \u. */
static bool unit_take(struct scan *scan, uint32_t *ret_unit)
{
    uint32_t unit = 0;

    for (int i = 0; i < 4; i++) {
        int digit = at_end(scan) ? -1 : hex_digit(*scan->at++);

        if (digit < 0)
            return false;
        unit = unit << 4 | (uint32_t)digit;
    }
    *ret_unit = unit;
    return true;
}

/* What stands behind the first byte of a character that is not ASCII: no surrogates, nothing overlong. */
static bool utf8_skip(struct scan *scan, unsigned char lead)
{
    size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    unsigned char least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

    if (lead < 0xc2 || lead > 0xf4 || (size_t)(scan->end - scan->at) < more)
        return false;
    for (; more > 0; more--, least = 0x80, most = 0xbf) {
        unsigned char byte = (unsigned char)*scan->at++;

        if (byte < least || byte > most)
            return false;
    }
    return true;
}

static bool string_skip(struct scan *scan)
{
    uint32_t unit;

    if (!take(scan, '"'))
        return false;
    while (!at_end(scan)) {
        char byte = *scan->at++;

        if (byte == '"')
            return true;
        if ((unsigned char)byte < 0x20 || ((unsigned char)byte >= 0x80 && !utf8_skip(scan, (unsigned char)byte)))
            return false;
        if (byte != '\\')
            continue;
        if (at_end(scan))
            return false;
        byte = *scan->at++;
        if (byte == 'u' ? !unit_take(scan, &unit) : !byte || !strchr("\"\\/bfnrt", byte))
            return false;
    }
    return false;
}

static bool digits_skip(struct scan *scan)
{
    const char *begin = scan->at;

    while (!at_end(scan) && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at != begin;
}

static bool number_skip(struct scan *scan)
{
    (void)take(scan, '-');
    if (!take(scan, '0') && !digits_skip(scan))
        return false;
    if (take(scan, '.') && !digits_skip(scan))
        return false;
    if (!at_end(scan) && (*scan->at == 'e' || *scan->at == 'E')) {
        scan->at++;
        if (!take(scan, '+'))
            (void)take(scan, '-');
        return digits_skip(scan);
    }
    return true;
}

static bool word_skip(struct scan *scan)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        size_t size = strlen(words[i]);

        if ((size_t)(scan->end - scan->at) >= size && memcmp(scan->at, words[i], size) == 0) {
            scan->at += size;
            return true;
        }
    }
    return false;
}

static bool scalar_skip(struct scan *scan)
{
    if (at_end(scan))
        return false;
    if (*scan->at == '"')
        return string_skip(scan);
    return *scan->at == '-' || (*scan->at >= '0' && *scan->at <= '9') ? number_skip(scan) : word_skip(scan);
}

static bool key_skip(struct scan *scan)
{
    space_skip(scan);
    if (!string_skip(scan))
        return false;
    space_skip(scan);
    return take(scan, ':');
}

/* What closes what is open, innermost last. Without recursion: the depth is the line's to choose. */
struct nesting {
    char closing[JSON_SCAN_DEPTH_MAX];
    unsigned depth;
};

/* Opens an object or array. False where that is too deep, or its first key is none. */
static bool nesting_open(struct scan *scan, struct nesting *nesting, bool *ret_is_empty)
{
    char closing = *scan->at++ == '{' ? '}' : ']';

    if (nesting->depth == JSON_SCAN_DEPTH_MAX)
        return false;
    nesting->closing[nesting->depth++] = closing;
    space_skip(scan);
    *ret_is_empty = !at_end(scan) && *scan->at == closing;
    return *ret_is_empty || closing == ']' || key_skip(scan);
}

/* Behind a value: closes what ends here. True with *ret_more where another value follows. */
static bool nesting_follow(struct scan *scan, struct nesting *nesting, bool *ret_more)
{
    while (nesting->depth > 0) {
        char closing = nesting->closing[nesting->depth - 1];

        space_skip(scan);
        if (take(scan, ',')) {
            *ret_more = true;
            return closing == ']' || key_skip(scan);
        }
        if (!take(scan, closing))
            return false;
        nesting->depth--;
    }
    *ret_more = false;
    return true;
}

static bool value_skip(struct scan *scan)
{
    struct nesting nesting = {.depth = 0};
    bool more = true, is_empty;

    while (more) {
        space_skip(scan);
        if (!at_end(scan) && (*scan->at == '{' || *scan->at == '[')) {
            if (!nesting_open(scan, &nesting, &is_empty))
                return false;
            if (!is_empty)
                continue;
        } else if (!scalar_skip(scan)) {
            return false;
        }
        if (!nesting_follow(scan, &nesting, &more))
            return false;
    }
    return true;
}

bool json_scan_object(const char *bytes, size_t size_bytes, struct json_value *ret_object)
{
    struct scan scan = {.at = bytes, .end = bytes + size_bytes};
    const char *begin;

    space_skip(&scan);
    begin = scan.at;
    if (at_end(&scan) || *begin != '{' || !value_skip(&scan))
        return false;
    *ret_object = (struct json_value){.bytes = begin, .size_bytes = (size_t)(scan.at - begin)};
    space_skip(&scan);
    return at_end(&scan);
}

static bool value_take(struct scan *scan, struct json_value *ret_value)
{
    const char *begin;

    space_skip(scan);
    begin = scan->at;
    if (!value_skip(scan))
        return false;
    *ret_value = (struct json_value){.bytes = begin, .size_bytes = (size_t)(scan->at - begin)};
    return true;
}

bool json_scan_next(const struct json_value *container, struct json_cursor *cursor, struct json_value *ret_key,
                    struct json_value *ret_value)
{
    struct scan scan = {.at = container->bytes + cursor->offset, .end = container->bytes + container->size_bytes};
    char opening = ret_key ? '{' : '[';

    if (cursor->offset == 0 && !take(&scan, opening))
        return false;
    space_skip(&scan);
    if (cursor->offset != 0 && !take(&scan, ','))
        return false;
    space_skip(&scan);
    if (ret_key) {
        const char *begin = scan.at;

        if (!string_skip(&scan))
            return false;
        *ret_key = (struct json_value){.bytes = begin, .size_bytes = (size_t)(scan.at - begin)};
        space_skip(&scan);
        if (!take(&scan, ':'))
            return false;
    }
    if (!value_take(&scan, ret_value))
        return false;
    cursor->offset = (size_t)(scan.at - container->bytes);
    return true;
}

static bool is_text(const struct json_value *value, const char *text, size_t size_bytes)
{
    return value->size_bytes == size_bytes + 2 && value->bytes[0] == '"' &&
           memcmp(value->bytes + 1, text, size_bytes) == 0;
}

bool json_scan_is(const struct json_value *value, const char *text)
{
    return is_text(value, text, strlen(text));
}

static bool member_find(const struct json_value *object, const char *key, size_t key_bytes,
                        struct json_value *ret_value)
{
    struct json_cursor cursor = {0};
    struct json_value name, value;

    while (json_scan_next(object, &cursor, &name, &value))
        if (is_text(&name, key, key_bytes)) {
            *ret_value = value;
            return true;
        }
    return false;
}

bool json_scan_find(const struct json_value *object, const char *path, struct json_value *ret_value)
{
    struct json_value at = *object;

    for (;;) {
        size_t size = strcspn(path, ".");

        if (!member_find(&at, path, size, &at))
            return false;
        if (!path[size])
            break;
        path += size + 1;
    }
    *ret_value = at;
    return true;
}

static size_t utf8_put(uint32_t code, char out[4])
{
    static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (size_t i = size; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(leads[size] | code);
    return size;
}

/* Behind a backslash. Returns how many bytes it stands for; 0: it is no escape, or half of a pair. */
static size_t escape_take(struct scan *scan, char out[4])
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    uint32_t unit, second;
    const char *letter;
    char byte = *scan->at++;

    if (byte != 'u') {
        letter = byte ? strchr(letters, byte) : NULL;
        if (!letter)
            return 0;
        out[0] = meanings[letter - letters];
        return 1;
    }
    if (!unit_take(scan, &unit) || (unit >= 0xdc00 && unit <= 0xdfff))
        return 0;
    if (unit < 0xd800 || unit > 0xdbff)
        return utf8_put(unit, out);
    if (!take(scan, '\\') || !take(scan, 'u') || !unit_take(scan, &second) || second < 0xdc00 || second > 0xdfff)
        return 0;
    return utf8_put(0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00), out);
}

bool json_scan_string(const struct json_value *value, char *ret_text, size_t capacity_bytes, size_t *ret_size_bytes)
{
    struct scan scan = {.at = value->bytes + 1, .end = value->bytes + value->size_bytes - 1};
    size_t size = 0;

    if (value->size_bytes < 2 || value->bytes[0] != '"')
        return false;
    while (!at_end(&scan)) {
        char decoded[4];
        size_t count = 1;

        decoded[0] = *scan.at++;
        if (decoded[0] == '\\' && (at_end(&scan) || (count = escape_take(&scan, decoded)) == 0))
            return false;
        if (size + count >= capacity_bytes)
            return false;
        memcpy(ret_text + size, decoded, count);
        size += count;
    }
    if (capacity_bytes == 0)
        return false;
    ret_text[size] = '\0';
    *ret_size_bytes = size;
    return true;
}

bool json_scan_number(const struct json_value *value, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (value->size_bytes == 0 || value->size_bytes > 20)
        return false;
    for (size_t i = 0; i < value->size_bytes; i++) {
        char digit = value->bytes[i];

        if (digit < '0' || digit > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(digit - '0'), &number))
            return false;
    }
    *ret_number = number;
    return true;
}
