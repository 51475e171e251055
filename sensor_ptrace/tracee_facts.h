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
    uint64_t capabilities_effective, capabilities_permitted;
    uint32_t process_group_id; /* 0: its leader is outside of this pid namespace */
    uint32_t tty_device;       /* major << 20 | minor; 0: none */
    uint32_t namespace_pid;    /* the pid in its own pid namespace; 0: this kernel does not tell */
    uint32_t name_bytes;
    char name[64];
    bool no_new_privileges;
    bool waited_for_children; /* for one that ran, at least */
    bool ended;               /* a zombie: ended, and not waited for by whoever should */
};

/* Of the process that `tid` belongs to, as that thread shows it. False where there is none. */
bool tracee_facts_read(uint32_t tid, struct tracee_facts *ret_facts);

/* When a process began, to the tick. */
bool tracee_start_read(uint32_t pid, uint64_t *ret_start_ns);

#endif
