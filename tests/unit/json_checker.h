/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second opinion on what the sinks write: strict UTF-8, strict JSON (RFC 8259), base64, and what
 * must never stand in a line. It is written from the standards and shares no code with sinks/, so a
 * mistake there is not repeated here. Slow and plain on purpose.
 */
#ifndef MUSTER_TESTS_JSON_CHECKER_H
#define MUSTER_TESTS_JSON_CHECKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Length of the character at `at`, and its code; 0 where it is not UTF-8. By encoding back: a
 * sequence is good if it is the only form of its code. */
static inline size_t checker_character(const unsigned char *at, size_t left, uint32_t *ret_code)
{
    static const unsigned char marks[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    if (left > 0 && at[0] < 0x80) {
        *ret_code = at[0];
        return 1;
    }
    size_t size = at[0] < 0x80 ? 1 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (left < size)
        return 0;
    uint32_t code = size == 1 ? at[0] : at[0] & (size == 2 ? 0x1fU : size == 3 ? 0x0fU : 0x07U);
    for (size_t i = 1; i < size; i++)
        code = code << 6 | (at[i] & 0x3fU);
    unsigned char back[4] = {(unsigned char)code};
    size_t back_size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) || back_size != size)
        return 0;
    uint32_t rest = code;
    for (size_t i = size; size > 1 && i-- > 1; rest >>= 6)
        back[i] = (unsigned char)(0x80 | (rest & 0x3f));
    if (size > 1)
        back[0] = (unsigned char)(marks[size] | rest);
    if (memcmp(back, at, size) != 0)
        return 0;
    *ret_code = code;
    return size;
}

/* Whether a terminal or a log reader may see this character as it is. */
static inline bool checker_is_harmless(uint32_t code)
{
    static const uint32_t forbidden[] = {0x7f,   0x061c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b,
                                         0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069};
    if (code < 0x20 || (code >= 0x80 && code < 0xa0))
        return false;
    if (code < 0x7f)
        return true;
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
        if (code == forbidden[i])
            return false;
    return true;
}

/* Exactly one line: valid UTF-8, harmless up to the newline at its very end. */
static inline bool checker_is_clean_line(const char *bytes, size_t size)
{
    if (size == 0 || bytes[size - 1] != '\n')
        return false;
    for (size_t at = 0; at < size - 1;) {
        uint32_t code = 0;
        size_t step = checker_character((const unsigned char *)bytes + at, size - 1 - at, &code);
        if (step == 0 || !checker_is_harmless(code))
            return false;
        at += step;
    }
    return true;
}

struct checker {
    const char *at;
    const char *end;
};

static inline bool checker_take(struct checker *checker, char byte)
{
    if (checker->at == checker->end || *checker->at != byte)
        return false;
    checker->at++;
    return true;
}

static inline int checker_hex_digit(char byte)
{
    const char *digits = "0123456789abcdef";
    const char *found = byte == 0 ? NULL : strchr(digits, byte);
    return found == NULL ? -1 : (int)(found - digits);
}

/* The four digits of \uXXXX. */
static inline bool checker_take_hex(struct checker *checker, uint32_t *ret_code)
{
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = checker->at == checker->end ? -1 : checker_hex_digit(*checker->at);
        if (digit < 0)
            return false;
        code = code << 4 | (uint32_t)digit;
        checker->at++;
    }
    *ret_code = code;
    return true;
}

static inline size_t checker_encode(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : 3;
    for (size_t i = size; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)((size == 2 ? 0xc0 : 0xe0) | code);
    return size;
}

/* One string. Its text goes to `out` (room for what the JSON takes) if that is not NULL. Surrogate
 * pairs are refused: muster has no reason to write one. */
static inline bool checker_string(struct checker *checker, char *out, size_t *ret_size)
{
    size_t size = 0;
    if (!checker_take(checker, '"'))
        return false;
    while (checker->at != checker->end && *checker->at != '"') {
        char spare[4];
        char *to = out == NULL ? spare : out + size;
        if (checker_take(checker, '\\')) {
            static const char from[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
            if (checker->at == checker->end)
                return false;
            char letter = *checker->at++;
            const char *found = letter == 0 ? NULL : strchr(from, letter);
            uint32_t code = 0;
            if (found != NULL)
                code = (unsigned char)values[found - from];
            else if (letter != 'u' || !checker_take_hex(checker, &code) || (code >= 0xd800 && code <= 0xdfff))
                return false;
            size += checker_encode(to, code);
        } else {
            uint32_t code = 0;
            size_t left = (size_t)(checker->end - checker->at);
            size_t step = checker_character((const unsigned char *)checker->at, left, &code);
            if (step == 0 || code < 0x20)
                return false;
            memcpy(to, checker->at, step);
            checker->at += step;
            size += step;
        }
    }
    if (ret_size != NULL)
        *ret_size = size;
    return checker_take(checker, '"');
}

static inline bool checker_number(struct checker *checker)
{
    size_t digits = 0;
    bool leading_zero = checker->at != checker->end && *checker->at == '0';
    for (; checker->at != checker->end && *checker->at >= '0' && *checker->at <= '9'; checker->at++)
        digits++;
    return digits > 0 && (digits == 1 || !leading_zero);
}

static inline bool checker_word(struct checker *checker, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(checker->end - checker->at) < size || memcmp(checker->at, word, size) != 0)
        return false;
    checker->at += size;
    return true;
}

static inline bool checker_value(struct checker *checker, unsigned depth);

/* The rest of an object or array behind its opening bracket. */
static inline bool checker_members(struct checker *checker, bool is_object, unsigned depth)
{
    char closing = is_object ? '}' : ']';
    if (checker_take(checker, closing))
        return true;
    do {
        if (is_object && (!checker_string(checker, NULL, NULL) || !checker_take(checker, ':')))
            return false;
        if (!checker_value(checker, depth + 1))
            return false;
    } while (checker_take(checker, ','));
    return checker_take(checker, closing);
}

/* Any value without white space. null is refused: what is not known is absent. */
static inline bool checker_value(struct checker *checker, unsigned depth)
{
    if (depth > 16 || checker->at == checker->end)
        return false;
    switch (*checker->at) {
    case '"':
        return checker_string(checker, NULL, NULL);
    case '{':
    case '[':
        checker->at++;
        return checker_members(checker, checker->at[-1] == '{', depth);
    case 't':
        return checker_word(checker, "true");
    case 'f':
        return checker_word(checker, "false");
    default:
        return checker_number(checker);
    }
}

/* One line with one JSON object and nothing that may not stand in it. */
static inline bool checker_is_json_line(const char *bytes, size_t size)
{
    struct checker checker = {bytes, bytes + size};
    return checker_is_clean_line(bytes, size) && bytes[0] == '{' && checker_value(&checker, 0) &&
           checker.at == checker.end - 1;
}

/* Moves to the value of `key` (which has no escapes) in the object at `checker`. */
static inline bool checker_enter(struct checker *checker, const char *key, size_t key_size)
{
    if (!checker_take(checker, '{'))
        return false;
    do {
        const char *begin = checker->at + 1;
        if (!checker_string(checker, NULL, NULL))
            return false;
        bool found = (size_t)(checker->at - begin) - 1 == key_size && memcmp(begin, key, key_size) == 0;
        if (!checker_take(checker, ':'))
            return false;
        if (found)
            return true;
        if (!checker_value(checker, 0))
            return false;
    } while (checker_take(checker, ','));
    return false;
}

/* Finds the value at "muster/raw/process.args_b64"; keys are parted by slashes. */
static inline bool checker_find(const char *bytes, size_t size, const char *path, struct checker *ret_value)
{
    struct checker checker = {bytes, bytes + size};
    for (;;) {
        size_t key_size = strcspn(path, "/");
        if (!checker_enter(&checker, path, key_size))
            return false;
        if (path[key_size] == 0)
            break;
        path += key_size + 1;
    }
    *ret_value = checker;
    return true;
}

/* The text of the string at a path, to be freed; NULL where there is none. */
static inline char *checker_find_string(const char *bytes, size_t size, const char *path, size_t *ret_size)
{
    struct checker value;
    if (!checker_find(bytes, size, path, &value))
        return NULL;
    char *out = malloc(size + 4);
    if (out == NULL || !checker_string(&value, out, ret_size)) {
        free(out);
        return NULL;
    }
    return out;
}

/* Decodes base64 with padding in place; (size_t)-1 where it is not. */
static inline size_t checker_base64(char *text, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t padding = 0;
    while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
        padding++;
    if (size % 4 != 0)
        return (size_t)-1;
    size_t out = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < size - padding; i++) {
        const char *found = text[i] == 0 ? NULL : strchr(digits, text[i]);
        if (found == NULL)
            return (size_t)-1;
        bits = bits << 6 | (uint32_t)(found - digits);
        if (i % 4 != 0)
            text[out++] = (char)(bits >> (6 - 2 * (i % 4)));
    }
    return out;
}

#endif
