/* SPDX-License-Identifier: Apache-2.0 */
/* A time for a person and for a program: 2026-08-20T11:18:02.830Z. */
#ifndef MUSTER_UTC_TEXT_H
#define MUSTER_UTC_TEXT_H

#include <stdint.h>

#define UTC_TEXT_BYTES 40

/* To the millisecond, rounded down. Returns `text`. */
const char *utc_text(uint64_t since_1970_ns, char text[UTC_TEXT_BYTES]);

#endif
