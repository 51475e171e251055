/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for a terminal. Nothing that could move the cursor, end the line or turn the direction of
 * text gets through; it is shown as \n, \x1b or \u202e, and an invalid byte as \xff. These are the
 * escapes of bash's $'...', so what stands in quotes can be pasted into a shell and is the same bytes.
 */
#ifndef MUSTER_SINKS_SHELL_TEXT_H
#define MUSTER_SINKS_SHELL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct buffer;

/* As one word of a shell's command line: as it is, or 'quoted', or $'with escapes'. */
void shell_word(struct buffer *buffer, const char *bytes, size_t size_bytes, bool wtf8);

/* A line of words that have quotes of their own: as it is, or $'with escapes' where a character could move
 * the cursor, or where it could pass for what muster says (which begins with '[') or for escapes. */
void shell_line(struct buffer *buffer, const char *bytes, size_t size_bytes, bool wtf8);

/* Free text, without quotes: a backslash of its own is doubled. */
void shell_escaped(struct buffer *buffer, const char *bytes, size_t size_bytes, bool wtf8);

/* The same in `width` columns: filled up with spaces, or cut with a '+' at its end. */
void shell_column(struct buffer *buffer, const char *bytes, size_t size_bytes, bool wtf8, size_t width);

#endif
