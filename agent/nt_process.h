/* SPDX-License-Identifier: Apache-2.0 */
/* A process that runs, as far as an administrator may ask about it. */
#ifndef MUSTER_NT_PROCESS_H
#define MUSTER_NT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/record.h"

#define NT_PROCESS_PATH_BYTES (3 * 32768) /* the longest path, in WTF-8 */
#define NT_PROCESS_SID_BYTES  192

/* A list of the processes that there are, by ascending pid. */
struct nt_process_name {
    uint64_t start_ns; /* 0: not known */
    uint32_t pid;
    uint32_t parent_pid;
};

struct nt_process_list {
    struct nt_process_name *processes;
    size_t count;
};

/* False with GetLastError set. */
bool nt_process_list_make(struct nt_process_list *ret_list);
void nt_process_list_free(struct nt_process_list *list);

/* NULL where it is not there. */
const struct nt_process_name *nt_process_list_find(const struct nt_process_list *list, uint32_t pid);

/* One process as a record, MUSTER_EVENT_PROCESS_RUNNING, but for its texts, which are beside it. */
struct nt_process {
    struct muster_process_start start;
    struct muster_text texts[2];
    size_t text_count;
    char path[NT_PROCESS_PATH_BYTES];
    char sid[NT_PROCESS_SID_BYTES];
};

/* What is known of a process of the list. What was asked for and not told is unavailable. */
void nt_process_read(const struct nt_process_list *list, const struct nt_process_name *name,
                     struct nt_process *ret_process);

#endif
