/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator: the whole way of an event, from the program in the kernel to the line in the output, in one thread,
 * with a clock of its own, and with what can go wrong. A seed decides everything; what it shows is shown again by
 *
 *     simulator --seed N [--trace]
 *     simulator --from N --count N [--twice]     each seed of a range; twice, and both runs are the same to the last
 * step
 *
 * 0: nothing was wrong. 1: something was, and the last line says how to see it again. 2: usage.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim_agent.h"
#include "sim_journal.h"
#include "sim_kernel.h"
#include "sim_scheduler.h"

#define POINTS_MOST 20000000ULL

static struct {
    const char *program;
    uint64_t first, count;
    bool trace, twice;
    struct truth_sums sums;
    uint64_t points;
} run;

static uint64_t seed_run(uint64_t seed)
{
    struct plan plan;
    struct truth_sums sums;

    plan_make(&plan, seed);
    const struct schedule schedule = {
        .seed = seed,
        .points_between = plan.points_between,
        .point_cost_ns = plan.point_cost_ns,
        .points_most = POINTS_MOST,
    };
    journal_begin(run.program, seed, run.trace);
    if (run.trace)
        plan_print(&plan);
    scheduler_begin(&schedule);
    truth_begin(&plan);
    kernel_begin(&plan);
    agent_begin(&plan);
    scheduler_run();
    sums = truth_sums();
    run.points += sim_point_count();
    for (size_t i = 0; i < sizeof(sums) / sizeof(uint64_t); i++)
        ((uint64_t *)&run.sums)[i] += ((uint64_t *)&sums)[i];
    return journal_hash();
}

static void seeds_run(void)
{
    for (uint64_t seed = run.first; seed < run.first + run.count; seed++) {
        const uint64_t hash = seed_run(seed);

        if (run.twice && seed_run(seed) != hash)
            sim_fail("the seed's second run is not like its first");
        if (run.count == 1)
            printf("hash %016" PRIx64 "\n", hash);
    }
}

static void figures_print(void)
{
    const struct truth_sums *sums = &run.sums;

    printf("events %" PRIu64 "\ndelivered %" PRIu64 "\ndelivered_again %" PRIu64 "\nskeletons %" PRIu64
           "\nlost %" PRIu64 "\nfiltered %" PRIu64 "\ngaps %" PRIu64 "\ngaps_again %" PRIu64 "\nmissed %" PRIu64
           "\nbaseline %" PRIu64 "\nruns %" PRIu64 "\n",
           sums->events, sums->delivered, sums->again, sums->skeletons, sums->lost, sums->filtered, sums->gaps,
           sums->gaps_again, sums->missed, sums->baseline, sums->runs);
    printf("points %" PRIu64 "\ngiven_back %" PRIu64 "\nshort_writes %" PRIu64 "\ninterrupted_writes %" PRIu64
           "\nstalls %" PRIu64 "\nfailed_writes %" PRIu64 "\ncuts %" PRIu64 "\nfailed_allocations %" PRIu64
           "\nwakes %" PRIu64 "\nspurious_wakes %" PRIu64 "\npending_gaps %" PRIu64 "\nfull_gaps %" PRIu64
           "\nstolen %" PRIu64 "\nfigures %" PRIu64 "\nstatuses %" PRIu64 "\nsyncs %" PRIu64 "\n",
           run.points, coverage.unread, coverage.short_writes, coverage.interrupted_writes, coverage.stalls,
           coverage.failed_writes, coverage.cuts, coverage.failed_allocations, coverage.wakes, coverage.spurious_wakes,
           coverage.pending_gaps, coverage.full_gaps, coverage.stolen, coverage.figures, coverage.statuses,
           coverage.syncs);
    printf("end_done %" PRIu64 "\nend_output %" PRIu64 "\nend_stalled %" PRIu64 "\nend_abandoned %" PRIu64
           "\nend_begin %" PRIu64 "\nend_crashed %" PRIu64 "\n",
           coverage.done, coverage.output, coverage.stalled, coverage.abandoned, coverage.begin, coverage.crashed);
}

/* A crash of the simulated agent that nobody planned. */
static void crashed(int signal_number)
{
    signal(signal_number, SIG_DFL);
    sim_fail("signal %d", signal_number);
}

static void crashes_catch(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    static unsigned char stack[64 * 1024];
    const stack_t alternative = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_ONSTACK};

    (void)sigaltstack(&alternative, NULL);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        (void)sigaction(signals[i], &action, NULL);
}

static int usage(void)
{
    fprintf(stderr, "Usage: %s --seed N [--trace] [--twice]\n       %s --from N --count N [--twice]\n", run.program,
            run.program);
    return 2;
}

int main(int count, char **arguments)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},  {"from", required_argument, NULL, 'f'},
        {"count", required_argument, NULL, 'c'}, {"trace", no_argument, NULL, 't'},
        {"twice", no_argument, NULL, '2'},       {NULL, 0, NULL, 0},
    };
    int option;

    run.program = arguments[0];
    run.count = 1;
    while ((option = getopt_long(count, arguments, "", options, NULL)) != -1)
        switch (option) {
        case 's':
        case 'f':
            run.first = strtoull(optarg, NULL, 10);
            break;
        case 'c':
            run.count = strtoull(optarg, NULL, 10);
            break;
        case 't':
            run.trace = true;
            break;
        case '2':
            run.twice = true;
            break;
        default:
            return usage();
        }
    if (optind < count || run.count == 0)
        return usage();
    crashes_catch();
    seeds_run();
    figures_print();
    return 0;
}
