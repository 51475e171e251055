/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Process fork: runs in the parent when a child was made, before the child runs. Loaded only where
 * forks are asked for. New threads are no new processes. */
#include "emit.h"
#include "fair_share.h"
#include "process_fields.h"
#include "shed.h"
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
    struct share_claim claim = {};
    struct ring_state state;
    struct birth birth;
    int pressed;
    __u32 size;

    if (child->pid != child->tgid)
        return 0;
    if (!event_birth(MUSTER_EVENT_PROCESS_FORK, &birth))
        return 0;
    if (!fork_is_wanted(child)) {
        event_filtered(&birth);
        return 0;
    }
    ring_look(&state);
    if (ring_sheds(&state, MUSTER_SHARE_FORK))
        return task_shed(&birth, child, MUSTER_EVENT_PROCESS_FORK, SENSOR_CLASS_SHED);
    pressed = ring_is_pressed(&state);
    if (pressed && share_is_exceeded(&claim, share_claim(&claim, child, &state), SHARE_OF_FORKS))
        return task_shed(&birth, child, MUSTER_EVENT_PROCESS_FORK, SENSOR_SHARE_SHED);
    record_begin(&event.fork.record, MUSTER_EVENT_PROCESS_FORK, sizeof(event.fork), &birth);
    event.fork.record.valid = PROCESS_VALID | MUSTER_FIELD_BIT(MUSTER_FIELD_THREAD_NAME);
    process_fill(&event.fork.process, child, forker->pid);
    size = sizeof(event.fork) + thread_name_fill(&event.thread_name, child);
    event.fork.record.text_count = 1;
    event.fork.record.size_bytes = size;
    if (!event_submit(&birth, &event, size))
        shed_tell(child, MUSTER_EVENT_PROCESS_FORK);
    else if (pressed)
        shares_charge(&claim, size);
    return 0;
}
