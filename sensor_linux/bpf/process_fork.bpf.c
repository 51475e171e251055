/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Process fork: runs in the parent when a child was made, before the child runs. Loaded only where
 * forks are asked for. New threads are no new processes. */
#include "emit.h"
#include "process_fields.h"
#include "wanted.h"

struct fork_event {
    struct muster_process_fork fork;
    struct thread_name_text thread_name;
};

/* void (struct task_struct *parent, struct task_struct *child) */
SEC("tp_btf/sched_process_fork")
int process_fork(__u64 *ctx)
{
    struct task_struct *forker = (struct task_struct *)ctx[0];
    struct task_struct *child = (struct task_struct *)ctx[1];
    struct fork_event event;
    struct birth birth;
    __u32 size;

    if (child->pid != child->tgid)
        return 0;
    if (!event_birth(MUSTER_EVENT_PROCESS_FORK, &birth))
        return 0;
    if (!fork_is_wanted(child)) {
        event_filtered(&birth);
        return 0;
    }
    if (ring_sheds(MUSTER_SHARE_FORK)) {
        event_lost(&birth, MUSTER_CAUSE_CLASS_SHED);
        event_done(&birth);
        return 0;
    }
    record_begin(&event.fork.record, MUSTER_EVENT_PROCESS_FORK, sizeof(event.fork), &birth);
    event.fork.record.valid = PROCESS_VALID | MUSTER_FIELD_BIT(MUSTER_FIELD_THREAD_NAME);
    process_fill(&event.fork.process, child, forker->pid);
    size = sizeof(event.fork) + thread_name_fill(&event.thread_name, child);
    event.fork.record.text_count = 1;
    event.fork.record.size_bytes = size;
    event_submit(&birth, &event, size);
    return 0;
}
