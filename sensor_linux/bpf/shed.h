/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Telling whose events are lost (sensor_shared.h), where a program loses one. */
#ifndef MUSTER_BPF_SHED_H
#define MUSTER_BPF_SHED_H

#include "emit.h"
#include "kernel_types.h"

struct shed_who {
    __u64 parent[2];
    char parent_name[TASK_COMM_LEN];
    union {
        char name[TASK_COMM_LEN];
        __u64 name_words[2];
    };
};

/* A function of its own, verified once. `program`: that of sensor_shared.h. */
int shed_count(struct shed_who *who, __u32 program);

static __always_inline void shed_tell(struct task_struct *task, unsigned type)
{
    struct task_struct *parent = task->real_parent;
    struct task_struct *leader = task->group_leader, *parent_leader = parent->group_leader;
    struct shed_who who = {};

    who.parent[0] = parent_leader->start_boottime;
    who.parent[1] = parent->tgid;
    bpf_probe_read_kernel_str(who.parent_name, sizeof(who.parent_name), parent_leader->comm);
    bpf_probe_read_kernel_str(who.name, sizeof(who.name), leader->comm);
    shed_count(&who, type - 1);
}

/* Counts the event as lost, and whose it was; ends the birth. */
static __always_inline int task_shed(struct birth *birth, struct task_struct *task, unsigned type, unsigned cause)
{
    event_shed(birth, cause);
    shed_tell(task, type);
    return 0;
}

#endif
