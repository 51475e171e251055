/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entity ids as hex digits. A process appears at its start, at its exit and as the parent of
 * others, so the last ids are remembered: a hash costs as much as half a line.
 */
#ifndef MUSTER_SINKS_ENTITY_H
#define MUSTER_SINKS_ENTITY_H

#include <stdbool.h>
#include <stdint.h>

struct muster_stream;

enum { ENTITY_DIGITS = 32, ENTITY_SLOTS = 1024 };

struct entity_slot {
    uint64_t start_ns;
    uint32_t pid;
    bool used;
    char digits[ENTITY_DIGITS];
};

/* Zeroed to begin with. One boot's only. */
struct entity_cache {
    struct entity_slot slots[ENTITY_SLOTS];
};

/* ENTITY_DIGITS digits, until the next call; NULL where the stream does not name the boot. */
const char *entity_digits(struct entity_cache *cache, const struct muster_stream *stream, uint32_t pid,
                          uint64_t start_ns);

#endif
