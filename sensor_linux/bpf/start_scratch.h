/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a start record is put together, and how large that is: what the BPF programs (texts.h) and the loader, which
 * gives each CPU one, have to agree on. Its size depends on how much of the arguments is kept.
 */
#ifndef MUSTER_START_SCRATCH_H
#define MUSTER_START_SCRATCH_H

#include "muster/wire.h"

#define START_NAME_MAX  256U /* of a file, and a slash */
#define START_TEXT_PATH (sizeof(struct muster_text_header) + MUSTER_PATH_MAX_BYTES)
#define START_TEXT_NAME (sizeof(struct muster_text_header) + 16U)

/* Executable and working directory stand before the arguments; script, name, the parent's executable, cgroup and
 * interpreter behind them. */
#define START_ARGS_OFFSET_MAX (sizeof(struct muster_process_start) + 2 * START_TEXT_PATH)
#define START_OFFSET_MAX(args_bytes)                                                                                   \
    (START_ARGS_OFFSET_MAX + sizeof(struct muster_text_header) + (args_bytes) + 3 * START_TEXT_PATH + START_TEXT_NAME)
#define START_RECORD_BYTES(args_bytes) (START_OFFSET_MAX(args_bytes) + START_TEXT_PATH)

struct path_buffer {
    char bytes[MUSTER_PATH_MAX_BYTES + START_NAME_MAX]; /* the rear part only lets the verifier see an end */
};

struct start_scratch {
    struct path_buffer path;
    union {
        struct muster_process_start start;
        unsigned char bytes[START_RECORD_BYTES(MUSTER_ARGS_LIMIT_MAX)];
        uint64_t words[START_RECORD_BYTES(MUSTER_ARGS_LIMIT_MAX) / 8];
    };
};

#define START_SCRATCH_BYTES(args_bytes) (sizeof(struct path_buffer) + START_RECORD_BYTES(args_bytes))

MUSTER_STATIC_ASSERT(START_RECORD_BYTES(MUSTER_ARGS_LIMIT_MAX) <= MUSTER_RECORD_MAX_BYTES,
                     "the longest start is a record");
MUSTER_STATIC_ASSERT(sizeof(struct path_buffer) % 8 == 0, "words are aligned");

#endif
