/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON, written straight into a buffer. Every member and element ends with a comma, and closing an
 * object or array puts its bracket over the last one: so no writer has to know whether it is first.
 */
#ifndef MUSTER_SINKS_JSON_H
#define MUSTER_SINKS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

/* How text is read and shown. */
enum json_flags {
    JSON_WTF8 = 1,         /* lone surrogates are one character (shown as U+FFFD all the same) */
    JSON_SHORT_ESCAPES = 2 /* \t \n \r \b \f as serde_json has them, else \uXXXX */
};

/*
 * The inside of a JSON string: always valid UTF-8, with every character escaped that could end the
 * line, reach a terminal or turn the direction of text. False if something was not valid and stands
 * there as U+FFFD: then the text cannot be had back from it.
 */
bool json_text(struct buffer *buffer, const char *bytes, size_t size_bytes, unsigned flags);

/* The same in quotes, with a comma behind it. */
bool json_string(struct buffer *buffer, const char *bytes, size_t size_bytes, unsigned flags);

/* A key, which is plain ASCII, in quotes, with its colon. */
void json_key(struct buffer *buffer, const char *key);

/* A number and its comma. */
void json_number(struct buffer *buffer, uint64_t value);

/* A number as a string of decimal digits, and its comma. */
void json_number_string(struct buffer *buffer, uint64_t value);

/* An object or array that is not closed yet. */
struct json_scope {
    size_t begin_bytes;   /* where its key begins in the buffer */
    size_t content_bytes; /* where its content begins */
};

static inline struct json_scope json_open_bytes(struct buffer *buffer, const char *opening, size_t size_bytes)
{
    size_t begin_bytes = buffer->size_bytes;
    buffer_append(buffer, opening, size_bytes);
    return (struct json_scope){begin_bytes, buffer->size_bytes};
}

#define JSON_OPEN(buffer, opening) json_open_bytes((buffer), "" opening, sizeof(opening) - 1)

/* Of literal keys. */
#define json_member(buffer, key)      buffer_literal((buffer), "\"" key "\":")
#define json_open_object(buffer, key) JSON_OPEN((buffer), "\"" key "\":{")
#define json_open_array(buffer, key)  JSON_OPEN((buffer), "\"" key "\":[")

/* Takes the comma of the last member or element off, for who closes in another way. There may be none. */
void json_drop_comma(struct buffer *buffer);

/* Puts the bracket, '}' or ']', and a comma behind it. */
void json_close(struct buffer *buffer, char bracket);

/* The same, but what has no content vanishes with its key: what is not known is absent. */
void json_close_or_remove(struct buffer *buffer, char bracket, struct json_scope scope);

#endif
