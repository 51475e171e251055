/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fair shares of the ring, so that a fork bomb does not blind the sensor to everybody else.
 * docs/adr/0008-fair-shares.md has the argument.
 *
 * While more than MUSTER_SHARE_PRESSED of the ring is full, what is put into it is charged to two groups: the session
 * within its cgroup, and the parent. A group may hold so many bytes as stand in proportion to what is free: a quarter
 * for forks, half for exits, as much for whole starts, and twice as much for skeletons. So one alone comes to have 12
 * sixteenths of the ring, several have less each, and who comes last finds room.
 *
 * Below that nothing here is called.
 */
#ifndef MUSTER_FAIR_SHARE_H
#define MUSTER_FAIR_SHARE_H

#include "cgroup_path.h"
#include "emit.h"
#include "kernel_types.h"

struct share_group {
    __u64 first;
    __u64 second; /* 0: there is none */
};

/* What is asked of the groups, and charged to them. */
struct share_claim {
    struct share_group groups[2];
    __u64 ring_bytes;
    __u64 free_bytes;
};

/* What a group may hold, in quarters of what is free. */
enum { SHARE_OF_FORKS = 1, SHARE_OF_EXITS = 2, SHARE_OF_STARTS = 4, SHARE_OF_SKELETONS = 8 };

#define SHARE_SESSION (1ULL << 32)
#define SHARE_PARENT  (2ULL << 32)

/* Functions of their own, verified once: what the larger of the two groups holds, and a charge to both. */
__u64 shares_held(struct share_claim *claim);
int shares_charge(struct share_claim *claim, __u32 size_bytes);

static __always_inline int ring_is_pressed(const struct ring_state *state)
{
    return state->used_bytes > state->size_bytes / MUSTER_SHARE_UNIT * MUSTER_SHARE_PRESSED;
}

/* Returns what the larger of its groups holds. The first process of the machine is no group: it adopts everybody's
 * orphans. */
static __always_inline __u64 share_claim(struct share_claim *claim, struct task_struct *task,
                                         const struct ring_state *state)
{
    struct kernfs_node *node = cgroup_node(task);
    struct task_struct *parent = task->real_parent;
    __u32 session = task->signal->pids[PIDTYPE_SID]->numbers[0].nr;
    __u32 parent_pid = parent->tgid;

    claim->ring_bytes = state->size_bytes;
    claim->free_bytes = state->used_bytes < state->size_bytes ? state->size_bytes - state->used_bytes : 0;
    claim->groups[0].first = node ? node->id : 0;
    claim->groups[0].second = SHARE_SESSION | session;
    claim->groups[1].first = parent->group_leader->start_boottime;
    claim->groups[1].second = parent_pid > 1 ? SHARE_PARENT | parent_pid : 0;
    return shares_held(claim);
}

static __always_inline int share_is_exceeded(const struct share_claim *claim, __u64 held_bytes, unsigned quarters)
{
    return held_bytes * 4 > claim->free_bytes * quarters;
}

#endif
