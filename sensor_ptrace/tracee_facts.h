/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says about a process or thread that stands still, or has just ended and was not waited for. */
#ifndef MUSTER_TRACEE_FACTS_H
#define MUSTER_TRACEE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "muster/wire.h"

struct tracee_facts {
    struct muster_process process; /* start_ns is to the tick; tid and parent_start_ns are the caller's */
    uint64_t args_begin, args_end; /* 0 where this image may not be read */
    uint32_t name_bytes;
    char name[64];
    bool no_new_privileges;
    bool ended; /* a zombie: ended, and not waited for by whoever should */
};

/* Of the process that `tid` belongs to, as that thread shows it. False where there is none. */
bool tracee_facts_read(uint32_t tid, struct tracee_facts *ret_facts);

/* When a process began, to the tick. */
bool tracee_start_read(uint32_t pid, uint64_t *ret_start_ns);

#endif
