/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The digest of a command line that a skeleton has (MUSTER_FIELD_ARGS_DIGEST): SipHash-2-4 (Aumasson and Bernstein,
 * 2012) of the first MUSTER_ARGS_DIGEST_BYTES of the argument area, with the key of the published test vectors, bytes 0
 * to 15. Who knows the command line can compute it, and so recognise it; docs/record-format.md has that in a few lines
 * of Python. It is not against somebody who wants two command lines to have one digest: the key is known.
 *
 * Rejected: SHA-256, which takes ten times as long, in a place where a process waits for us.
 *
 * The BPF programs and who reads the stream share it. Any context; no lock, no memory but the caller's.
 */
#ifndef MUSTER_DIGEST_H
#define MUSTER_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "muster/event.h"

/* BPF has no calls to spare. */
#define MUSTER_DIGEST_INLINE static inline __attribute__((always_inline))

#define MUSTER_DIGEST_KEY_LOW  0x0706050403020100ULL
#define MUSTER_DIGEST_KEY_HIGH 0x0f0e0d0c0b0a0908ULL

struct muster_digest {
    uint64_t v0, v1, v2, v3;
};

MUSTER_DIGEST_INLINE uint64_t muster_digest_rotated(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

MUSTER_DIGEST_INLINE void muster_digest_round(struct muster_digest *digest)
{
    digest->v0 += digest->v1;
    digest->v1 = muster_digest_rotated(digest->v1, 13) ^ digest->v0;
    digest->v0 = muster_digest_rotated(digest->v0, 32);
    digest->v2 += digest->v3;
    digest->v3 = muster_digest_rotated(digest->v3, 16) ^ digest->v2;
    digest->v0 += digest->v3;
    digest->v3 = muster_digest_rotated(digest->v3, 21) ^ digest->v0;
    digest->v2 += digest->v1;
    digest->v1 = muster_digest_rotated(digest->v1, 17) ^ digest->v2;
    digest->v2 = muster_digest_rotated(digest->v2, 32);
}

MUSTER_DIGEST_INLINE void muster_digest_begin(struct muster_digest *digest)
{
    digest->v0 = MUSTER_DIGEST_KEY_LOW ^ 0x736f6d6570736575ULL;
    digest->v1 = MUSTER_DIGEST_KEY_HIGH ^ 0x646f72616e646f6dULL;
    digest->v2 = MUSTER_DIGEST_KEY_LOW ^ 0x6c7967656e657261ULL;
    digest->v3 = MUSTER_DIGEST_KEY_HIGH ^ 0x7465646279746573ULL;
}

/* Eight bytes, little-endian. */
MUSTER_DIGEST_INLINE void muster_digest_add(struct muster_digest *digest, uint64_t word)
{
    digest->v3 ^= word;
    muster_digest_round(digest);
    muster_digest_round(digest);
    digest->v0 ^= word;
}

/* `rest`: the bytes behind the last eight, less than eight of them, the others 0. */
MUSTER_DIGEST_INLINE uint64_t muster_digest_end(struct muster_digest *digest, uint64_t rest, uint64_t size_bytes)
{
    muster_digest_add(digest, rest | size_bytes << 56);
    digest->v2 ^= 0xff;
    muster_digest_round(digest);
    muster_digest_round(digest);
    muster_digest_round(digest);
    muster_digest_round(digest);
    return digest->v0 ^ digest->v1 ^ digest->v2 ^ digest->v3;
}

/* Of an argument area: each argument followed by a NUL. What is longer than MUSTER_ARGS_DIGEST_BYTES is not looked at.
 */
static inline uint64_t muster_args_digest(const void *args, size_t size_bytes)
{
    const unsigned char *bytes = (const unsigned char *)args;
    size_t size = size_bytes < MUSTER_ARGS_DIGEST_BYTES ? size_bytes : MUSTER_ARGS_DIGEST_BYTES;
    struct muster_digest digest;
    uint64_t word = 0;

    muster_digest_begin(&digest);
    for (size_t i = 0; i < size; i++) {
        word |= (uint64_t)bytes[i] << (i % 8 * 8);
        if (i % 8 == 7) {
            muster_digest_add(&digest, word);
            word = 0;
        }
    }
    return muster_digest_end(&digest, word, size);
}

#endif
