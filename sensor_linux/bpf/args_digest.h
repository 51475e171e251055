/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The digest of muster/digest.h, of the arguments of the current process. */
#ifndef MUSTER_ARGS_DIGEST_H
#define MUSTER_ARGS_DIGEST_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "muster/digest.h"
#include "start_scratch.h"
#include "texts.h"

struct args_reading {
    struct muster_digest digest;
    const struct path_buffer *buffer;
};

static long digest_step(__u32 index, struct args_reading *reading)
{
    __u32 offset = index * 8 & (MUSTER_ARGS_DIGEST_BYTES - 8); /* for the verifier */

    muster_digest_add(&reading->digest, *(const __u64 *)&reading->buffer->bytes[offset]);
    return 0;
}

/* 0 where they could not be read. */
static __always_inline int args_digest(struct path_buffer *buffer, unsigned long begin, unsigned long full,
                                       uint64_t *ret_digest)
{
    struct args_reading reading = {.buffer = buffer};
    __u32 size = bounded(full > MUSTER_ARGS_DIGEST_BYTES ? MUSTER_ARGS_DIGEST_BYTES : full, MUSTER_ARGS_DIGEST_BYTES);
    __u64 *last = (__u64 *)&buffer->bytes[size & ~7U];

    *last = 0;
    if (bpf_probe_read_user(buffer->bytes, size, (const void *)begin))
        return 0;
    muster_digest_begin(&reading.digest);
    bpf_loop(size / 8, digest_step, &reading, 0);
    *ret_digest = muster_digest_end(&reading.digest, *last, size);
    return 1;
}

MUSTER_STATIC_ASSERT(MUSTER_ARGS_DIGEST_BYTES <= MUSTER_PATH_MAX_BYTES, "what is digested fits a path's buffer");

#endif
