/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a start and the baseline have beside the fields of every process event: scalars, read from the task and the
 * image. A pointer that may be NULL or go away is followed by loads that the verifier guards, and what was read
 * through it counts only if it still stands there afterwards.
 */
#ifndef MUSTER_START_FIELDS_H
#define MUSTER_START_FIELDS_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "muster/wire.h"

#define NS_PER_S       1000000000ULL
#define MTIME_S_MAX    (~0ULL / NS_PER_S) /* a time since 1970 in 64 bits of ns: until 2554 */
#define TTY_MINOR_BITS 20
#define PID_LEVEL_MAX  32 /* include/linux/pid_namespace.h, MAX_PID_NS_LEVEL */

/* Keeps a read of the kernel's memory where it stands. */
#define volatile_read(member) (*(const volatile __typeof__(member) *)&(member))

static __always_inline __u64 tty_fill(struct muster_process_start *start, struct signal_struct *signal)
{
    struct tty_struct *tty = volatile_read(signal->tty);

    if (!tty)
        return 0;
    start->tty_device = tty->driver->major << TTY_MINOR_BITS | (tty->driver->minor_start + tty->index);
    return volatile_read(signal->tty) == tty ? MUSTER_FIELD_BIT(MUSTER_FIELD_TTY) : 0;
}

static __always_inline __u64 login_user_fill(struct muster_process_start *start, struct task_struct *task)
{
    if (!bpf_core_field_exists(task->loginuid))
        return 0;
    start->login_user_id = task->loginuid.val;
    return start->login_user_id != INVALID_UID ? MUSTER_FIELD_BIT(MUSTER_FIELD_LOGIN_USER) : 0;
}

static __always_inline __u64 pid_namespace_fill(struct muster_process_start *start, struct pid *pid)
{
    __u64 level = pid->level; /* Linux 6.1's verifier does not follow the product of 32-bit numbers */

    start->pid_namespace = 0;
    barrier_var(level); /* bounded() of texts.h says why */
    if (level == 0) {
        start->namespace_pid = pid->numbers[0].nr;
        start->pid_namespace = pid->numbers[0].ns->ns.inum;
    } else if (level <= PID_LEVEL_MAX) { /* the verifier wants a fixed offset for a load, so this is no load */
        const void *numbers = (const void *)pid + bpf_core_field_offset(struct pid, numbers);
        struct upid *own = (void *)numbers + level * bpf_core_type_size(struct upid);

        start->namespace_pid = BPF_CORE_READ(own, nr);
        start->pid_namespace = BPF_CORE_READ(own, ns, ns.inum);
    }
    return start->pid_namespace && start->namespace_pid
               ? MUSTER_FIELD_BIT(MUSTER_FIELD_PID_NAMESPACE) | MUSTER_FIELD_BIT(MUSTER_FIELD_NAMESPACE_PID)
               : 0;
}

static __always_inline __u64 mount_namespace_fill(struct muster_process_start *start, struct task_struct *task)
{
    struct nsproxy *nsproxy = volatile_read(task->nsproxy);

    start->mount_namespace = nsproxy->mnt_ns->ns.inum;
    return start->mount_namespace && volatile_read(task->nsproxy) == nsproxy
               ? MUSTER_FIELD_BIT(MUSTER_FIELD_MOUNT_NAMESPACE)
               : 0;
}

static __always_inline void start_fill(struct muster_process_start *start, struct task_struct *task)
{
    const struct cred *cred = task->cred;
    struct signal_struct *signal = task->signal;
    __u64 valid = MUSTER_FIELD_BIT(MUSTER_FIELD_CAPABILITIES_EFFECTIVE) |
                  MUSTER_FIELD_BIT(MUSTER_FIELD_CAPABILITIES_PERMITTED) | MUSTER_FIELD_BIT(MUSTER_FIELD_PROCESS_GROUP);

    start->capabilities_effective = cred->cap_effective.bits;
    start->capabilities_permitted = cred->cap_permitted.bits;
    start->process_group_id = signal->pids[PIDTYPE_PGID]->numbers[0].nr;
    valid |= tty_fill(start, signal);
    valid |= login_user_fill(start, task);
    valid |= pid_namespace_fill(start, signal->pids[PIDTYPE_TGID]);
    valid |= mount_namespace_fill(start, task);
    start->record.valid |= valid;
}

static __always_inline void image_time_fill(struct muster_process_start *start, struct inode *inode)
{
    __u64 seconds;
    __u32 ns;

    if (bpf_core_field_exists(inode->i_mtime_sec)) {
        seconds = inode->i_mtime_sec;
        ns = inode->i_mtime_nsec;
    } else if (bpf_core_field_exists(((struct inode___6_7 *)inode)->__i_mtime)) {
        seconds = ((struct inode___6_7 *)inode)->__i_mtime.tv_sec;
        ns = ((struct inode___6_7 *)inode)->__i_mtime.tv_nsec;
    } else {
        seconds = ((struct inode___6_1 *)inode)->i_mtime.tv_sec;
        ns = ((struct inode___6_1 *)inode)->i_mtime.tv_nsec;
    }
    if (seconds >= MTIME_S_MAX)
        return; /* nor before 1970: those are the largest of all */
    start->image_modified_ns = seconds * NS_PER_S + ns;
    start->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_IMAGE_MODIFIED);
}

/* Returns the bits of its mode for image_flags. */
static __always_inline __u32 image_fill(struct muster_process_start *start, struct inode *inode)
{
    __u32 mode = inode->i_mode, flags = 0;

    start->image_inode = inode->i_ino;
    start->image_device = inode->i_sb->s_dev;
    start->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_IMAGE_INODE) | MUSTER_FIELD_BIT(MUSTER_FIELD_IMAGE_DEVICE);
    image_time_fill(start, inode);
    if (mode & S_ISUID)
        flags |= MUSTER_IMAGE_SETUID;
    if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
        flags |= MUSTER_IMAGE_SETGID;
    return flags;
}

#endif
