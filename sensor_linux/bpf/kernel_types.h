/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's types, as far as the BPF programs use them, instead of a dump of all of vmlinux.
 *
 * Every struct carries preserve_access_index: libbpf finds the true offset of each member in the
 * running kernel's BTF when it loads the programs (CO-RE), so only names and types have to agree,
 * and members that are not used are left out. Names checked in Linux 6.1, 6.12 and 6.18.
 */
#ifndef MUSTER_KERNEL_TYPES_H
#define MUSTER_KERNEL_TYPES_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

/* include/uapi/linux/bpf.h: numbers of the kernel's interface, which do not change. */
enum {
    BPF_MAP_TYPE_ARRAY = 2,
    BPF_MAP_TYPE_RINGBUF = 27,
    BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum {
    BPF_F_NO_PREALLOC = 1U << 0,
    BPF_F_MMAPABLE = 1U << 10,
    BPF_LOCAL_STORAGE_GET_F_CREATE = 1U << 0,
};
enum {
    BPF_RB_NO_WAKEUP = 1ULL << 0,
    BPF_RB_FORCE_WAKEUP = 1ULL << 1,
};
enum {
    BPF_RB_AVAIL_DATA = 0,
    BPF_RB_RING_SIZE = 1,
    BPF_RB_CONS_POS = 2,
    BPF_RB_PROD_POS = 3,
};

struct bpf_dynptr {
    __u64 : 64;
    __u64 : 64;
} __attribute__((aligned(8)));

#define PF_FORKNOEXEC     0x00000040 /* include/linux/sched.h: made by fork, has not exec'ed */
#define PF_KTHREAD        0x00200000
#define SIGNAL_GROUP_EXIT 0x00000004 /* include/linux/sched/signal.h */
#define TASK_COMM_LEN     16
#define PIDTYPE_SID       3 /* enum pid_type: PID, TGID, PGID, SID */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
    __u32 val;
} kuid_t;
typedef struct {
    __u32 val;
} kgid_t;

struct cred {
    kuid_t uid;
    kgid_t gid;
    kuid_t euid;
    kgid_t egid;
};

struct hlist_bl_node {
    struct hlist_bl_node **pprev; /* NULL: not in the hash, so without a name */
};

struct qstr {
    __u32 len;
    const unsigned char *name;
};

struct dentry {
    struct hlist_bl_node d_hash;
    struct dentry *d_parent;
    struct qstr d_name;
};

struct vfsmount {
    struct dentry *mnt_root;
};

/* fs/mount.h: a vfsmount is a member of a mount */
struct mount {
    struct mount *mnt_parent;
    struct dentry *mnt_mountpoint;
    struct vfsmount mnt;
};

struct path {
    struct vfsmount *mnt;
    struct dentry *dentry;
};

struct file {
    struct path f_path;
};

struct fs_struct {
    struct path pwd;
};

struct mm_struct {
    unsigned long arg_start;
    unsigned long arg_end;
    struct file *exe_file;
};

struct upid {
    int nr;
};

struct pid {
    struct upid numbers[1]; /* [0]: in the initial pid namespace */
};

typedef struct {
    int counter;
} atomic_t;

struct signal_struct {
    atomic_t live; /* threads that have not begun to exit */
    int nr_threads;
    int group_exit_code;
    unsigned int flags;
    struct pid *pids[4];
};

struct task_struct {
    unsigned int flags;
    int exit_code;
    int pid;  /* of the thread */
    int tgid; /* of the process: what user space calls the pid */
    struct task_struct *real_parent;
    struct task_struct *group_leader;
    __u64 start_boottime;
    const struct cred *cred;
    char comm[TASK_COMM_LEN];
    struct fs_struct *fs;
    struct signal_struct *signal;
    struct mm_struct *mm;
};

struct linux_binprm {
    int argc;
    const char *filename; /* as given to exec */
    const char *interp;   /* what runs: differs where filename is a script */
};

struct seq_file;

struct bpf_iter_meta {
    struct seq_file *seq;
};

struct bpf_iter__task {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
};

#pragma clang attribute pop

#endif
