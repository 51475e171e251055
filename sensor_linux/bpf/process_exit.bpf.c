/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Process exit: runs in each thread that ends; reports the process when the last one does.
 *
 * Which is the last? Since Linux 6.16 the tracepoint says so. Before, signal->live has reached 0,
 * but two threads that end at once can both see that, so the process is marked in task storage.
 */
#include "emit.h"
#include "exit_usage.h"
#include "fair_share.h"
#include "process_fields.h"
#include "shed.h"
#include "wanted.h"

const volatile _Bool tracepoint_tells_last; /* set by the loader from the kernel's BTF */
const volatile _Bool forks_wanted;
const volatile __u32 page_bytes;

struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, __u64);
} exit_reported SEC(".maps");

static __always_inline int is_last_thread(__u64 *ctx, struct task_struct *task)
{
    __u64 *reported;

    if (tracepoint_tells_last)
        return ctx[1] & 1; /* dead code, so not looked at, where the tracepoint has no such argument */
    if (task->signal->live.counter != 0)
        return 0;
    /* A process that never had a second thread costs a look-up and no storage. */
    reported = bpf_task_storage_get(&exit_reported, task->group_leader, 0,
                                    task->signal->nr_threads > 1 ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
    return !reported || __sync_lock_test_and_set(reported, 1) == 0;
}

struct exit_event {
    struct muster_process_exit exit;
    struct thread_name_text thread_name;
};

static __always_inline void exit_fill(struct muster_process_exit *exit, struct task_struct *task)
{
    struct signal_struct *signal = task->signal;
    __u32 status = signal->flags & SIGNAL_GROUP_EXIT ? signal->group_exit_code : task->group_leader->exit_code;

    exit->exit_signal = status & 0x7f;
    exit->core_dumped = (status & 0x80) != 0;
    exit->exit_code = (status >> 8) & 0xff;
    exit->reserved = 0;
    exit->window_start_ns = 0;
    exit->window_end_ns = 0;
    exit->run_time_ns = exit->record.time_ns - exit->process.start_ns;
    exit->record.valid = PROCESS_VALID | MUSTER_FIELD_BIT(MUSTER_FIELD_RUN_TIME);
    if (exit->exit_signal)
        exit->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_EXIT_SIGNAL) | MUSTER_FIELD_BIT(MUSTER_FIELD_CORE_DUMPED);
    else
        exit->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_EXIT_CODE);
}

/* void (struct task_struct *task), since 6.16 (struct task_struct *task, bool group_dead) */
SEC("tp_btf/sched_process_exit")
int process_exit(__u64 *ctx)
{
    struct task_struct *task = (struct task_struct *)ctx[0];
    struct exit_event event;
    struct share_claim claim = {};
    struct ring_state state;
    struct birth birth;
    int pressed;
    __u32 size;

    if (!forks_wanted && task->group_leader->flags & PF_FORKNOEXEC)
        return 0;
    if (!is_last_thread(ctx, task))
        return 0;
    if (!event_birth(MUSTER_EVENT_PROCESS_EXIT, &birth))
        return 0;
    if (!exit_is_wanted(task)) {
        event_filtered(&birth);
        return 0;
    }
    ring_look(&state);
    if (ring_sheds(&state, MUSTER_SHARE_EXIT))
        return task_shed(&birth, task, MUSTER_EVENT_PROCESS_EXIT, SENSOR_CLASS_SHED);
    pressed = ring_is_pressed(&state);
    if (pressed && share_is_exceeded(&claim, share_claim(&claim, task, &state), SHARE_OF_EXITS))
        return task_shed(&birth, task, MUSTER_EVENT_PROCESS_EXIT, SENSOR_SHARE_SHED);
    record_begin(&event.exit.record, MUSTER_EVENT_PROCESS_EXIT, sizeof(event.exit), &birth);
    process_fill(&event.exit.process, task, task->pid);
    exit_fill(&event.exit, task);
    usage_fill(&event.exit, task, tracepoint_tells_last, page_bytes);
    size = sizeof(event.exit) + thread_name_fill(&event.thread_name, task);
    event.exit.record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_THREAD_NAME);
    event.exit.record.text_count = 1;
    event.exit.record.size_bytes = size;
    if (!event_submit(&birth, &event, size))
        shed_tell(task, MUSTER_EVENT_PROCESS_EXIT);
    else if (pressed)
        shares_charge(&claim, size);
    return 0;
}
