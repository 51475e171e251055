/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The absolute path of a struct path, as d_path() gives it for the global root: from the leaf up,
 * across mounts, written from the end of a buffer towards its beginning.
 *
 * A bounded `for` over 64 components is over the verifier's limit of a million instructions;
 * bpf_loop() verifies its body once. The path begins at the root of the mount namespace: a process in
 * a chroot gets more than it sees itself, one in a container gets its container's path.
 */
#ifndef MUSTER_KERNEL_PATH_H
#define MUSTER_KERNEL_PATH_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "muster/wire.h"
#include "start_scratch.h"

#define PATH_NAME_MAX  START_NAME_MAX
#define PATH_STEPS_MAX 2304 /* components of a path of 4,096 bytes, and mounts on the way */

/* A path that grows towards the buffer's beginning, and ends at MUSTER_PATH_MAX_BYTES. */
struct path_growth {
    struct path_buffer *buffer;
    __u32 begin;      /* of what is written */
    __u32 full_bytes; /* of the whole path; more than what is written if that did not fit */
};

struct path_walk {
    struct dentry *dentry;
    struct dentry *mount_root;
    struct mount *mount;
    struct path_growth path;
    __u32 memfd;
    __u32 failed;
};

/* What a step needs of a dentry. In every kernel so far the two stand together, so that one read
 * fetches both; where they do not, they are read apart. */
struct dentry_head {
    struct dentry *parent;
    struct qstr name;
};

static __always_inline void dentry_read(struct dentry *dentry, struct dentry_head *head)
{
    const __u32 parent_at = bpf_core_field_offset(struct dentry, d_parent);
    const __u32 name_at = bpf_core_field_offset(struct dentry, d_name);
    const __u32 length_at = bpf_core_field_offset(struct qstr, len);

    if (name_at == parent_at + 8 && length_at == 4 && bpf_core_field_offset(struct qstr, name) == 8) {
        struct {
            struct dentry *parent;
            __u32 hash;
            __u32 length;
            const unsigned char *name;
        } together;

        bpf_probe_read_kernel(&together, sizeof(together), (void *)dentry + parent_at);
        head->parent = together.parent;
        head->name.len = together.length;
        head->name.name = together.name;
    } else {
        head->parent = BPF_CORE_READ(dentry, d_parent);
        head->name.len = BPF_CORE_READ(dentry, d_name.len);
        head->name.name = BPF_CORE_READ(dentry, d_name.name);
    }
}

/* Puts a slash and a name before it. False where the name could not be read. */
static __always_inline int path_prepend(struct path_growth *path, const void *name, __u32 length)
{
    __u32 begin;

    if (length >= PATH_NAME_MAX)
        return 0;
    path->full_bytes += length + 1;
    if (path->full_bytes > MUSTER_PATH_MAX_BYTES)
        return 1; /* keeps counting: the true length is told */
    begin = MUSTER_PATH_MAX_BYTES - path->full_bytes;
    path->begin = begin;
    begin &= MUSTER_PATH_MAX_BYTES - 1; /* for the verifier */
    path->buffer->bytes[begin] = '/';
    return bpf_probe_read_kernel(&path->buffer->bytes[begin + 1], length & (PATH_NAME_MAX - 1), name) == 0;
}

/* A dentry that is its own parent and no root belongs to a file without a place: a memfd by its name,
 * mm/memfd.c. */
static __always_inline __u32 is_memfd(const struct dentry_head *head)
{
    char begin[sizeof("memfd:") - 1] = {};

    bpf_probe_read_kernel(begin, sizeof(begin), head->name.name);
    return begin[0] == 'm' && begin[1] == 'e' && begin[2] == 'm' && begin[3] == 'f' && begin[4] == 'd' &&
           begin[5] == ':';
}

static long path_step(__u32 index, struct path_walk *walk)
{
    struct dentry *dentry = walk->dentry;
    struct dentry_head head = {};

    (void)index;
    if (dentry == walk->mount_root) {
        struct mount *mount = walk->mount;
        struct mount *above = BPF_CORE_READ(mount, mnt_parent);

        if (above == mount || !above)
            return 1;
        walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
        walk->mount = above;
        walk->mount_root = BPF_CORE_READ(above, mnt.mnt_root);
        return 0;
    }
    dentry_read(dentry, &head);
    if (!head.parent) {
        walk->failed = 1;
        return 1;
    }
    if (head.parent == dentry && head.name.len == 1)
        return 1; /* the root of a file system, reached from outside of what is mounted of it */
    if (!path_prepend(&walk->path, head.name.name, head.name.len)) {
        walk->failed = 1;
        return 1;
    }
    if (head.parent == dentry) {
        walk->memfd = is_memfd(&head);
        return 1;
    }
    walk->dentry = head.parent;
    return 0;
}

struct path_text {
    __u32 size_bytes; /* kept: the end of the path, at bytes[begin] of the buffer */
    __u32 full_bytes;
    __u32 begin;
    __u32 memfd;
};

static __always_inline void path_finish(struct path_growth *path, struct path_text *ret)
{
    if (path->full_bytes == 0) { /* the root itself */
        path->buffer->bytes[MUSTER_PATH_MAX_BYTES - 1] = '/';
        path->begin = MUSTER_PATH_MAX_BYTES - 1;
        path->full_bytes = 1;
    }
    ret->begin = path->begin & (MUSTER_PATH_MAX_BYTES - 1);
    ret->size_bytes = MUSTER_PATH_MAX_BYTES - ret->begin;
    ret->full_bytes = path->full_bytes;
}

/* 0 where the path could not be read. */
static __always_inline int path_read(struct vfsmount *vfsmount, struct dentry *dentry, struct path_buffer *buffer,
                                     struct path_text *ret)
{
    struct path_walk walk = {.dentry = dentry, .path = {.buffer = buffer, .begin = MUSTER_PATH_MAX_BYTES}};

    if (!vfsmount || !dentry)
        return 0;
    walk.mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
    walk.mount_root = BPF_CORE_READ(vfsmount, mnt_root);
    if (bpf_loop(PATH_STEPS_MAX, path_step, &walk, 0) >= PATH_STEPS_MAX || walk.failed)
        return 0;
    path_finish(&walk.path, ret);
    ret->memfd = walk.memfd;
    return 1;
}

#endif
