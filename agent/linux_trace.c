/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux_trace.h: tracer, queue, cache, sink and pump. There is no capture and no account here: the
 * tracer loses nothing, since the command waits for the output.
 */
#include "linux_trace.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "host.h"
#include "linux_signals.h"
#include "muster/tracer.h"
#include "output_file.h"
#include "pump.h"
#include "report.h"
#include "status_record.h"

#define BUDGET_BYTES    (8U << 20)
#define ROOM_WAIT_MS    20            /* for the pump to make room, in case its sign was missed */
#define IDLE_WAIT_MS    60000         /* everything that happens wakes us; this is only in case it does not */
#define SUSPEND_WAIT_NS 2000000000ULL /* how long after Ctrl-Z a stop of the command is its answer */
#define NS_PER_MS       1000000ULL

struct trace {
    const struct trace_options *options;
    struct host host;
    struct muster_stream stream;
    struct output_file output;
    struct muster_tracer *tracer;
    struct wakeups *wakeups;
    struct pump pump;

    int signals_fd;
    uint64_t suspend_ns;          /* when Ctrl-Z was typed; 0: not */
    uint64_t told_ns;             /* when something first asked to end; 0: nothing did */
    bool leave;                   /* the command has ended, and its survivors are not waited for */
    bool abandoned;               /* the output took nothing for too long after that */
    uint64_t written, written_ns; /* the output's progress, while it is waited for */
};

/* One a process: it holds locks, so it must not move. */
static struct trace the_trace;

/* ---- putting up ---- */

static void command_failed(const char *name, int error)
{
    report("cannot run '%s': %s", name, strerror(error));
}

static bool tracer_open(struct trace *trace)
{
    struct muster_tracer_options options = {
        .command = trace->options->command,
        .filter = &trace->options->filter,
        .args_max_bytes = trace->options->args_max_bytes,
        .forks = trace->options->forks,
        .child_ready = signals_give_back,
        .child_failed = command_failed,
    };
    struct muster_sensor_error error;

    trace->signals_fd = signals_open();
    if (trace->signals_fd < 0) {
        report("cannot start: %s", strerror(errno));
        return false;
    }
    if (!muster_tracer_start(&options, &trace->tracer, &error)) {
        (void)report_failure(&error);
        return false;
    }
    trace->stream.epoch = muster_tracer_epoch(trace->tracer);
    return true;
}

/* Who is traced waits for room, so nothing is shed. */
static bool output_open(struct trace *trace)
{
    const char *path = trace->options->output;
    struct output_file *output = &trace->output;

    trace->pump.stream = &trace->stream;
    return pump_queue_open(&trace->pump, trace->stream.epoch, BUDGET_BYTES) &&
           pump_sink_open(&trace->pump, output, path ? output_file_open(output, path) : output_file_open_error(output),
                          trace->options->format, trace->options->color);
}

static bool pump_open(struct trace *trace)
{
    struct muster_ledger ledger = {.epoch = trace->stream.epoch};
    struct muster_sensor_status started;

    status_record_fill(&started, MUSTER_EVENT_SENSOR_STARTED, &ledger);
    trace->wakeups = wakeups_create(trace->signals_fd, 0);
    trace->pump.wakeups = trace->wakeups;
    if (trace->wakeups && muster_queue_push_record(trace->pump.queue, &started.record, 0) == MUSTER_OK &&
        pump_start(&trace->pump))
        return true;
    report("cannot start: %s", strerror(errno));
    return false;
}

/* ---- signals ---- */

/*
 * A terminal signals the command as well, being in the same group; what was sent to muster alone is passed on. When
 * the command has ended, it is muster that is meant.
 */
static void signal_take(struct trace *trace, const struct signalfd_siginfo *information,
                        const struct muster_tracer_state *state)
{
    int number = (int)information->ssi_signo;
    bool from_kernel = information->ssi_code > 0;

    if (number == SIGCHLD)
        return;
    if (number == SIGTSTP && from_kernel) {
        trace->suspend_ns = host_monotonic_ns();
        return;
    }
    if (number != SIGTSTP && trace->told_ns == 0)
        trace->told_ns = host_monotonic_ns();
    if (state->command_ended)
        trace->leave = true;
    else if (!from_kernel)
        (void)kill((pid_t)state->command_pid, number);
}

static void signals_take(struct trace *trace)
{
    struct signalfd_siginfo information;
    struct muster_tracer_state state;

    muster_tracer_state(trace->tracer, &state);
    while (read(trace->signals_fd, &information, sizeof(information)) == sizeof(information))
        signal_take(trace, &information, &state);
}

/* After Ctrl-Z, when the command has stopped, muster stops too, so that the shell takes over; the shell
 * continues both. A stop that somebody sent to the command alone is none of ours. */
static void suspend_follow(struct trace *trace)
{
    struct muster_tracer_state state;

    if (trace->suspend_ns == 0)
        return;
    muster_tracer_state(trace->tracer, &state);
    if (host_monotonic_ns() - trace->suspend_ns > SUSPEND_WAIT_NS) {
        trace->suspend_ns = 0;
    } else if (state.command_suspended) {
        trace->suspend_ns = 0;
        signals_suspend();
    }
}

/* ---- the way of a record ---- */

/* Whether an output that takes nothing is to be given up: some time after something asked to end. */
static bool patience_ended(struct trace *trace)
{
    uint64_t now_ns = host_monotonic_ns(), written = __atomic_load_n(&trace->output.written, __ATOMIC_RELAXED);

    if (written != trace->written || trace->written_ns == 0) {
        trace->written = written;
        trace->written_ns = now_ns;
    }
    return trace->told_ns != 0 && now_ns - trace->written_ns >= wakeups_patience_ms(trace->wakeups) * NS_PER_MS &&
           now_ns - trace->told_ns >= wakeups_patience_ms(trace->wakeups) * NS_PER_MS;
}

static bool record_offer(struct trace *trace, const struct muster_record *record)
{
    enum muster_class class_of_record = muster_event_class(record->type);

    if (!muster_queue_would_admit(trace->pump.queue, class_of_record, record->size_bytes)) {
        __atomic_store_n(&trace->pump.ack_wanted, true, __ATOMIC_SEQ_CST);
        if (!muster_queue_would_admit(trace->pump.queue, class_of_record, record->size_bytes))
            return false;
    }
    return muster_queue_push_record(trace->pump.queue, record, 0) == MUSTER_OK;
}

/* Waits for room, and the process that the record is about with it. An output that failed gets nothing more; the
 * command goes on even so. */
static void record_push(struct trace *trace, const struct muster_record *record)
{
    while (!trace->abandoned && !pump_finished(&trace->pump) && !record_offer(trace, record)) {
        pump_wake(&trace->pump);
        (void)wakeups_wait(trace->wakeups, WAKE_PUMP, ROOM_WAIT_MS);
        signals_take(trace);
        trace->abandoned = patience_ended(trace);
    }
    trace->written_ns = 0;
}

static void command_follow(struct trace *trace)
{
    const struct muster_record *record;
    struct muster_tracer_state state;

    muster_tracer_go(trace->tracer);
    for (;;) {
        signals_take(trace);
        while (!trace->leave && (record = muster_tracer_next(trace->tracer)) != NULL)
            record_push(trace, record);
        pump_wake(&trace->pump);
        suspend_follow(trace);
        muster_tracer_state(trace->tracer, &state);
        if (trace->leave || state.all_ended)
            return;
        (void)wakeups_wait(trace->wakeups, WAKE_RECORDS, IDLE_WAIT_MS);
    }
}

/* ---- the end ---- */

static void pump_finish(struct trace *trace, const struct muster_tracer_state *state)
{
    struct muster_ledger ledger = {
        .epoch = trace->stream.epoch, .produced = state->produced, .filtered = state->filtered};

    pump_stop(&trace->pump, &ledger);
    if (trace->told_ns == 0)
        trace->told_ns = host_monotonic_ns();
    trace->written_ns = 0;
    while (!trace->abandoned && !pump_finished(&trace->pump)) {
        (void)wakeups_wait(trace->wakeups, WAKE_PUMP, ROOM_WAIT_MS);
        trace->abandoned = patience_ended(trace);
    }
}

static int end_report(struct trace *trace, const struct muster_tracer_state *state)
{
    int error = __atomic_load_n(&trace->pump.error, __ATOMIC_ACQUIRE);
    uint64_t missing = state->produced - state->filtered - __atomic_load_n(&trace->pump.delivered, __ATOMIC_RELAXED);

    if (trace->abandoned) {
        report("%s does not take anything; gave up with %" PRIu64 " events held", trace->output.name, missing);
        return MUSTER_TRACER_FAILED;
    }
    if (error == EPIPE && trace->output.standard)
        return state->command_code; /* the reader, such as head(1), has what it wanted */
    if (error) {
        output_file_cut(&trace->output, muster_sink_whole_bytes(trace->pump.sink));
        report("cannot write to %s: %s; %" PRIu64 " events were not delivered", trace->output.name, strerror(error),
               missing);
        return MUSTER_TRACER_FAILED;
    }
    return state->command_code;
}

static int trace_threads(struct trace *trace)
{
    struct muster_tracer_state state;
    int code;

    command_follow(trace);
    muster_tracer_state(trace->tracer, &state);
    pump_finish(trace, &state);
    code = end_report(trace, &state);
    if (trace->abandoned)
        _exit(code); /* the pump's thread still hangs in its write */
    pump_join(&trace->pump);
    if (!output_file_close(&trace->output)) {
        report("cannot write to %s: %s", trace->output.name, strerror(errno));
        code = MUSTER_TRACER_FAILED;
    }
    return code;
}

static void trace_close(struct trace *trace)
{
    pump_close(&trace->pump);
    wakeups_destroy(trace->wakeups);
    muster_tracer_destroy(trace->tracer);
}

int trace_run(const struct trace_options *options)
{
    struct trace *trace = &the_trace;
    int code = MUSTER_TRACER_FAILED;

    trace->options = options;
    host_describe(&trace->host, &trace->stream);
    trace->stream.provider = "ptrace";
    if (tracer_open(trace) && output_open(trace) && pump_open(trace))
        code = trace_threads(trace);
    trace_close(trace);
    return code;
}
