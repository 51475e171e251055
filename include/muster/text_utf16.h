/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of Windows: from UTF-16 as the NT kernel counts it (a UNICODE_STRING: units, and their
 * length in bytes) to the WTF-8 of records that have MUSTER_RECORD_WTF8, and back, without loss.
 *
 * A surrogate pair becomes one sequence of 4 bytes, a lone surrogate one of 3 (WTF-8,
 * https://simonsapin.github.io/wtf-8/). So each sequence of units has one form, and each
 * well-formed WTF-8 text comes from one sequence of units. NUL is a character as any other.
 *
 * No function here allocates, locks or keeps state: any thread, any IRQL at which the memory passed
 * in may be touched. Each goes over its input once. `units` is aligned to 2 and may be NULL where
 * its size is 0, as `bytes` may; they may not overlap the output. NULL with a size is
 * MUSTER_INVALID.
 */
#ifndef MUSTER_TEXT_UTF16_H
#define MUSTER_TEXT_UTF16_H

#include <stddef.h>
#include <stdint.h>

#include "muster/annotations.h"
#include "muster/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The longest UNICODE_STRING, and the most that its WTF-8 can take: 3 bytes a unit. */
#define MUSTER_UTF16_MAX_BYTES      65534U
#define MUSTER_UTF16_MAX_WTF8_BYTES (MUSTER_UTF16_MAX_BYTES / 2 * 3)

/*
 * How many bytes `units_bytes` bytes of UTF-16 take in WTF-8.
 * MUSTER_INVALID: half a unit at the end, or more than SIZE_MAX / 2 bytes.
 */
enum muster_status muster_utf16_wtf8_size(const uint16_t *units, size_t units_bytes,
                                          size_t *ret_size_bytes) MUSTER_MUST_CHECK;

/*
 * Converts to WTF-8, without a terminator. MUSTER_INVALID as above; MUSTER_TOO_SMALL where more than
 * `capacity_bytes` are needed. Then `buffer` may hold whole characters of the beginning, nothing is
 * written behind its capacity, and *ret_size_bytes is untouched.
 */
enum muster_status muster_utf16_to_wtf8(const uint16_t *units, size_t units_bytes, char *buffer, size_t capacity_bytes,
                                        size_t *ret_size_bytes) MUSTER_MUST_CHECK;

/*
 * How many bytes of UTF-16 a WTF-8 text takes.
 * MUSTER_INVALID: it is not well-formed. That is: a byte that cannot stand where it stands, a
 * sequence that is cut off or longer than it has to be, a number over U+10FFFF, or a surrogate pair
 * as two sequences.
 */
enum muster_status muster_wtf8_utf16_size(const char *bytes, size_t size_bytes,
                                          size_t *ret_units_bytes) MUSTER_MUST_CHECK;

/* Converts back. Errors and outputs as above. */
enum muster_status muster_wtf8_to_utf16(const char *bytes, size_t size_bytes, uint16_t *units, size_t capacity_bytes,
                                        size_t *ret_units_bytes) MUSTER_MUST_CHECK;

/*
 * How many bytes the object manager's prefix `\??\` takes at the beginning of an image path: 8, or
 * 0 where it does not begin so. The path is what stands behind it. It is looked for nowhere else,
 * and taken off once. Never to be called for a command line: what that contains is evidence.
 */
size_t muster_image_path_prefix_bytes(const uint16_t *units, size_t units_bytes);

#ifdef __cplusplus
}
#endif

#endif
