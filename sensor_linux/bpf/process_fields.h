/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Fields that every process event has, read from the task. */
#ifndef MUSTER_PROCESS_FIELDS_H
#define MUSTER_PROCESS_FIELDS_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "muster/wire.h"

#define PROCESS_VALID                                                                                                  \
    (MUSTER_FIELD_BIT(MUSTER_FIELD_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_TID) | MUSTER_FIELD_BIT(MUSTER_FIELD_START) |  \
     MUSTER_FIELD_BIT(MUSTER_FIELD_PARENT_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_PARENT_START) |                         \
     MUSTER_FIELD_BIT(MUSTER_FIELD_SESSION) | MUSTER_FIELD_BIT(MUSTER_FIELD_USER) |                                    \
     MUSTER_FIELD_BIT(MUSTER_FIELD_GROUP) | MUSTER_FIELD_BIT(MUSTER_FIELD_REAL_USER) |                                 \
     MUSTER_FIELD_BIT(MUSTER_FIELD_REAL_GROUP))

/*
 * `task` is any thread of the process, `tid` the one that acted. All pointers are followed by
 * loads that the verifier guards: one that is stale or NULL reads as 0.
 */
static __always_inline void process_fill(struct muster_process *process, struct task_struct *task, __u32 tid)
{
    struct task_struct *parent = task->real_parent;
    const struct cred *cred = task->cred;

    process->pid = task->tgid;
    process->tid = tid;
    process->start_ns = task->group_leader->start_boottime;
    process->parent_pid = parent->tgid;
    process->parent_start_ns = parent->group_leader->start_boottime;
    process->session_id = task->signal->pids[PIDTYPE_SID]->numbers[0].nr;
    process->user_id = cred->euid.val;
    process->group_id = cred->egid.val;
    process->real_user_id = cred->uid.val;
    process->real_group_id = cred->gid.val;
}

/* The name of the process's first thread as a text: 16 to 32 bytes with its header. */
struct thread_name_text {
    struct muster_text_header header;
    char name[TASK_COMM_LEN + 8]; /* the rear only lets the verifier see an end */
};

static __always_inline __u32 thread_name_fill(struct thread_name_text *text, struct task_struct *task)
{
    struct task_struct *leader = task->group_leader;
    long length;
    __u32 size;

    __builtin_memset(text, 0, sizeof(*text)); /* the padding too: what follows stops at the NUL */
    length = bpf_probe_read_kernel_str(text->name, TASK_COMM_LEN, leader->comm);
    size = length > 0 ? length - 1 : 0;
    text->header.field = MUSTER_FIELD_THREAD_NAME;
    text->header.size_bytes = size;
    text->header.head_bytes = size;
    text->header.full_bytes = size;
    return sizeof(text->header) + ((size + 7) & 0x18);
}

#endif
