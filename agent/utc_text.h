/* SPDX-License-Identifier: Apache-2.0 */
/* A time for a person and for a program: 2026-08-20T11:18:02.830Z; and the times that stand in the output, read. */
#ifndef MUSTER_UTC_TEXT_H
#define MUSTER_UTC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTC_TEXT_BYTES 40

/* To the millisecond, rounded down. Returns `text`. */
const char *utc_text(uint64_t since_1970_ns, char text[UTC_TEXT_BYTES]);

/* "2026-08-20T11:18:02.830123456Z", from 1970 to 2262, digits behind the point as many as nine or none; nothing else.
 */
bool utc_parse(const char *text, size_t size_bytes, uint64_t *ret_since_1970_ns);

#endif
