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
    BPF_MAP_TYPE_PERCPU_ARRAY = 6,
    BPF_MAP_TYPE_LRU_HASH = 9,
    BPF_MAP_TYPE_RINGBUF = 27,
    BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum {
    BPF_NOEXIST = 1,
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
#define TASK_NEW          0x00000800 /* likewise: made by fork, does not run yet */
#define PF_KTHREAD        0x00200000
#define SIGNAL_GROUP_EXIT 0x00000004 /* include/linux/sched/signal.h */
#define TASK_COMM_LEN     16
#define PIDTYPE_TGID      1 /* enum pid_type: PID, TGID, PGID, SID */
#define PIDTYPE_PGID      2
#define PIDTYPE_SID       3
#define S_ISUID           04000 /* include/uapi/linux/stat.h */
#define S_ISGID           02000
#define S_IXGRP           00010
#define INVALID_UID       0xffffffffU /* include/linux/uidgid.h */

/* Two words in Linux 6.1 and one since 6.3, the same 64 bits: without preserve_access_index, so that nothing is looked
 * for in it. */
typedef struct {
    __u64 bits;
} kernel_cap_t;

/* A seqlock begins with its sequence, whatever the configuration. Likewise. */
typedef struct {
    __u32 sequence;
} seqlock_t;

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
    kernel_cap_t cap_permitted;
    kernel_cap_t cap_effective;
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

struct super_block {
    __u32 s_dev; /* major << 20 | minor */
};

/* The time of modification: i_mtime_sec and i_mtime_nsec since 6.11, __i_mtime since 6.7, i_mtime before. */
struct timespec64 {
    __s64 tv_sec;
    long tv_nsec;
};
struct inode {
    unsigned short i_mode;
    struct super_block *i_sb;
    unsigned long i_ino;
    __s64 i_mtime_sec;
    __u32 i_mtime_nsec;
};
struct inode___6_7 {
    struct timespec64 __i_mtime;
};
struct inode___6_1 {
    struct timespec64 i_mtime;
};

struct file {
    struct path f_path;
    struct inode *f_inode;
};

struct fs_struct {
    struct path pwd;
};

struct mm_struct {
    unsigned long arg_start;
    unsigned long arg_end;
    struct file *exe_file;
};

struct ns_common {
    unsigned int inum;
};

struct pid_namespace {
    struct ns_common ns;
};

struct mnt_namespace {
    struct ns_common ns;
};

struct nsproxy {
    struct mnt_namespace *mnt_ns;
};

struct upid {
    int nr;
    struct pid_namespace *ns;
};

struct pid {
    unsigned int level;
    struct upid numbers[1]; /* [0]: in the initial pid namespace; [level]: in its own */
};

struct tty_driver {
    int major;
    int minor_start;
};

struct tty_struct {
    int index;
    struct tty_driver *driver;
};

/* Since 6.15 the parent is __parent. */
struct kernfs_node {
    struct kernfs_node *__parent;
    const char *name;
    __u64 id; /* the inode's number in cgroupfs */
};
struct kernfs_node___6_1 {
    struct kernfs_node *parent;
};

struct cgroup {
    struct kernfs_node *kn;
};

struct css_set {
    struct cgroup *dfl_cgrp; /* in the unified hierarchy */
};

typedef struct {
    int counter;
} atomic_t;

struct list_head {
    struct list_head *next;
};

/* What getrusage(2) said last. */
struct prev_cputime {
    __u64 utime;
    __u64 stime;
};

struct sched_entity {
    __u64 sum_exec_runtime;
};

struct signal_struct {
    atomic_t live; /* threads that have not begun to exit */
    int nr_threads;
    int group_exit_code;
    unsigned int flags;
    struct pid *pids[4];
    struct tty_struct *tty; /* NULL: none */
    struct list_head thread_head;
    /* of threads that are gone; what stats_lock guards */
    seqlock_t stats_lock;
    __u64 utime;
    __u64 stime;
    unsigned long long sum_sched_runtime;
    struct prev_cputime prev_cputime;
    unsigned long maxrss; /* pages */
};

struct task_struct {
    unsigned int flags;
    unsigned int __state;
    unsigned int in_execve : 1;
    int exit_code;
    int pid;  /* of the thread */
    int tgid; /* of the process: what user space calls the pid */
    struct task_struct *real_parent;
    struct task_struct *group_leader;
    __u64 start_boottime;
    __u64 utime;
    __u64 stime;
    struct sched_entity se;
    struct list_head thread_node; /* in signal_struct.thread_head */
    const struct cred *cred;
    char comm[TASK_COMM_LEN];
    struct fs_struct *fs;
    struct nsproxy *nsproxy;
    struct signal_struct *signal;
    kuid_t loginuid;         /* where the kernel has CONFIG_AUDIT */
    struct css_set *cgroups; /* where it has CONFIG_CGROUPS */
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
