/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A storm of short processes: workers that vfork and exec a tiny program over and over, each time
 * with a token of its own in argv[1]. Writes what happened to --truth, in the order of each worker:
 *     {"token":"RUN.7","worker":0,"pid":1234,"exit_code":7,"lived_ns":98765}
 * and how fast it was to standard output. The truth is kept in memory until the storm is over, so
 * that writing it does not slow the storm. SIGTERM ends it early, and the truth is of what was.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>

#include "probe.h"

struct outcome {
    int32_t pid; /* 0: was not run */
    int32_t status;
    uint64_t lived_ns; /* from before vfork until after wait: an upper bound */
};

struct storm {
    long count;
    long workers;
    long padding_bytes;
    const char *image;
    const char *run;
    const char *truth_path;
    char *padding; /* argv[3], to make big records; argv[2] keeps tiny's modulo apart */
    struct outcome *outcomes;
};

static volatile sig_atomic_t *enough; /* shared with the workers */

static void on_term(int number)
{
    (void)number;
    *enough = 1;
}

static const char usage_text[] =
    "storm --image FILE [--count N] [--workers N] [--run NAME] [--padding BYTES] [--truth FILE]";

static void parse_options(struct storm *storm, int argc, char **argv)
{
    static const struct option options[] = {
        {"count", required_argument, NULL, 'c'},
        {"workers", required_argument, NULL, 'w'},
        {"image", required_argument, NULL, 'i'},
        {"run", required_argument, NULL, 'r'},
        {"padding", required_argument, NULL, 'p'},
        {"truth", required_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            storm->count = atol(optarg);
            break;
        case 'w':
            storm->workers = atol(optarg);
            break;
        case 'i':
            storm->image = optarg;
            break;
        case 'r':
            storm->run = optarg;
            break;
        case 'p':
            storm->padding_bytes = atol(optarg);
            break;
        case 't':
            storm->truth_path = optarg;
            break;
        default:
            usage(usage_text);
        }
    }
    if (!storm->image || optind != argc || storm->count < 1 || storm->workers < 1 || storm->padding_bytes < 0)
        usage(usage_text);
}

static void *map_shared(size_t size_bytes)
{
    void *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (memory == MAP_FAILED)
        die("mmap");
    return memory;
}

static void allocate(struct storm *storm)
{
    storm->outcomes = map_shared((size_t)storm->count * sizeof(*storm->outcomes));
    enough = map_shared(sizeof(*enough));
    if (storm->padding_bytes > 0) {
        storm->padding = calloc(1, (size_t)storm->padding_bytes + 1);
        if (!storm->padding)
            die("calloc");
        memset(storm->padding, 'x', (size_t)storm->padding_bytes);
    }
}

static void run_one(const struct storm *storm, long number)
{
    char token[128];
    char raw[] = "raw";
    char *argv[] = {(char *)(uintptr_t)storm->image, token, storm->padding ? raw : NULL, storm->padding, NULL};
    char *environment[] = {NULL};
    unsigned long long start_ns;
    struct outcome *outcome = &storm->outcomes[number];
    pid_t pid;

    snprintf(token, sizeof(token), "%s.%ld", storm->run, number);
    start_ns = now_ns(CLOCK_MONOTONIC);
    pid = vfork();
    if (pid == 0) {
        execve(storm->image, argv, environment);
        _exit(PROBE_BROKEN);
    }
    if (pid < 0)
        die("vfork");
    outcome->status = wait_for(pid);
    outcome->lived_ns = now_ns(CLOCK_MONOTONIC) - start_ns;
    outcome->pid = pid;
}

static _Noreturn void run_worker(const struct storm *storm, long worker)
{
    long number;

    for (number = worker; number < storm->count && !*enough; number += storm->workers)
        run_one(storm, number);
    _exit(0);
}

static void run_workers(const struct storm *storm)
{
    long worker;

    for (worker = 0; worker < storm->workers; worker++) {
        pid_t pid = fork();

        if (pid < 0)
            die("fork");
        if (pid == 0)
            run_worker(storm, worker);
    }
    for (worker = 0; worker < storm->workers; worker++) {
        if (wait_for(-1) != 0)
            die("a worker failed");
    }
}

static long count_run(const struct storm *storm)
{
    long run = 0;
    long number;

    for (number = 0; number < storm->count; number++)
        run += storm->outcomes[number].pid != 0;
    return run;
}

static void write_truth(const struct storm *storm)
{
    FILE *truth = fopen(storm->truth_path, "we");
    long worker;
    long number;

    if (!truth)
        die(storm->truth_path);
    for (worker = 0; worker < storm->workers; worker++) {
        for (number = worker; number < storm->count && storm->outcomes[number].pid; number += storm->workers) {
            const struct outcome *outcome = &storm->outcomes[number];

            fprintf(truth,
                    "{\"token\":\"%s.%ld\",\"worker\":%ld,\"pid\":%" PRId32 ",\"exit_code\":%d,\"lived_ns\":%" PRIu64
                    "}\n",
                    storm->run, number, worker, outcome->pid, WEXITSTATUS(outcome->status), outcome->lived_ns);
        }
    }
    if (fclose(truth) != 0)
        die(storm->truth_path);
}

int main(int argc, char **argv)
{
    struct storm storm = {.count = 1000, .workers = 2, .run = "storm"};
    unsigned long long start_ns;
    unsigned long long wall_ns;
    long count;

    parse_options(&storm, argc, argv);
    allocate(&storm);
    signal(SIGTERM, on_term);
    start_ns = now_ns(CLOCK_MONOTONIC);
    run_workers(&storm);
    wall_ns = now_ns(CLOCK_MONOTONIC) - start_ns;
    count = count_run(&storm);
    if (storm.truth_path)
        write_truth(&storm);
    printf("{\"run\":\"%s\",\"count\":%ld,\"workers\":%ld,\"wall_ns\":%llu,\"execs_per_second\":%.1f}\n", storm.run,
           count, storm.workers, wall_ns, (double)count * 1e9 / (double)wall_ns);
    return 0;
}
