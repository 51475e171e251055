/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Process start: runs in the process that exec'ed, after the new image is in place and before its
 * first instruction. Never at the entry of the system call: what stands in memory there can still
 * be changed by another thread.
 */
#include "emit.h"
#include "fair_share.h"
#include "shed.h"
#include "skeleton.h"
#include "texts.h"
#include "wanted.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY); /* by CPU; a per-CPU value could not be this large */
    __uint(max_entries, 1);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(struct start_scratch)); /* at most; the loader has the true size */
} exec_scratch SEC(".maps");

static __always_inline void start_texts(struct texts *texts, struct task_struct *task, struct linux_binprm *binprm)
{
    struct mm_struct *mm = task->mm;

    text_executable(texts, mm->exe_file, MUSTER_PATH_MAX_BYTES);
    text_path(texts, MUSTER_FIELD_WORKING_DIRECTORY, task->fs->pwd.mnt, task->fs->pwd.dentry, MUSTER_PATH_MAX_BYTES);
    text_args(texts, ARGS_OF_CURRENT, task, mm);
    if (binprm->filename != binprm->interp)
        text_string(texts, MUSTER_FIELD_SCRIPT, binprm->filename);
    text_thread_name(texts, task);
    text_parent_executable(texts, task->real_parent);
    text_cgroup(texts, task);
    if (binprm->filename != binprm->interp)
        text_string(texts, MUSTER_FIELD_INTERPRETER, binprm->interp);
}

/* void (struct task_struct *task, pid_t old_pid, struct linux_binprm *binprm) */
SEC("tp_btf/sched_process_exec")
int process_exec(__u64 *ctx)
{
    struct task_struct *task = (struct task_struct *)ctx[0];
    struct linux_binprm *binprm = (struct linux_binprm *)ctx[2];
    __u32 cpu = bpf_get_smp_processor_id();
    struct start_scratch *scratch = bpf_map_lookup_elem(&exec_scratch, &cpu);
    struct texts texts = {.scratch = scratch, .offset = sizeof(struct muster_process_start)};
    struct muster_process_start *start;
    struct share_claim claim = {};
    struct ring_state state;
    struct birth birth;
    __u64 room, held = 0;
    int pressed, put = 0;
    __u32 size;

    if (!scratch || !event_birth(MUSTER_EVENT_PROCESS_START, &birth))
        return 0;
    if (!start_is_wanted(task)) {
        event_filtered(&birth);
        return 0;
    }
    ring_look(&state);
    pressed = ring_is_pressed(&state);
    if (pressed)
        held = share_claim(&claim, task, &state);
    if (pressed && share_is_exceeded(&claim, held, SHARE_OF_SKELETONS))
        return task_shed(&birth, task, MUSTER_EVENT_PROCESS_START, SENSOR_SHARE_SHED);
    start = &scratch->start;
    record_begin(&start->record, MUSTER_EVENT_PROCESS_START, sizeof(struct muster_process_start), &birth);
    start->record.valid = PROCESS_VALID | MUSTER_FIELD_BIT(MUSTER_FIELD_ARGS_COUNT);
    process_fill(&start->process, task, ctx[1]);
    start_fill(start, task);
    start->args_count = binprm->argc;
    room = start_room(&state);
    if (pressed && share_is_exceeded(&claim, held, SHARE_OF_STARTS))
        room = 0;
    if (room) {
        start_texts(&texts, task, binprm);
        size = texts_finish(&texts);
        put = start_put_whole(start, size, room);
    }
    if (put) {
        event_done(&birth);
    } else {
        skeleton_fill(&texts, task, binprm);
        size = texts_finish(&texts);
        put = event_submit(&birth, start, size);
    }
    if (!put)
        shed_tell(task, MUSTER_EVENT_PROCESS_START);
    else if (pressed)
        shares_charge(&claim, size);
    return 0;
}
