/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whether an event is wanted (muster/filter.h), decided from what the task has at hand: before any text is read
 * and before room is looked for. The filter is read-only data, so the verifier knows it: without one, little of this is
 * in the program that runs (some 25 of 1,000 instructions, at exec); with one, each loop has its true bound.
 *
 * What was decided about a process's last fork or exec holds for its exit, too: an exit shows another parent where
 * the parent ended first, another user after setuid, and no executable. A process that began before the sensor is
 * judged by what its exit shows.
 */
#ifndef MUSTER_WANTED_H
#define MUSTER_WANTED_H

#include "cgroup_path.h"
#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "muster/filter.h"

/* Defined in sensor_state.bpf.c. */
struct sensor_verdicts_map {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, __u32);
};
extern struct sensor_verdicts_map filter_verdicts SEC(".maps");

struct filter_subject {
    __u32 pid;
    __u32 parent_pid;
    __u32 user_id;
    __u32 name_bytes;
    const void *name; /* the kernel's */
    uint64_t head[MUSTER_FILTER_WORDS];
    uint64_t tail[MUSTER_FILTER_WORDS]; /* what is compared with a text that stands for an end */
};

/* By CPU: the stack has no room for it. */
struct filter_scratch {
    struct filter_subject subject;
    char name[MUSTER_FILTER_CGROUP_MAX + 1]; /* in a cgroup's path */
};
struct sensor_scratch_map {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct filter_scratch);
};
extern struct sensor_scratch_map filter_scratch SEC(".maps");
extern const volatile struct muster_filter filter;

enum { VERDICT_NONE, VERDICT_WANTED, VERDICT_UNWANTED };

#define FILTER_TEXT_BYTES (MUSTER_FILTER_WORDS * 8U)

static __always_inline int filter_has_names(void)
{
    return filter.include.names.count || filter.exclude.names.count;
}

static __always_inline void subject_name(struct filter_subject *subject, const void *name, __u32 name_bytes)
{
    __u32 size = name_bytes;

    __builtin_memset(subject->head, 0, sizeof(subject->head));
    subject->name = name;
    subject->name_bytes = name_bytes;
    barrier_var(size);
    if (size > FILTER_TEXT_BYTES)
        size = FILTER_TEXT_BYTES;
    bpf_probe_read_kernel(subject->head, size, name);
}

static __always_inline void subject_thread_name(struct filter_subject *subject, struct task_struct *task)
{
    struct task_struct *leader = task->group_leader;
    char comm[TASK_COMM_LEN] = {};
    long length = bpf_probe_read_kernel_str(comm, sizeof(comm), leader->comm);

    subject_name(subject, leader->comm, length > 0 ? (length - 1) & (TASK_COMM_LEN - 1) : 0);
}

static __always_inline void subject_executable(struct filter_subject *subject, struct dentry *dentry)
{
    subject_name(subject, BPF_CORE_READ(dentry, d_name.name), BPF_CORE_READ(dentry, d_name.len));
}

static __always_inline void subject_fill(struct filter_subject *subject, struct task_struct *task)
{
    subject->pid = task->tgid;
    subject->parent_pid = task->real_parent->tgid;
    subject->user_id = task->cred->euid.val;
}

static __always_inline int text_fits(muster_filter_text_read *text, struct filter_subject *subject)
{
    __u32 at_end = text->at_end;

    if (!at_end)
        return muster_filter_text_fits(text, subject->head);
    if (at_end > FILTER_TEXT_BYTES || at_end > subject->name_bytes)
        return 0;
    __builtin_memset(subject->tail, 0, sizeof(subject->tail));
    bpf_probe_read_kernel(subject->tail, at_end, subject->name + subject->name_bytes - at_end);
    return muster_filter_text_fits(text, subject->tail);
}

static __always_inline int texts_fit(const volatile struct muster_filter_texts *texts, struct filter_subject *subject)
{
    int found = 0;

    for (__u32 i = 0; i < MUSTER_FILTER_VALUES_MAX && i < texts->count; i++)
        found |= text_fits(&texts->values[i], subject);
    return found;
}

/* ---- containers: by the names in the path of the task's cgroup, see filter.h ---- */

enum { CONTAINER_INCLUDED = 1, CONTAINER_EXCLUDED = 2 };

#define CGROUP_LEVELS_MAX 64

struct container_walk {
    struct kernfs_node *node;
    struct filter_scratch *scratch;
    __u32 found;
};

static __always_inline int filter_has_containers(void)
{
    return filter.include.containers.count || filter.exclude.containers.count;
}

static __always_inline __u32 name_without_ending(const char *name, __u32 size)
{
    char end[8] = {};

    if (size > 6)
        bpf_probe_read_kernel(end + 2, 6, name + size - 6);
    if (size > 8) {
        bpf_probe_read_kernel(end, sizeof(end), name + size - 8);
        if (end[0] == '.' && end[1] == 's' && end[2] == 'e' && end[3] == 'r' && end[4] == 'v' && end[5] == 'i' &&
            end[6] == 'c' && end[7] == 'e')
            return size - 8;
    }
    if (size > 6) {
        if (end[2] == '.' && end[3] == 's' && end[4] == 'c' && end[5] == 'o' && end[6] == 'p' && end[7] == 'e')
            return size - 6;
    }
    return size;
}

struct begin_search {
    const struct filter_scratch *scratch;
    __u32 begin;
};

static long begin_step(__u32 index, struct begin_search *search)
{
    char byte = search->scratch->name[index & MUSTER_FILTER_CGROUP_MAX];

    if (byte == '-' || byte == '@')
        search->begin = index + 1;
    return 0;
}

/* Behind the last '-' or '@' of the first `size` bytes. By bpf_loop(): the verifier would follow both ways at each
 * byte. */
static __always_inline __u32 name_begin(const struct filter_scratch *scratch, __u32 size)
{
    struct begin_search search = {.scratch = scratch};

    bpf_loop(size, begin_step, &search, 0);
    return search.begin;
}

static long container_step(__u32 index, struct container_walk *walk)
{
    struct kernfs_node *node = walk->node, *parent = cgroup_node_parent(node);
    const char *name = BPF_CORE_READ(node, name);
    struct filter_subject *subject = &walk->scratch->subject;
    long length;
    __u32 size, begin;

    (void)index;
    if (!parent)
        return 1; /* the root, which has no name */
    walk->node = parent;
    length = bpf_probe_read_kernel_str(walk->scratch->name, sizeof(walk->scratch->name), name);
    /* One that fills the buffer may be longer. */
    if (length <= 1 || length >= (long)sizeof(walk->scratch->name))
        return 0;
    size = name_without_ending(name, length - 1);
    begin = name_begin(walk->scratch, size);
    if (begin >= size)
        return 0;
    subject_name(subject, name + begin, size - begin);
    if (texts_fit(&filter.include.containers, subject))
        walk->found |= CONTAINER_INCLUDED;
    if (texts_fit(&filter.exclude.containers, subject))
        walk->found |= CONTAINER_EXCLUDED;
    return 0;
}

/* What is not known decides nothing. */
static __always_inline int containers_are_wanted(struct filter_scratch *scratch, struct task_struct *task)
{
    struct container_walk walk = {.scratch = scratch};

    if (!filter_has_containers())
        return 1;
    walk.node = cgroup_node(task);
    if (!walk.node)
        return 1;
    bpf_loop(CGROUP_LEVELS_MAX, container_step, &walk, 0);
    if (walk.found & CONTAINER_EXCLUDED)
        return 0;
    return filter.include.containers.count == 0 || (walk.found & CONTAINER_INCLUDED);
}

static __always_inline int subject_is_excluded(struct filter_subject *subject)
{
    return muster_filter_has_number(&filter.exclude.pids, subject->pid) ||
           muster_filter_has_number(&filter.exclude.parents, subject->parent_pid) ||
           muster_filter_has_number(&filter.exclude.users, subject->user_id) ||
           texts_fit(&filter.exclude.names, subject);
}

static __always_inline int subject_is_included(struct filter_subject *subject)
{
    const volatile struct muster_filter_part *include = &filter.include;

    return (include->pids.count == 0 || muster_filter_has_number(&include->pids, subject->pid)) &&
           (include->parents.count == 0 || muster_filter_has_number(&include->parents, subject->parent_pid)) &&
           (include->users.count == 0 || muster_filter_has_number(&include->users, subject->user_id)) &&
           (include->names.count == 0 || texts_fit(&include->names, subject));
}

static __always_inline int subject_is_wanted(struct filter_subject *subject)
{
    return subject_is_included(subject) && !subject_is_excluded(subject);
}

/* NULL never happens: the map has one element for each CPU. */
static __always_inline struct filter_scratch *scratch_of_cpu(void)
{
    __u32 key = 0;

    return bpf_map_lookup_elem(&filter_scratch, &key);
}

/* Decides, and keeps that for the process's exit. Where there is no memory to keep it, the exit is judged by itself. */
static __always_inline int subject_decide(struct filter_scratch *scratch, struct task_struct *process)
{
    int wanted = subject_is_wanted(&scratch->subject) && containers_are_wanted(scratch, process);
    __u32 *verdict = bpf_task_storage_get(&filter_verdicts, process, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

    if (verdict)
        *verdict = wanted ? VERDICT_WANTED : VERDICT_UNWANTED;
    return wanted;
}

static __always_inline int start_is_wanted(struct task_struct *task)
{
    struct filter_scratch *scratch;

    if (!filter.active)
        return 1;
    scratch = scratch_of_cpu();
    if (!scratch)
        return 1;
    subject_fill(&scratch->subject, task);
    if (filter_has_names())
        subject_executable(&scratch->subject, task->mm->exe_file->f_path.dentry);
    return subject_decide(scratch, task->group_leader);
}

static __always_inline int fork_is_wanted(struct task_struct *child)
{
    struct filter_scratch *scratch;

    if (!filter.active)
        return 1;
    scratch = scratch_of_cpu();
    if (!scratch)
        return 1;
    subject_fill(&scratch->subject, child);
    if (filter_has_names())
        subject_thread_name(&scratch->subject, child);
    return subject_decide(scratch, child);
}

static __always_inline int exit_is_wanted(struct task_struct *task)
{
    struct filter_scratch *scratch;
    __u32 *verdict;

    if (!filter.active)
        return 1;
    verdict = bpf_task_storage_get(&filter_verdicts, task->group_leader, 0, 0);
    if (verdict && *verdict != VERDICT_NONE)
        return *verdict == VERDICT_WANTED;
    scratch = scratch_of_cpu();
    if (!scratch)
        return 1;
    subject_fill(&scratch->subject, task);
    if (filter_has_names())
        subject_thread_name(&scratch->subject, task);
    return subject_is_wanted(&scratch->subject) && containers_are_wanted(scratch, task);
}

#endif
