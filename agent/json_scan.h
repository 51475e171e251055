/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads members out of one line of JSON in place: nothing is allocated, and no tree is built, since what is wanted are
 * a few members of lines of a known form. Strict about what it walks over (RFC 8259): a line that is cut or damaged
 * there is found out, not guessed at.
 */
#ifndef MUSTER_JSON_SCAN_H
#define MUSTER_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_SCAN_DEPTH_MAX 32

/* A value as it stands in the line: an object, an array, a string with its quotes, a number or a word. */
struct json_value {
    const char *bytes;
    size_t size_bytes;
};

/* Whether the bytes are one whole JSON object and nothing else. *ret_object is it. */
bool json_scan_object(const char *bytes, size_t size_bytes, struct json_value *ret_object);

/* The member of an object that was scanned, by its keys: "event.action" is in object "event". False where there is
 * none. The first of doubles. */
bool json_scan_find(const struct json_value *object, const char *path, struct json_value *ret_value);

/* Decodes a string to UTF-8. False where the value is none, is not well-formed, or does not fit; a NUL is put behind
 * it. */
bool json_scan_string(const struct json_value *value, char *ret_text, size_t capacity_bytes, size_t *ret_size_bytes);

/* Whether a string is exactly that text, which has nothing in it that JSON would escape. */
bool json_scan_is(const struct json_value *value, const char *text);

/* A whole number that is not negative and fits. */
bool json_scan_number(const struct json_value *value, uint64_t *ret_number);

/* Walks the elements of an array, or the members of an object (`ret_key` is not NULL then): zero the cursor, then call
 * until false. */
struct json_cursor {
    size_t offset;
};
bool json_scan_next(const struct json_value *container, struct json_cursor *cursor, struct json_value *ret_key,
                    struct json_value *ret_value);

#endif
