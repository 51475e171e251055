/* SPDX-License-Identifier: Apache-2.0 */
/* sim_agent.h: the life of the process. */
#include "sim_agent.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "agent/capture.h"
#include "agent/pump.h"
#include "agent/watch.h"
#include "sensor_linux/intake.h"
#include "sim_agent_memory.h"
#include "sim_journal.h"
#include "sim_kernel.h"
#include "sim_scheduler.h"

#define STOP_SLACK_NS  (300 * NS_PER_MS)
#define SLACK_POINTS   20000          /* and what a slow machine takes for them */
#define STOP_NS        (5 * NS_PER_S) /* what the README promises */
#define AGAIN_NS       NS_PER_S
#define AGAIN_SLACK_NS (100 * NS_PER_MS)

struct sim_coverage coverage;

/* One process. */
static struct {
    struct watch_options options;
    struct pump *pump; /* while it has a queue */
    struct capture *capture;
    enum truth_end end;
    uint64_t capture_ns; /* when it began; NEVER: not yet */
    bool faults;         /* what can fail at its beginning does */
    bool ended;
    const struct plan_run *run; /* NULL: it is the only one, or the last */
    unsigned came_to;           /* what its crash is counted from */
    struct truth_verdict before_close;
} agent;

/* What is around it, and outlives it. */
static struct {
    struct plan plan;
    struct fiber *waits_for_end;
    uint64_t again_ns; /* when the second signal came */
    bool memory_runs_out;
    bool repaired; /* nothing fails any more */
} world;

const struct plan *agent_plan(void)
{
    return &world.plan;
}

/* ---- what it knows ------------------------------------------------------------------------------------------------
 */

static void verdict_fill(struct truth_verdict *verdict)
{
    const struct intake *intake = agent_intake();

    *verdict = (struct truth_verdict){.end = agent.end};
    verdict->reasons = (struct truth_reasons){
        .output_error = agent_output_error(),
        .no_memory = agent_memory_library_failed_count() > 0,
        .stands_still = agent_output_stands_still(),
        .memory_runs_out = world.memory_runs_out,
        .close_failed = agent_output_close_failed(),
    };
    if (agent.pump) {
        verdict->agent_delivered = agent.pump->delivered;
        verdict->agent_filtered = agent.pump->filtered;
        verdict->error = agent.pump->error;
    }
    if (intake) {
        verdict->sensor_filtered = intake->account.filtered;
        verdict->sensor_missed = intake->account.dropped[LINE_PROGRAM_MISSED];
        for (unsigned i = 0; i < LINE_CAUSE_COUNT; i++)
            verdict->sensor_dropped += intake->account.dropped[i];
    }
}

/* At any moment, from outside: what is allocated for records keeps to the budget, and queue and cache balance. */
static void observe(void)
{
    struct muster_queue_counts queue;
    struct muster_cache_counts cache;
    const struct account *account;
    uint64_t dropped = 0;

    if (!agent.pump || sim_mutex_held_by_any())
        return;
    account = &agent_intake()->account;
    if (!muster_queue_counts(agent.pump->queue, &queue) || !muster_cache_counts(agent.pump->cache, &cache))
        sim_fail("queue or cache does not count");
    for (unsigned i = 0; i < MUSTER_CAUSE_COUNT; i++)
        dropped += queue.ledger.dropped[i];
    if (queue.ledger.produced != queue.ledger.delivered + queue.ledger.held + dropped)
        sim_fail("the queue's ledger does not balance");
    if (cache.numbered_count + cache.acknowledged_count > queue.ledger.delivered)
        sim_fail("more is in the cache than came out of the queue");
    if (agent_memory_platform_bytes() > queue.charged_bytes || queue.charged_peak_bytes > queue.budget_bytes)
        sim_fail("%zu bytes are allocated, %" PRIu64 " charged, of a budget of %" PRIu64, agent_memory_platform_bytes(),
                 queue.charged_bytes, queue.budget_bytes);
    truth_hops(queue.ledger.produced, account->read, agent.pump->delivered);
    if (agent.capture && agent.capture->gap_waits)
        coverage.pending_gaps++;
    if (account->gaps_made - account->gaps_acknowledged >= JOURNAL_GAPS)
        coverage.full_gaps++;
}

/* ---- looking in: calls from one of the agent's files to another go through here (the linker's --wrap) --------------
 */

bool __real_pump_queue_open(struct pump *pump, uint64_t epoch, size_t budget_bytes);
bool __wrap_pump_queue_open(struct pump *pump, uint64_t epoch, size_t budget_bytes);
bool __real_pump_sink_open(struct pump *pump, struct output_file *output, bool output_opened, const char *format,
                           enum muster_color color);
bool __wrap_pump_sink_open(struct pump *pump, struct output_file *output, bool output_opened, const char *format,
                           enum muster_color color);
void __real_pump_close(struct pump *pump);
void __wrap_pump_close(struct pump *pump);
enum capture_end __real_capture_run(struct capture *capture);
enum capture_end __wrap_capture_run(struct capture *capture);
enum capture_end __real_capture_finish(struct capture *capture);
enum capture_end __wrap_capture_finish(struct capture *capture);

bool __wrap_pump_queue_open(struct pump *pump, uint64_t epoch, size_t budget_bytes)
{
    const struct memory_faults all = {.platform_per_mille = 1000}, before = agent_memory_faults();
    bool done;

    if (world.plan.queue_bytes)
        budget_bytes = world.plan.queue_bytes;
    if (world.plan.open_fault == OPEN_QUEUE_FAILS && agent.faults)
        agent_memory_faults_set(&all);
    done = __real_pump_queue_open(pump, epoch, budget_bytes);
    agent_memory_faults_set(&before);
    if (done)
        agent.pump = pump;
    return done;
}

bool __wrap_pump_sink_open(struct pump *pump, struct output_file *output, bool output_opened, const char *format,
                           enum muster_color color)
{
    const struct memory_faults all = {.library_per_mille = 1000}, before = agent_memory_faults();
    bool done;

    if (world.plan.open_fault == OPEN_SINK_FAILS && agent.faults)
        agent_memory_faults_set(&all);
    done = __real_pump_sink_open(pump, output, output_opened, format, color);
    agent_memory_faults_set(&before);
    return done;
}

void __wrap_pump_close(struct pump *pump)
{
    verdict_fill(&agent.before_close);
    agent.pump = NULL;
    agent.capture = NULL;
    __real_pump_close(pump);
}

static enum capture_end ended(enum capture_end end)
{
    static const enum truth_end ends[] = {
        [CAPTURE_STOPPED] = END_DONE,
        [CAPTURE_OUTPUT] = END_OUTPUT,
        [CAPTURE_STALLED] = END_STALLED,
        [CAPTURE_ABANDONED] = END_ABANDONED,
    };

    journal_note("capture ends", end, 0);
    agent.end = ends[end];
    return end;
}

enum capture_end __wrap_capture_run(struct capture *capture)
{
    agent.capture = capture;
    agent.capture_ns = sim_now_ns();
    truth_reading();
    return ended(__real_capture_run(capture));
}

enum capture_end __wrap_capture_finish(struct capture *capture)
{
    agent.capture_ns = sim_now_ns();
    return ended(__real_capture_finish(capture));
}

/* ---- its end
 * --------------------------------------------------------------------------------------------------------- */

/* From the last moment that it may count from. */
static void promptness_judge(void)
{
    const uint64_t slack_ns = STOP_SLACK_NS + SLACK_POINTS * world.plan.point_cost_ns;
    uint64_t from_ns, asked_ns;

    if (agent.end == END_BEGIN || agent.end == END_CRASHED || !agent_was_asked(&asked_ns))
        return;
    from_ns = asked_ns > agent.capture_ns ? asked_ns : agent.capture_ns;
    if (world.again_ns != NEVER && world.again_ns > from_ns + AGAIN_NS + AGAIN_SLACK_NS &&
        sim_now_ns() > world.again_ns + AGAIN_SLACK_NS)
        sim_fail("it does not end when it is told a second time");
    if (agent.end == END_ABANDONED && agent_signalled_ns() < asked_ns + AGAIN_NS - AGAIN_SLACK_NS)
        sim_fail("it gives up, though it was told once");
    if (agent_output_progress_ns() > from_ns)
        from_ns = agent_output_progress_ns();
    if (sim_now_ns() > from_ns + STOP_NS + slack_ns)
        sim_fail("it ends %" PRIu64 " ms after it was asked to, or the output moved",
                 (sim_now_ns() - from_ns) / NS_PER_MS);
    if (agent.end == END_STALLED && sim_now_ns() < from_ns + STOP_NS - slack_ns)
        sim_fail("it gives up %" PRIu64 " ms after the output moved", (sim_now_ns() - from_ns) / NS_PER_MS);
}

static void judge(struct truth_verdict *verdict, int code)
{
    journal_note("exit", (uint64_t)code, agent.end);
    verdict->exit_code = code;
    verdict->end = agent.end;
    verdict->report = agent_report();
    promptness_judge();
    truth_judge(verdict);
}

static void coverage_add(void)
{
    uint64_t *const counts[] = {
        [END_DONE] = &coverage.done,           [END_OUTPUT] = &coverage.output, [END_STALLED] = &coverage.stalled,
        [END_ABANDONED] = &coverage.abandoned, [END_BEGIN] = &coverage.begin,   [END_CRASHED] = &coverage.crashed,
    };

    ++*counts[agent.end];
    coverage.failed_allocations += agent_memory_failed_count();
}

/* Everything that the process had is gone behind this. */
static void process_end(void)
{
    coverage_add();
    agent.pump = NULL;
    agent.capture = NULL;
    agent.ended = true;
    truth_leaving();
    kernel_wakes(NULL);
    agent_sensor_begin(&world.plan, false);
    agent_memory_take();
    fiber_wake(world.waits_for_end);
    fiber_group_end(GROUP_AGENT);
}

_Noreturn void agent_exit(int code);
_Noreturn void agent_abort(void);

void agent_exit(int code)
{
    struct truth_verdict verdict;

    verdict_fill(&verdict);
    judge(&verdict, code);
    process_end();
    sim_fail("a process goes on behind its end");
}

void agent_abort(void)
{
    sim_fail("the agent aborts");
}

static void crash(void)
{
    struct truth_verdict verdict;

    if (agent.ended)
        return;
    journal_note("crash", sim_point_count(), 0);
    agent.end = END_CRASHED;
    verdict_fill(&verdict);
    judge(&verdict, 0);
    process_end();
}

void agent_comes_to(enum plan_crash what)
{
    const struct plan_run *run = agent.run;

    if (!run || run->crash_from != what || run->crash_at_points == 0 || agent.came_to++ != run->crash_skips)
        return;
    scheduler_interrupt(run->crash_at_points, crash);
}

static void agent_main(void *context)
{
    int code;

    (void)context;
    code = watch_run(&agent.options);
    judge(&agent.before_close, code);
    if (agent_memory_platform_bytes() || agent_memory_library_bytes())
        sim_fail("%zu bytes of core and %zu of others are not given back", agent_memory_platform_bytes(),
                 agent_memory_library_bytes());
    process_end();
}

/* ---- the world around it
 * ------------------------------------------------------------------------------------------------ */

static void somebody_stops_it(void *context)
{
    (void)context;
    if (world.plan.stop_ns == NEVER)
        return;
    fiber_sleep(world.plan.stop_ns);
    agent_stop_ask();
    if (world.plan.stop_again_ns == NEVER)
        return;
    fiber_sleep(world.plan.stop_again_ns - world.plan.stop_ns);
    world.again_ns = sim_now_ns();
    agent_stop_ask();
}

static void memory_runs_out(void *context)
{
    const struct memory_faults faults = {.platform_per_mille = world.plan.memory_per_mille}, none = {0};

    (void)context;
    if (world.plan.memory_per_mille == 0)
        return;
    fiber_sleep(1 + world.plan.memory_window.begin_ns);
    if (world.repaired)
        return;
    world.memory_runs_out = true;
    agent_memory_faults_set(&faults);
    truth_excuse(world.plan.memory_window.end_ns);
    while (sim_now_ns() < world.plan.memory_window.end_ns)
        (void)fiber_wait(world.plan.memory_window.end_ns);
    agent_memory_faults_set(&none);
    world.memory_runs_out = false;
}

static bool runs_out(void)
{
    return world.memory_runs_out;
}

static void options_fill(uint64_t duration_ms, bool drain)
{
    const struct plan *plan = &world.plan;

    agent.options = (struct watch_options){
        .format = "ndjson",
        .output = plan->output.standard ? NULL : "events.json",
        .duration_ms = duration_ms,
        .status_interval_ms = plan->status_interval_ms,
        .buffer_bytes = plan->ring_bytes,
        .forks = plan->forks,
        .baseline = plan->baseline_count > 0 || plan->open_fault == OPEN_BASELINE_FAILS,
        .fail_on_loss = plan->fail_on_loss,
        .drain = drain,
        .durable = plan->durable,
        .output_open = plan->kept ? output_file_append : NULL,
        .kept = plan->kept ? (struct muster_kept *)(void *)&world : NULL, /* looked at for whether there is one */
    };
    if (plan->filter == FILTER_NONE)
        return;
    agent.options.filter.active = 1;
    agent.options.filter.include.users.count = 1;
    agent.options.filter.include.users.values[0] = SIM_USER_WANTED;
}

/* ---- one process, or several ------------------------------------------------------------------ */

static void process_begin(bool first, bool last)
{
    const struct memory_faults faults = {.platform_per_mille = runs_out() ? world.plan.memory_per_mille : 0};
    const bool fails = first && !last;

    memset(&agent, 0, sizeof(agent));
    agent.end = END_BEGIN;
    agent.capture_ns = NEVER;
    agent.faults = fails;
    journal_note("process begins", first, last);
    truth_run_begins(last);
    agent_memory_begin(world.plan.seed * 7 + 11);
    agent_memory_library_fail(fails ? world.plan.library_allocation_fails : 0);
    world.repaired = last;
    if (!last)
        agent_memory_faults_set(&faults);
    agent_threads_begin(&world.plan, fails);
    agent_host_begin(&world.plan);
    agent_output_process_begins(last);
    agent_sensor_begin(&world.plan, fails);
}

static void process_wait(void)
{
    (void)fiber_start("main", GROUP_AGENT, world.plan.agent_weight, agent_main, NULL);
    world.waits_for_end = fiber_current();
    while (!agent.ended)
        (void)fiber_wait(NEVER);
    world.waits_for_end = NULL;
}

/* As `muster service`: agents come and go, and at the end one that reads what is left. */
static void processes_run(void)
{
    kernel_attach(world.plan.forks);
    for (unsigned i = 0; i < world.plan.run_count; i++) {
        const struct plan_run *run = &world.plan.runs[i];

        process_begin(i == 0, false);
        options_fill(run->duration_ms, false);
        agent.run = run;
        scheduler_interrupt(run->crash_from == CRASH_FROM_BEGINNING ? run->crash_at_points : 0, crash);
        process_wait();
        fiber_sleep(run->pause_ns);
    }
    kernel_close();
    process_begin(false, true);
    options_fill(0, true);
    scheduler_interrupt(0, NULL);
    process_wait();
}

static void supervise(void *context)
{
    (void)context;
    if (world.plan.kept) {
        processes_run();
    } else {
        process_begin(true, false);
        options_fill(world.plan.duration_ms, false);
        scheduler_interrupt(world.plan.crash_at_points, crash);
        process_wait();
    }
    fiber_all_end();
}

void agent_begin(const struct plan *plan)
{
    memset(&world, 0, sizeof(world));
    memset(&agent, 0, sizeof(agent));
    world.plan = *plan;
    world.again_ns = NEVER;
    agent.ended = true;
    agent_output_begin(&world.plan);
    if (plan->point_cost_ns >= SLOW_POINT_NS)
        truth_excuse(NEVER);
    (void)fiber_start("user", GROUP_WORLD, 4, somebody_stops_it, NULL);
    (void)fiber_start("memory", GROUP_WORLD, 4, memory_runs_out, NULL);
    (void)fiber_start("supervisor", GROUP_WORLD, 4, supervise, NULL);
    scheduler_observe(16, observe);
}
