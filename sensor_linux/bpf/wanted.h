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
extern const volatile struct muster_filter filter;

enum { VERDICT_NONE, VERDICT_WANTED, VERDICT_UNWANTED };

#define FILTER_TEXT_BYTES (MUSTER_FILTER_WORDS * 8U)

struct filter_subject {
    __u32 pid;
    __u32 parent_pid;
    __u32 user_id;
    __u32 name_bytes;
    const void *name; /* the kernel's */
    uint64_t head[MUSTER_FILTER_WORDS];
};

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

static __always_inline int text_fits(muster_filter_text_read *text, const struct filter_subject *subject)
{
    uint64_t tail[MUSTER_FILTER_WORDS] = {};
    __u32 at_end = text->at_end;

    if (!at_end)
        return muster_filter_text_fits(text, subject->head);
    if (at_end > FILTER_TEXT_BYTES || at_end > subject->name_bytes)
        return 0;
    bpf_probe_read_kernel(tail, at_end, subject->name + subject->name_bytes - at_end);
    return muster_filter_text_fits(text, tail);
}

static __always_inline int texts_fit(const volatile struct muster_filter_texts *texts,
                                     const struct filter_subject *subject)
{
    int found = 0;

    for (__u32 i = 0; i < MUSTER_FILTER_VALUES_MAX && i < texts->count; i++)
        found |= text_fits(&texts->values[i], subject);
    return found;
}

static __always_inline int subject_is_excluded(const struct filter_subject *subject)
{
    return muster_filter_has_number(&filter.exclude.pids, subject->pid) ||
           muster_filter_has_number(&filter.exclude.parents, subject->parent_pid) ||
           muster_filter_has_number(&filter.exclude.users, subject->user_id) ||
           texts_fit(&filter.exclude.names, subject);
}

static __always_inline int subject_is_included(const struct filter_subject *subject)
{
    const volatile struct muster_filter_part *include = &filter.include;

    return (include->pids.count == 0 || muster_filter_has_number(&include->pids, subject->pid)) &&
           (include->parents.count == 0 || muster_filter_has_number(&include->parents, subject->parent_pid)) &&
           (include->users.count == 0 || muster_filter_has_number(&include->users, subject->user_id)) &&
           (include->names.count == 0 || texts_fit(&include->names, subject));
}

static __always_inline int subject_is_wanted(const struct filter_subject *subject)
{
    return subject_is_included(subject) && !subject_is_excluded(subject);
}

/* Decides, and keeps that for the process's exit. Where there is no memory to keep it, the exit is judged by itself. */
static __always_inline int subject_decide(const struct filter_subject *subject, struct task_struct *process)
{
    int wanted = subject_is_wanted(subject);
    __u32 *verdict = bpf_task_storage_get(&filter_verdicts, process, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

    if (verdict)
        *verdict = wanted ? VERDICT_WANTED : VERDICT_UNWANTED;
    return wanted;
}

static __always_inline int start_is_wanted(struct task_struct *task)
{
    struct filter_subject subject = {};

    if (!filter.active)
        return 1;
    subject_fill(&subject, task);
    if (filter_has_names())
        subject_executable(&subject, task->mm->exe_file->f_path.dentry);
    return subject_decide(&subject, task->group_leader);
}

static __always_inline int fork_is_wanted(struct task_struct *child)
{
    struct filter_subject subject = {};

    if (!filter.active)
        return 1;
    subject_fill(&subject, child);
    if (filter_has_names())
        subject_thread_name(&subject, child);
    return subject_decide(&subject, child);
}

static __always_inline int exit_is_wanted(struct task_struct *task)
{
    struct filter_subject subject = {};
    __u32 *verdict;

    if (!filter.active)
        return 1;
    verdict = bpf_task_storage_get(&filter_verdicts, task->group_leader, 0, 0);
    if (verdict && *verdict != VERDICT_NONE)
        return *verdict == VERDICT_WANTED;
    subject_fill(&subject, task);
    if (filter_has_names())
        subject_thread_name(&subject, task);
    return subject_is_wanted(&subject);
}

#endif
