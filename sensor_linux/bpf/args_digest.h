/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The digest of a command line: SipHash-2-4 (Aumasson and Bernstein, 2012) of the first MUSTER_ARGS_DIGEST_BYTES of the
 * argument area, with the key of the published test vectors, bytes 0 to 15. Who knows the command line can compute it,
 * and so recognise it; docs/record-format.md has that in a few lines of Python. It is not against somebody who wants
 * two command lines to have one digest: the key is known.
 *
 * Rejected: SHA-256, which takes ten times as long, in a place where a process waits for us.
 */
#ifndef MUSTER_ARGS_DIGEST_H
#define MUSTER_ARGS_DIGEST_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "start_scratch.h"
#include "texts.h"

#define DIGEST_KEY_LOW  0x0706050403020100ULL
#define DIGEST_KEY_HIGH 0x0f0e0d0c0b0a0908ULL

struct digest {
    __u64 v0, v1, v2, v3;
    const struct path_buffer *buffer;
};

static __always_inline __u64 rotated(__u64 word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static __always_inline void digest_round(struct digest *digest)
{
    digest->v0 += digest->v1;
    digest->v1 = rotated(digest->v1, 13) ^ digest->v0;
    digest->v0 = rotated(digest->v0, 32);
    digest->v2 += digest->v3;
    digest->v3 = rotated(digest->v3, 16) ^ digest->v2;
    digest->v0 += digest->v3;
    digest->v3 = rotated(digest->v3, 21) ^ digest->v0;
    digest->v2 += digest->v1;
    digest->v1 = rotated(digest->v1, 17) ^ digest->v2;
    digest->v2 = rotated(digest->v2, 32);
}

static __always_inline void digest_add(struct digest *digest, __u64 word)
{
    digest->v3 ^= word;
    digest_round(digest);
    digest_round(digest);
    digest->v0 ^= word;
}

static long digest_step(__u32 index, struct digest *digest)
{
    __u32 offset = index * 8 & (MUSTER_ARGS_DIGEST_BYTES - 8); /* for the verifier */

    digest_add(digest, *(const __u64 *)&digest->buffer->bytes[offset]);
    return 0;
}

static __always_inline __u64 digest_end(struct digest *digest)
{
    digest->v2 ^= 0xff;
    digest_round(digest);
    digest_round(digest);
    digest_round(digest);
    digest_round(digest);
    return digest->v0 ^ digest->v1 ^ digest->v2 ^ digest->v3;
}

/* Of the current process's arguments. 0 where they could not be read. */
static __always_inline int args_digest(struct path_buffer *buffer, unsigned long begin, unsigned long full,
                                       uint64_t *ret_digest)
{
    struct digest digest = {
        .v0 = DIGEST_KEY_LOW ^ 0x736f6d6570736575ULL,
        .v1 = DIGEST_KEY_HIGH ^ 0x646f72616e646f6dULL,
        .v2 = DIGEST_KEY_LOW ^ 0x6c7967656e657261ULL,
        .v3 = DIGEST_KEY_HIGH ^ 0x7465646279746573ULL,
        .buffer = buffer,
    };
    __u32 size = bounded(full > MUSTER_ARGS_DIGEST_BYTES ? MUSTER_ARGS_DIGEST_BYTES : full, MUSTER_ARGS_DIGEST_BYTES);
    __u64 *last = (__u64 *)&buffer->bytes[size & ~7U];

    *last = 0;
    if (bpf_probe_read_user(buffer->bytes, size, (const void *)begin))
        return 0;
    bpf_loop(size / 8, digest_step, &digest, 0);
    digest_add(&digest, *last | (__u64)size << 56);
    *ret_digest = digest_end(&digest);
    return 1;
}

MUSTER_STATIC_ASSERT(MUSTER_ARGS_DIGEST_BYTES <= MUSTER_PATH_MAX_BYTES, "what is digested fits a path's buffer");

#endif
