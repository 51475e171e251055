/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The baseline: an iterator that the loader runs once, over every process there is. Its records
 * have no number and go to a ring of their own, so that live events stay in theirs until the
 * baseline has been told. Sleepable, so that it may read another process's arguments.
 */
#include "emit.h"
#include "texts.h"

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 256 * 1024);
} baseline_ring SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(struct start_scratch)); /* at most; the loader has the true size */
} baseline_scratch SEC(".maps");

static __always_inline void running_texts(struct texts *texts, struct task_struct *task)
{
    struct mm_struct *mm = task->mm;

    if (!mm && !(task->flags & PF_KTHREAD)) { /* the first thread has ended; /proc shows no more */
        text_unavailable(texts, MUSTER_FIELD_EXECUTABLE);
        text_unavailable(texts, MUSTER_FIELD_WORKING_DIRECTORY);
        text_unavailable(texts, MUSTER_FIELD_ARGS);
    } else if (mm && !(task->flags & PF_KTHREAD)) {
        text_executable(texts, mm->exe_file, MUSTER_PATH_MAX_BYTES);
        text_path(texts, MUSTER_FIELD_WORKING_DIRECTORY, task->fs->pwd.mnt, task->fs->pwd.dentry,
                  MUSTER_PATH_MAX_BYTES);
        text_args(texts, ARGS_OF_TASK, task, mm);
    }
    text_thread_name(texts, task);
    text_parent_executable(texts, task->real_parent);
    text_cgroup(texts, task);
}

static __always_inline __u8 found_flags(struct task_struct *task)
{
    __u8 flags = task->flags & PF_FORKNOEXEC ? FOUND_FORKED : 0;

    if (task->__state & TASK_NEW)
        flags |= FOUND_UNSURE;
    if (bpf_core_field_exists(task->in_execve) && BPF_CORE_READ_BITFIELD(task, in_execve))
        flags |= FOUND_UNSURE;
    return flags;
}

SEC("iter.s/task")
int process_running(struct bpf_iter__task *ctx)
{
    struct task_struct *task = ctx->task;
    __u32 key = 0;
    struct start_scratch *scratch = bpf_map_lookup_elem(&baseline_scratch, &key);
    struct texts texts = {.scratch = scratch, .offset = sizeof(struct muster_process_start)};
    struct birth birth = {.time_ns = bpf_ktime_get_boot_ns()};
    struct muster_process_start *start;

    /* A process of which no thread is left (a zombie) has ended already. */
    if (!task || !scratch || task->pid != task->tgid || task->signal->live.counter == 0)
        return 0;
    start = &scratch->start;
    record_begin(&start->record, MUSTER_EVENT_PROCESS_RUNNING, sizeof(struct muster_process_start), &birth);
    start->record.flags = found_flags(task);
    start->record.valid = PROCESS_VALID & ~MUSTER_FIELD_BIT(MUSTER_FIELD_TID);
    process_fill(&start->process, task, 0);
    start_fill(start, task);
    start->args_count = 0;
    start->image_flags = 0;
    running_texts(&texts, task);

    /* 1: no room now, come back to this process when the loader has read some. */
    return bpf_ringbuf_output(&baseline_ring, start, texts_finish(&texts), 0) ? 1 : 0;
}
