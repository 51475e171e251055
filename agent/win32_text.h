/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the Windows API, which are UTF-16, and ours, which are WTF-8 (muster/text_utf16.h). */
#ifndef MUSTER_WIN32_TEXT_H
#define MUSTER_WIN32_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

/* The caller frees; NULL where memory ran out, or where it is no WTF-8. */
wchar_t *wide_from_text(const char *text);

/* The caller frees; NULL where memory ran out. */
char *text_from_wide(const wchar_t *wide);

/* Into the caller's buffer, terminated; false, with *buffer empty, where it does not fit. */
bool text_copy_wide(const wchar_t *wide, char *buffer, size_t capacity_bytes);

#endif
