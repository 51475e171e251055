/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The cgroup of a task in the unified hierarchy (v2), and its path from the root of that: what /proc/PID/cgroup
 * says behind "0::" to a reader in the initial cgroup namespace. From the leaf up, each name once; names of the
 * unified hierarchy never change.
 */
#ifndef MUSTER_CGROUP_PATH_H
#define MUSTER_CGROUP_PATH_H

#include "kernel_path.h"
#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define CGROUP_STEPS_MAX 2048 /* "/a" as often as 4,096 bytes hold it, and the root */

/* NULL where the kernel has no cgroups. */
static __always_inline struct kernfs_node *cgroup_node(struct task_struct *task)
{
    if (!bpf_core_field_exists(task->cgroups))
        return NULL;
    return task->cgroups->dfl_cgrp->kn;
}

static __always_inline struct kernfs_node *cgroup_node_parent(struct kernfs_node *node)
{
    if (bpf_core_field_exists(node->__parent))
        return BPF_CORE_READ(node, __parent);
    return BPF_CORE_READ((struct kernfs_node___6_1 *)node, parent);
}

struct cgroup_walk {
    struct kernfs_node *node;
    struct path_growth path;
    __u32 failed;
};

static long cgroup_step(__u32 index, struct cgroup_walk *walk)
{
    struct kernfs_node *node = walk->node, *parent = cgroup_node_parent(node);
    char *name = &walk->path.buffer->bytes[MUSTER_PATH_MAX_BYTES]; /* the rear, which no path reaches */
    long length;

    (void)index;
    if (!parent)
        return 1; /* the root, which has no name */
    length = bpf_probe_read_kernel_str(name, PATH_NAME_MAX, BPF_CORE_READ(node, name));
    if (length <= 1) {
        walk->failed = 1;
        return 1;
    }
    walk->node = parent;
    walk->failed = !path_prepend(&walk->path, name, length - 1);
    return walk->failed;
}

/* 0 where the path could not be read. */
static __always_inline int cgroup_path_read(struct kernfs_node *node, struct path_buffer *buffer, struct path_text *ret)
{
    struct cgroup_walk walk = {.node = node, .path = {.buffer = buffer, .begin = MUSTER_PATH_MAX_BYTES}};

    if (bpf_loop(CGROUP_STEPS_MAX, cgroup_step, &walk, 0) >= CGROUP_STEPS_MAX || walk.failed)
        return 0;
    path_finish(&walk.path, ret);
    return 1;
}

#endif
