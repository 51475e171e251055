/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a capture, in a sentence. */
#ifndef MUSTER_DAMAGE_TEXT_H
#define MUSTER_DAMAGE_TEXT_H

#include <stdint.h>

#include "muster/capture_file.h"

#define DAMAGE_TEXT_BYTES 512

/* "bytes 2304 to 2687 (frame 3) are not as they were written; 5 events are lost (start 2, exit 3; numbers 1 to 5),
 * between 2026-08-20T10:00:00.002Z and 2026-08-20T10:00:00.003Z". Returns `text`. */
const char *damage_text(const struct muster_capture_damage *damage, char text[DAMAGE_TEXT_BYTES]);

/* How many numbered events were lost, as far as that is known. */
uint64_t damage_count(const struct muster_capture_damage *damage);

#endif
