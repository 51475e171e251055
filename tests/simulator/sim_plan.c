/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_plan.h. Most seeds have a fault or two and not all at once: where everything fails always, nothing else is seen.
 * Small rings and few processors come up often, since that is where things collide.
 */
#include "sim_plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim_random.h"
#include "sim_scheduler.h"

#define CHOOSE(random, ...)                                                                                            \
    ((const unsigned[]){                                                                                               \
        __VA_ARGS__}[random_below((random), sizeof((const unsigned[]){__VA_ARGS__}) / sizeof(unsigned))])

static void schedule_plan(struct plan *plan, struct sim_random *random)
{
    plan->points_between = CHOOSE(random, 1, 2, 3, 6, 12, 30, 100);
    plan->point_cost_ns = CHOOSE(random, 20, 50, 100, 300);
    if (random_chance(random, 250)) /* a slow machine: the agent's timers fall among the events */
        plan->point_cost_ns = CHOOSE(random, SLOW_POINT_NS, 10000, 50000, 200000);
    plan->agent_weight = CHOOSE(random, 1, 4, 4, 16);
    plan->pump_weight = CHOOSE(random, 1, 4, 4, 16);
    plan->kernel_weight = CHOOSE(random, 1, 4, 4, 16);
}

static void machine_plan(struct plan *plan, struct sim_random *random)
{
    plan->cpu_count = CHOOSE(random, 1, 1, 2, 2, 3, 4);
    plan->ring_bytes = (size_t)CHOOSE(random, 4, 4, 8, 16, 16, 32, 64, 256) * 1024;
    if (random_chance(random, 300))
        plan->ring_position = 8 * random_magnitude(random, UINT64_MAX / 16);
    plan->ring_looks_at_pending = random_chance(random, 500);
    if (random_chance(random, 300))
        plan->queue_bytes = (size_t)CHOOSE(random, 64, 96, 128, 192) * 1024;
    plan->forks = random_chance(random, 400);
}

static void phase_plan(struct plan_phase *phase, struct sim_random *random)
{
    switch (random_below(random, 7)) {
    case 0: /* nothing */
        *phase = (struct plan_phase){.duration_ns = random_between(random, 1, 1500) * NS_PER_MS, .calm = true};
        phase->gap_most_ns = NEVER;
        break;
    case 1: /* one by one */
        *phase = (struct plan_phase){.duration_ns = random_between(random, 500, 3000) * NS_PER_MS, .calm = true};
        phase->gap_most_ns = random_between(random, 150, 600) * NS_PER_MS;
        break;
    case 2: /* a machine at work */
        *phase = (struct plan_phase){.duration_ns = random_between(random, 1, 200) * NS_PER_MS};
        phase->gap_most_ns = random_between(random, 100, 5000) * NS_PER_US;
        break;
    case 3:
        *phase = (struct plan_phase){.duration_ns = random_between(random, 100, 3000) * NS_PER_US};
        phase->gap_most_ns = random_between(random, 1, 50) * NS_PER_US;
        break;
    case 4: /* a few at a time, and then nothing for long */
        *phase = (struct plan_phase){.duration_ns = random_between(random, 2000, 8000) * NS_PER_MS, .calm = true};
        phase->beat_ns = random_between(random, 500, 1500) * NS_PER_MS;
        phase->gap_most_ns = random_between(random, 1, 100) * NS_PER_US;
        break;
    case 5: /* too much, for long */
        *phase = (struct plan_phase){.duration_ns = random_between(random, 500, 5000) * NS_PER_MS};
        phase->gap_most_ns = random_between(random, 1, 40) * NS_PER_MS;
        break;
    default: /* a storm */
        *phase = (struct plan_phase){.duration_ns = random_between(random, 20, 2000) * NS_PER_US};
        break;
    }
}

static void load_plan(struct plan *plan, struct sim_random *random)
{
    plan->phase_count = (unsigned)random_between(random, 1, PLAN_PHASES_MOST);
    for (unsigned i = 0; i < plan->phase_count; i++)
        phase_plan(&plan->phases[i], random);
    plan->events_most = CHOOSE(random, 20, 100, 200, 400, 800);
    plan->start_percent = CHOOSE(random, 10, 45, 45, 90);
    plan->exit_percent = plan->forks ? (100 - plan->start_percent) / 2 : 100 - plan->start_percent;
    plan->text_most_bytes = CHOOSE(random, 8, 64, 200, 1000, 4000);
    plan->huge_per_mille = CHOOSE(random, 0, 0, 0, 10, 50);
    plan->missed_per_mille = CHOOSE(random, 0, 0, 0, 5, 100);
    plan->invalid_per_mille = CHOOSE(random, 0, 0, 0, 0, 0, 20);
    plan->filter = (enum plan_filter)CHOOSE(random, FILTER_NONE, FILTER_NONE, FILTER_IN_KERNEL, FILTER_IN_AGENT);
    plan->unwanted_percent = CHOOSE(random, 5, 50, 50, 95);
    plan->baseline_count = CHOOSE(random, 0, 0, 1, 10, 60);
    if (random_chance(random, 50))
        plan->baseline_count = 500;
    plan->status_interval_ms = CHOOSE(random, 0, 0, 1, 100, 1000);
    plan->has_page = random_chance(random, 500);
}

static uint64_t load_end_ns(const struct plan *plan)
{
    uint64_t end_ns = 0;

    for (unsigned i = 0; i < plan->phase_count; i++)
        end_ns += plan->phases[i].duration_ns;
    return end_ns;
}

static void stalls_plan(struct plan_output *output, uint64_t end_ns, struct sim_random *random)
{
    output->stall_count = CHOOSE(random, 0, 0, 0, 1, 1, 2);
    for (unsigned i = 0; i < output->stall_count; i++) {
        struct plan_window *stall = &output->stalls[i];

        stall->begin_ns = random_below(random, end_ns + end_ns / 8);
        stall->end_ns = stall->begin_ns + random_magnitude(random, 10 * 60 * NS_PER_S);
        if (random_chance(random, 150))
            stall->end_ns = NEVER;
    }
}

static void output_plan(struct plan *plan, struct sim_random *random)
{
    static const int errors[] = {ENOSPC, ENOSPC, EIO, EPIPE, EPIPE, EDQUOT, 0};
    struct plan_output *output = &plan->output;

    output->standard = random_chance(random, 400);
    output->regular = !output->standard && random_chance(random, 800);
    output->fails_at_byte = output->fails_at_ns = NEVER;
    if (random_chance(random, 200)) {
        if (random_chance(random, 700))
            output->fails_at_byte = random_magnitude(random, 400000);
        else
            output->fails_at_ns = random_below(random, load_end_ns(plan) + 100 * NS_PER_MS);
        output->error = errors[random_below(random, sizeof(errors) / sizeof(errors[0]))];
    }
    output->short_per_mille = CHOOSE(random, 0, 0, 50, 300, 900);
    output->interrupted_per_mille = CHOOSE(random, 0, 0, 50, 500);
    output->ns_per_byte = CHOOSE(random, 0, 0, 0, 1, 10, 100, 1000);
    stalls_plan(output, load_end_ns(plan), random);
    output->close_fails = random_chance(random, 20);
}

/* Losses for long while the output stands still: more gaps than the journal has room for. */
static void overload_plan(struct plan *plan, struct sim_random *random)
{
    struct plan_window *stall = &plan->output.stalls[0];

    if (!random_chance(random, 20))
        return;
    plan->phase_count = 1;
    plan->phases[0] = (struct plan_phase){.duration_ns = random_between(random, 3, 6) * NS_PER_S};
    plan->phases[0].gap_most_ns = random_between(random, 1, 20) * NS_PER_MS;
    plan->events_most = 1500;
    plan->ring_bytes = (size_t)CHOOSE(random, 4, 8) * 1024;
    plan->status_interval_ms = CHOOSE(random, 0, 1, 100);
    plan->output.stall_count = 1;
    stall->begin_ns = random_between(random, 100, 2000) * NS_PER_MS;
    stall->end_ns = stall->begin_ns + random_between(random, 1000, 4000) * NS_PER_MS;
}

/* On a slow machine events come faster than anybody reads them, and for long. */
static void flood_plan(struct plan *plan, struct sim_random *random)
{
    if (!random_chance(random, 10))
        return;
    plan->phase_count = 1;
    plan->phases[0] = (struct plan_phase){.duration_ns = 20 * NS_PER_S, .gap_most_ns = 1};
    plan->events_most = 4000;
    plan->ring_bytes = (size_t)256 * 1024;
    plan->cpu_count = PLAN_CPUS_MOST;
    plan->point_cost_ns = 200000;
    plan->agent_weight = plan->kernel_weight = 4;
    plan->pump_weight = 16;
    plan->text_most_bytes = 8;
}

static void faults_plan(struct plan *plan, struct sim_random *random)
{
    const uint64_t end_ns = load_end_ns(plan);

    if (random_chance(random, 40))
        plan->open_fault = (enum plan_open_fault)random_between(random, OPEN_SENSOR_FAILS, OPEN_SINK_FAILS);
    if (random_chance(random, 300)) {
        plan->memory_window.begin_ns = random_below(random, end_ns);
        plan->memory_window.end_ns = plan->memory_window.begin_ns + random_magnitude(random, 20 * NS_PER_S);
        plan->memory_per_mille = CHOOSE(random, 10, 100, 500, 900, 1000);
    }
    if (random_chance(random, 60))
        plan->library_allocation_fails = random_magnitude(random, 40);
    if (random_chance(random, 120))
        plan->crash_at_points = 1 + random_magnitude(random, 60000);
    plan->clock_is_set = random_chance(random, 100);
}

static void end_plan(struct plan *plan, struct sim_random *random)
{
    const uint64_t end_ns = load_end_ns(plan);

    plan->stop_ns = plan->stop_again_ns = NEVER;
    if (random_chance(random, 250))
        plan->duration_ms = random_between(random, 1, end_ns / NS_PER_MS + 2);
    if (plan->duration_ms == 0 || random_chance(random, 500))
        plan->stop_ns =
            random_chance(random, 300) ? random_below(random, end_ns) : end_ns + random_magnitude(random, 3 * NS_PER_S);
    if (plan->stop_ns != NEVER && random_chance(random, 200))
        plan->stop_again_ns = plan->stop_ns + random_magnitude(random, 4 * NS_PER_S);
    plan->fail_on_loss = random_chance(random, 500);
    if (plan->stop_ns != NEVER && plan->output.fails_at_ns != NEVER && random_chance(random, 500))
        plan->output.fails_at_ns = plan->stop_ns + random_magnitude(random, 100 * NS_PER_MS);
}

/* Several agents, one after the other; most of them are killed. The load is long enough for all of them. */
static void runs_plan(struct plan *plan, struct sim_random *random)
{
    const uint64_t end_ms = load_end_ns(plan) / NS_PER_MS + 1;

    plan->kept = random_chance(random, 350);
    if (!plan->kept)
        return;
    plan->run_count = (unsigned)random_between(random, 1, PLAN_RUNS_MOST);
    for (unsigned i = 0; i < plan->run_count; i++) {
        struct plan_run *run = &plan->runs[i];

        run->duration_ms = 1 + random_magnitude(random, end_ms);
        run->crash_at_points = random_chance(random, 750) ? 1 + random_magnitude(random, 60000) : 0;
        if (run->crash_at_points && random_chance(random, 600)) {
            run->crash_from = (enum plan_crash)random_between(random, CRASH_FROM_ACCOUNT, CRASH_FROM_COMMIT);
            run->crash_skips = (unsigned)random_magnitude(random, 10);
            run->crash_at_points = 1 + random_magnitude(random, 400);
        }
        run->pause_ns = random_magnitude(random, random_chance(random, 500) ? NS_PER_MS : 2 * NS_PER_S);
    }
    plan->durable = plan->output.regular && random_chance(random, 500);
    if (plan->durable && random_chance(random, 200))
        plan->output.sync_fails_per_mille = CHOOSE(random, 5, 50, 500);
    plan->stop_ns = plan->stop_again_ns = NEVER;
    plan->crash_at_points = plan->duration_ms = 0;
    plan->clock_is_set = false;
    plan->ring_position = 0;
    if (plan->filter == FILTER_IN_AGENT)
        plan->filter = FILTER_IN_KERNEL;
}

static void steal_plan(struct plan *plan, struct sim_random *random)
{
    if (random_chance(random, 150))
        plan->stolen_per_mille = CHOOSE(random, 5, 20, 100);
}

void plan_make(struct plan *ret_plan, uint64_t seed)
{
    struct sim_random random = {.state = seed * 0x9e3779b97f4a7c15ULL + 1};

    memset(ret_plan, 0, sizeof(*ret_plan));
    ret_plan->seed = seed;
    schedule_plan(ret_plan, &random);
    machine_plan(ret_plan, &random);
    load_plan(ret_plan, &random);
    output_plan(ret_plan, &random);
    overload_plan(ret_plan, &random);
    flood_plan(ret_plan, &random);
    faults_plan(ret_plan, &random);
    end_plan(ret_plan, &random);
    runs_plan(ret_plan, &random);
    steal_plan(ret_plan, &random);
}

static void time_print(const char *what, uint64_t ns)
{
    if (ns != NEVER)
        printf(" %s %" PRIu64 ".%06" PRIu64 " s", what, ns / NS_PER_S, ns % NS_PER_S / 1000);
}

void plan_print(const struct plan *plan)
{
    const struct plan_output *output = &plan->output;

    printf("seed %" PRIu64 ": %u processors, ring %zu, queue %zu, weights %u %u %u, a change each %u points of up to "
           "%u ns, %u of 1000 stolen\n",
           plan->seed, plan->cpu_count, plan->ring_bytes, plan->queue_bytes, plan->agent_weight, plan->pump_weight,
           plan->kernel_weight, plan->points_between, plan->point_cost_ns, plan->stolen_per_mille);
    for (unsigned i = 0; i < plan->phase_count; i++)
        printf("  phase: %" PRIu64 " us, up to %" PRIu64 " us between events\n", plan->phases[i].duration_ns / 1000,
               plan->phases[i].gap_most_ns == NEVER ? 0 : plan->phases[i].gap_most_ns / 1000);
    printf("  up to %u events, %u %% starts, %u %% exits, texts up to %u, huge %u, missed %u, invalid %u, filter %d %u "
           "%%, baseline %u\n",
           plan->events_most, plan->start_percent, plan->exit_percent, plan->text_most_bytes, plan->huge_per_mille,
           plan->missed_per_mille, plan->invalid_per_mille, (int)plan->filter, plan->unwanted_percent,
           plan->baseline_count);
    printf("  output: %s%s, %u ns a byte, short %u, EINTR %u", output->standard ? "standard" : "named",
           output->regular ? ", a file" : "", output->ns_per_byte, output->short_per_mille,
           output->interrupted_per_mille);
    if (output->fails_at_byte != NEVER)
        printf(", error %d at byte %" PRIu64, output->error, output->fails_at_byte);
    time_print(", fails from", output->fails_at_ns);
    for (unsigned i = 0; i < output->stall_count; i++) {
        time_print(", stalls from", output->stalls[i].begin_ns);
        time_print("to", output->stalls[i].end_ns);
    }
    printf("\n  open fault %d, memory fails %u of 1000", (int)plan->open_fault, plan->memory_per_mille);
    time_print("from", plan->memory_window.begin_ns);
    time_print("to", plan->memory_window.end_ns);
    printf(", library's %" PRIu64 "th\n  ends:", plan->library_allocation_fails);
    time_print("stop at", plan->stop_ns);
    time_print("again at", plan->stop_again_ns);
    printf(" duration %" PRIu64 " ms, crash after %" PRIu64 " points\n", plan->duration_ms, plan->crash_at_points);
    for (unsigned i = 0; i < plan->run_count; i++)
        printf("  kept%s, run of %" PRIu64 " ms, crash after %" PRIu64 " points from %d behind %u, pause %" PRIu64
               " us\n",
               plan->durable ? " durable" : "", plan->runs[i].duration_ms, plan->runs[i].crash_at_points,
               (int)plan->runs[i].crash_from, plan->runs[i].crash_skips, plan->runs[i].pause_ns / NS_PER_US);
}
