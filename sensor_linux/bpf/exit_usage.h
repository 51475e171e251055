/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a process has used by the time that its exit is told, as getrusage(2) would tell it at that moment: user and
 * system time of all its threads, and its peak RSS.
 *
 * The scheduler keeps two kinds of time. How long a thread ran is exact, but brought up to date only where something
 * happens on its CPU (a tick, a switch, a wake-up); whether that was in user or system mode is sampled at ticks. The
 * kernel divides the first by the proportion of the second (cputime_adjust), and so does this. What the last thread ran
 * since the last such moment, a tick at most, is missing, and so is what ending takes from here on: freeing memory,
 * closing files. wait4(2) has both.
 */
#ifndef MUSTER_EXIT_USAGE_H
#define MUSTER_EXIT_USAGE_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "muster/wire.h"

#define USAGE_THREADS_MAX  (1U << 16)
#define USAGE_ATTEMPTS_MAX 8

struct cpu_times {
    __u64 user_ns;
    __u64 system_ns;
    __u64 run_ns;
};

struct usage_walk {
    struct list_head *at;
    struct list_head *head;
    struct task_struct *current;
    struct signal_struct *signal;
    struct cpu_times times;
    __u64 memory_of_others; /* not 0: a thread has begun to end, and not let go of it */
    __u64 settled;          /* not 0: no thread went meanwhile */
};

static long usage_step(__u32 index, struct usage_walk *walk)
{
    struct task_struct *thread = (void *)walk->at - bpf_core_field_offset(struct task_struct, thread_node);

    (void)index;
    if (walk->at == walk->head)
        return 1;
    walk->times.user_ns += BPF_CORE_READ(thread, utime);
    walk->times.system_ns += BPF_CORE_READ(thread, stime);
    walk->times.run_ns += BPF_CORE_READ(thread, se.sum_exec_runtime);
    if (thread != walk->current)
        walk->memory_of_others |= (__u64)BPF_CORE_READ(thread, mm);
    walk->at = BPF_CORE_READ(thread, thread_node.next);
    return 0;
}

static __always_inline __u32 usage_sequence(struct signal_struct *signal)
{
    __u32 sequence = 0;

    bpf_probe_read_kernel(&sequence, sizeof(sequence), &signal->stats_lock);
    return sequence;
}

/* A thread that goes meanwhile moves from the list to the sums of those that are gone, and the sequence tells it. */
static long usage_attempt(__u32 index, struct usage_walk *walk)
{
    struct signal_struct *signal = walk->signal;
    __u32 sequence = usage_sequence(signal);

    (void)index;
    walk->head = (void *)signal + bpf_core_field_offset(struct signal_struct, thread_head);
    walk->at = BPF_CORE_READ(signal, thread_head.next);
    walk->memory_of_others = 0;
    walk->times.user_ns = BPF_CORE_READ(signal, utime);
    walk->times.system_ns = BPF_CORE_READ(signal, stime);
    walk->times.run_ns = BPF_CORE_READ(signal, sum_sched_runtime);
    if (bpf_loop(USAGE_THREADS_MAX, usage_step, walk, 0) < USAGE_THREADS_MAX && !(sequence & 1) &&
        usage_sequence(signal) == sequence)
        walk->settled = 1;
    return walk->settled;
}

/* Where this is the only thread left, it is all that there is beside the sums. */
static __always_inline void usage_of_one(struct cpu_times *times, struct signal_struct *signal,
                                         struct task_struct *task)
{
    times->user_ns = signal->utime + task->utime;
    times->system_ns = signal->stime + task->stime;
    times->run_ns = signal->sum_sched_runtime + task->se.sum_exec_runtime;
}

/* part * run / whole, without a number of more than 64 bits: part is at most whole, and the upper 32 bits of those are
 * exact enough. */
static __always_inline __u64 usage_proportion(__u64 part, __u64 whole, __u64 run)
{
    __u64 quotient, rest;

    for (int bits = 16; bits > 0; bits /= 2)
        if (whole >> (31 + bits)) {
            whole >>= bits;
            part >>= bits;
        }
    quotient = run / whole;
    rest = run % whole;
    return quotient * part + rest * part / whole;
}

/* kernel/sched/cputime.c, cputime_adjust: what somebody was told before is not taken back. */
static __always_inline void usage_adjust(struct cpu_times *times, struct signal_struct *signal)
{
    __u64 user_before = signal->prev_cputime.utime, system_before = signal->prev_cputime.stime;
    __u64 run = times->run_ns;

    if (user_before + system_before >= run) {
        times->user_ns = user_before;
        times->system_ns = system_before;
        return;
    }
    if (times->system_ns && !times->user_ns)
        times->system_ns = run;
    else if (times->system_ns)
        times->system_ns = usage_proportion(times->system_ns, times->system_ns + times->user_ns, run);
    if (times->system_ns < system_before)
        times->system_ns = system_before;
    times->user_ns = run - times->system_ns;
    if (times->user_ns < user_before) {
        times->user_ns = user_before;
        times->system_ns = run - user_before;
    }
}

/*
 * Sets members, and bits in valid or unavailable. `peak_known`: the thread is known to be the last, so the kernel has
 * looked at its memory for the peak. Else another may be about to, and is known by having it still.
 */
static __always_inline void usage_fill(struct muster_process_exit *exit, struct task_struct *task, int peak_known,
                                       __u64 page_bytes)
{
    const __u64 times_fields = MUSTER_FIELD_BIT(MUSTER_FIELD_USER_TIME) | MUSTER_FIELD_BIT(MUSTER_FIELD_SYSTEM_TIME);
    const __u64 peak_field = MUSTER_FIELD_BIT(MUSTER_FIELD_PEAK_RSS);
    struct signal_struct *signal = task->signal;
    struct usage_walk walk = {.current = task, .signal = signal};

    if (signal->nr_threads == 1) {
        usage_of_one(&walk.times, signal, task);
        walk.settled = 1;
    } else {
        bpf_loop(USAGE_ATTEMPTS_MAX, usage_attempt, &walk, 0);
    }
    usage_adjust(&walk.times, signal);
    exit->user_time_ns = walk.times.user_ns;
    exit->system_time_ns = walk.times.system_ns;
    exit->peak_rss_bytes = signal->maxrss * page_bytes;
    if (walk.settled)
        exit->record.valid |= times_fields;
    else
        exit->record.unavailable |= times_fields;
    if (!peak_known && (!walk.settled || walk.memory_of_others))
        exit->record.unavailable |= peak_field;
    else if (!(task->flags & PF_KTHREAD))
        exit->record.valid |= peak_field;
}

#endif
