/* SPDX-License-Identifier: Apache-2.0 */
/*
 * muster/tracer.h: waits for stops and ends, one at a time, makes records of them, and lets go on.
 *
 * Who is traced stops when it forks, clones or execs, for each signal, and once when it is born. An end is
 * read from the zombie, before it is waited for: PTRACE_EVENT_EXIT would cost a stop more for each
 * thread, and says nothing to whom SIGKILL hits twice. Only who has made a process has it, for what the zombie
 * does not tell then (tracee_usage.h).
 */
#include "muster/tracer.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "muster/identity.h"
#include "trace_records.h"
#include "tracee_table.h"
#include "tracer_child.h"

#define SIGNAL_BASE 128

struct muster_tracer {
    struct tracer_child command;
    struct tracee_table table;
    uint64_t epoch;
    bool forks;
    bool strangers; /* muster was born with children; they are not ours to wait for */
    bool all_ended, command_ended, command_suspended;
    int command_code;

    pid_t held; /* stands still since its stop was handled; 0: nobody */
    enum __ptrace_request held_request;
    int held_signal;
    struct rusage usage; /* of whom the last stop or end was, with what it has waited for */
    struct trace_records records;
};

/* ---- who there is ---- */

/* /proc tells ticks; a process is met within one, mostly, so that tells more, and never another tick. */
static uint64_t start_refine(uint64_t tick_ns, uint64_t now_ns)
{
    uint64_t last_ns = tick_ns + MUSTER_TICK_NS_LINUX - 1;

    return now_ns < tick_ns ? tick_ns : now_ns > last_ns ? last_ns : now_ns;
}

static uint64_t boottime_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* The process of that pid, at the first sight of it or later. NULL for a thread, and for who is gone. */
static struct tracee *tracee_meet(struct muster_tracer *tracer, pid_t pid)
{
    struct tracee *tracee = tracee_find(&tracer->table, (uint32_t)pid);
    uint64_t now_ns = boottime_ns();
    struct tracee_facts facts;

    if (tracee || !tracee_facts_read((uint32_t)pid, &facts))
        return tracee;
    if (facts.process.pid != (uint32_t)pid) {
        tracee = tracee_find(&tracer->table, facts.process.pid);
        if (tracee)
            tracee->threaded = true;
        return NULL;
    }
    tracee = tracee_add(&tracer->table, (uint32_t)pid);
    if (!tracee)
        abort(); /* a few hundred bytes: there is no going on, and those who are traced go on without us */
    tracee->start_ns = start_refine(facts.process.start_ns, now_ns);
    tracee->birth = facts;
    tracee->fork_pending = tracer->forks;
    return tracee;
}

/* The fork comes before whatever else a process does. */
static void fork_settle(struct muster_tracer *tracer, struct tracee *tracee, uint32_t tid)
{
    if (tracee && tracee->fork_pending)
        trace_fork(&tracer->records, &tracer->table, tracee, tid);
}

/* ---- stops ---- */

static void held_set(struct muster_tracer *tracer, pid_t pid, enum __ptrace_request request, int number)
{
    tracer->held = pid;
    tracer->held_request = request;
    tracer->held_signal = number;
}

/* Lets go on who was handled last. It may have been killed meanwhile: then its end comes next. */
static void held_release(struct muster_tracer *tracer)
{
    pid_t pid = tracer->held;

    tracer->held = 0;
    if (pid != 0)
        (void)ptrace(tracer->held_request, pid, NULL, (void *)(intptr_t)tracer->held_signal);
}

static void exec_handle(struct muster_tracer *tracer, pid_t pid)
{
    struct tracee *tracee = tracee_meet(tracer, pid);
    unsigned long former_tid = 0;
    struct tracee_facts facts;

    (void)ptrace(PTRACE_GETEVENTMSG, pid, NULL, &former_tid);
    if (!tracee || !tracee_facts_read((uint32_t)pid, &facts))
        return; /* killed at this moment, before a single instruction ran; its end is seen */
    fork_settle(tracer, tracee, 0);
    tracee->execed = true;
    tracee->threaded = false;
    tracee->exit_stops = tracee->exit_stops && former_tid == (unsigned long)pid; /* it is of the thread */
    tracee_usage_exec(&tracee->usage, &facts, &tracer->usage);
    trace_start(&tracer->records, &tracer->table, tracee, &facts, (uint32_t)former_tid);
}

/* Whoever makes a process is to stop at its exit, too. */
static void exit_stop_want(const struct muster_tracer *tracer, pid_t forker)
{
    struct tracee *tracee = tracee_find(&tracer->table, (uint32_t)forker);

    if (tracee && !tracee->exit_stops)
        tracee->exit_stops = ptrace(PTRACE_SETOPTIONS, forker, NULL, (void *)TRACER_OPTIONS_EXIT) == 0;
}

/* A fork or clone, seen in who called it. The child may have been met already, and may be gone. */
static void birth_handle(struct muster_tracer *tracer, pid_t forker)
{
    unsigned long child = 0;
    struct tracee_facts facts;
    bool there;

    if (ptrace(PTRACE_GETEVENTMSG, forker, NULL, &child) != 0 || child == 0)
        return;
    there = tracee_facts_read((uint32_t)child, &facts);
    if (!there || facts.process.pid == child)
        exit_stop_want(tracer, forker);
    /* A zombie has been told of already, or will be with its end. */
    if (there && !facts.ended)
        fork_settle(tracer, tracee_meet(tracer, (pid_t)child), (uint32_t)forker);
}

/* Of a process that had one thread: others might go on. */
static void exiting_handle(const struct muster_tracer *tracer, pid_t pid)
{
    struct tracee *tracee = tracee_find(&tracer->table, (uint32_t)pid);

    if (tracee && !tracee->threaded)
        tracee_usage_exiting(&tracee->usage, (uint32_t)pid);
}

/* Birth, a job-control stop, or its end. */
static void group_stop_handle(struct muster_tracer *tracer, pid_t pid, int number)
{
    struct tracee *tracee;

    if (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU) {
        if (pid == tracer->command.pid)
            tracer->command_suspended = true;
        held_set(tracer, pid, PTRACE_LISTEN, 0);
        return;
    }
    if (pid == tracer->command.pid)
        tracer->command_suspended = false;
    tracee = tracee_meet(tracer, pid);
    if (tracee && !tracee->exit_stops)
        (void)ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)TRACER_OPTIONS); /* it was born with its parent's */
}

static void stop_handle(struct muster_tracer *tracer, pid_t pid, int status)
{
    int event = status >> 8, number = status & 0xff;

    held_set(tracer, pid, PTRACE_CONT, event ? 0 : number);
    switch (event) {
    case PTRACE_EVENT_EXEC:
        exec_handle(tracer, pid);
        break;
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
        birth_handle(tracer, pid);
        break;
    case PTRACE_EVENT_EXIT:
        exiting_handle(tracer, pid);
        break;
    case PTRACE_EVENT_STOP:
        group_stop_handle(tracer, pid, number);
        break;
    default:
        break;
    }
}

/* ---- ends ---- */

static void end_handle(struct muster_tracer *tracer, pid_t pid, int code, int status)
{
    struct tracee *tracee = tracee_meet(tracer, pid);
    const struct trace_end end = {.code = code, .status = status, .usage = &tracer->usage};
    struct tracee_facts facts;

    if (pid == tracer->command.pid) {
        tracer->command_ended = true;
        tracer->command_code = code == CLD_EXITED ? status : SIGNAL_BASE + status;
    }
    if (!tracee)
        return;
    fork_settle(tracer, tracee, 0);
    if ((tracee->execed || tracer->forks) && tracee_facts_read((uint32_t)pid, &facts))
        trace_exit(&tracer->records, &tracer->table, tracee, &facts, &end);
    tracee_remove(&tracer->table, (uint32_t)pid);
}

static bool is_stranger(const struct muster_tracer *tracer, pid_t pid)
{
    struct tracee_facts facts;

    return tracer->strangers && !tracee_find(&tracer->table, (uint32_t)pid) &&
           tracee_facts_read((uint32_t)pid, &facts) && facts.process.pid == (uint32_t)pid &&
           facts.process.parent_pid == (uint32_t)getpid();
}

static void reap(pid_t pid, int what)
{
    siginfo_t info;

    while (waitid(P_PID, (id_t)pid, &info, what | WNOHANG | __WALL) < 0 && errno == EINTR)
        ;
}

/* The next that has stopped or ended, which stays so. The C library's function does not hand on what was used. */
static long wait_next(siginfo_t *ret_info, struct rusage *ret_usage)
{
    return syscall(SYS_waitid, P_ALL, 0, ret_info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL, ret_usage);
}

/* Handles the next thing that has happened. False where nothing has. */
static bool next_handle(struct muster_tracer *tracer)
{
    siginfo_t info = {0};

    if (wait_next(&info, &tracer->usage) != 0) {
        tracer->all_ended = errno == ECHILD;
        return errno == EINTR;
    }
    if (info.si_pid == 0)
        return false;
    if (info.si_code == CLD_TRAPPED) {
        reap(info.si_pid, WSTOPPED);
        stop_handle(tracer, info.si_pid, info.si_status);
    } else if (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED) {
        if (!is_stranger(tracer, info.si_pid))
            end_handle(tracer, info.si_pid, info.si_code, info.si_status);
        reap(info.si_pid, WEXITED);
    } else {
        reap(info.si_pid, WSTOPPED);
    }
    if (tracer->strangers && tracer->command_ended && tracer->table.count == 0)
        tracer->all_ended = true;
    return true;
}

const struct muster_record *muster_tracer_next(struct muster_tracer *tracer)
{
    const struct muster_record *record;

    while ((record = trace_records_take(&tracer->records)) == NULL) {
        held_release(tracer);
        if (!next_handle(tracer))
            return NULL;
    }
    return record;
}

/* ---- life ---- */

static bool children_exist(void)
{
    siginfo_t info;

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

/* To a multiple of 8, so that halves are whole. */
static uint32_t args_max_round(size_t bytes)
{
    return bytes == 0 ? MUSTER_ARGS_MAX_BYTES : (uint32_t)(bytes + 7) & ~7U;
}

bool muster_tracer_start(const struct muster_tracer_options *options, struct muster_tracer **ret_tracer,
                         struct muster_sensor_error *ret_error)
{
    struct muster_tracer *tracer = calloc(1, sizeof(*tracer));

    if (!tracer) {
        *ret_error = (struct muster_sensor_error){
            .what = "cannot start the tracer", .reason = "out of memory", .advice = "free some memory"};
        return false;
    }
    tracer->forks = options->forks;
    tracer->records.filter = options->filter;
    tracer->records.args_max_bytes = args_max_round(options->args_max_bytes);
    tracer->strangers = children_exist();
    if (getrandom(&tracer->epoch, sizeof(tracer->epoch), 0) != sizeof(tracer->epoch))
        tracer->epoch = boottime_ns(); /* better than none */
    if (!tracer_child_start(options, &tracer->command, ret_error)) {
        free(tracer);
        return false;
    }
    *ret_tracer = tracer;
    return true;
}

uint64_t muster_tracer_epoch(const struct muster_tracer *tracer)
{
    return tracer->epoch;
}

void muster_tracer_go(struct muster_tracer *tracer)
{
    fork_settle(tracer, tracee_meet(tracer, tracer->command.pid), (uint32_t)getpid());
    tracer_child_go(&tracer->command);
}

void muster_tracer_state(const struct muster_tracer *tracer, struct muster_tracer_state *ret_state)
{
    *ret_state = (struct muster_tracer_state){
        .all_ended = tracer->all_ended,
        .command_ended = tracer->command_ended,
        .command_suspended = tracer->command_suspended,
        .command_code = tracer->command_code,
        .command_pid = (uint32_t)tracer->command.pid,
        .produced = tracer->records.sequence,
        .filtered = tracer->records.filtered,
    };
}

void muster_tracer_destroy(struct muster_tracer *tracer)
{
    if (!tracer)
        return;
    if (tracer->command.gate_fd >= 0)
        close(tracer->command.gate_fd); /* never let run: it ends */
    tracee_table_deinit(&tracer->table);
    free(tracer);
}
