/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How many bytes of a ring one group has in it: counted by stretches of the ring's positions, each an eighth of it, so
 * that what was read needs not to be taken out again. A stretch that was read in part counts whole. Of several CPUs at
 * the first byte of a stretch one may be forgotten: it is a share, not an account.
 */
#ifndef MUSTER_SHARE_USE_H
#define MUSTER_SHARE_USE_H

#include <stdint.h>

#define SHARE_STRETCHES         16 /* more than are in the ring at once */
#define SHARE_STRETCHES_IN_RING 8

struct share_use {
    struct {
        uint32_t number;
        uint32_t bytes;
    } stretches[SHARE_STRETCHES];
};

static inline __attribute__((always_inline)) uint32_t share_stretch(uint64_t position, uint64_t ring_bytes)
{
    return (uint32_t)(position / (ring_bytes / SHARE_STRETCHES_IN_RING));
}

/* At `stretch` of the producer's position. */
static inline __attribute__((always_inline)) void share_add(struct share_use *use, uint32_t stretch, uint32_t bytes)
{
    uint32_t place = stretch % SHARE_STRETCHES;

    if (use->stretches[place].number != stretch) {
        use->stretches[place].number = stretch;
        use->stretches[place].bytes = 0;
    }
    __sync_fetch_and_add(&use->stretches[place].bytes, bytes);
}

/* `oldest` is the stretch of the consumer's position. */
static inline __attribute__((always_inline)) uint64_t share_held(const struct share_use *use, uint32_t oldest)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < SHARE_STRETCHES; i++)
        if (use->stretches[i].number - oldest <= SHARE_STRETCHES_IN_RING)
            bytes += use->stretches[i].bytes;
    return bytes;
}

#endif
