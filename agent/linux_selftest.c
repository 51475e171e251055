/* SPDX-License-Identifier: Apache-2.0 */
/* selftest.h: who is tested, and the run. */
#include "selftest.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"
#include "report.h"
#include "status_page.h"

#define NS_PER_MS         1000000ULL
#define READ_WAIT_MS      50
#define PATIENCE_MS       5000        /* without a new event of ours, once all processes have ended */
#define READY_MS          30000       /* for a sensor of our own to be attached */
#define INIT_PID_NS_INO   0xeffffffcU /* include/linux/proc_ns.h, PROC_PID_INIT_INO */
#define SHARED_READ_WRITE (PROT_READ | PROT_WRITE)

struct run {
    const struct selftest_options *options;
    struct selftest_follow follow;
    struct selftest_result result;
    struct selftest_truth *truth[SHAPE_COUNT];
    char path[FIGURES_OUTPUT_BYTES]; /* of the output that is followed */
    pid_t own_sensor;                /* 0: none was started */
};

/* ---- who is tested ---- */

struct candidate {
    struct figures figures;
    bool found;
};

/* One that runs and writes NDJSON to a file; the oldest of them. */
static void candidate_take(void *context, const struct status_reading *reading)
{
    struct candidate *candidate = context;
    struct stat status;

    if (candidate->found || !reading->alive || strcmp(reading->figures.format, "ndjson") != 0 ||
        stat(reading->figures.output, &status) != 0 || !S_ISREG(status.st_mode))
        return;
    candidate->figures = reading->figures;
    candidate->found = true;
}

static bool running_choose(struct run *run)
{
    struct candidate candidate = {.found = false};

    if (!status_pages_read(candidate_take, &candidate) || !candidate.found)
        return false;
    memcpy(run->path, candidate.figures.output, sizeof(run->path));
    (void)snprintf(run->result.sensor, sizeof(run->result.sensor), "sensor %" PRIu64 ", which writes %s",
                   candidate.figures.pid, run->path);
    return true;
}

static bool own_start(struct run *run)
{
    static char program[] = "/proc/self/exe", name[] = "muster", verb[] = "watch", format[] = "--format=ndjson",
                no_baseline[] = "--no-baseline", output_option[] = "--output";
    char *arguments[] = {name, verb, format, no_baseline, output_option, run->path, NULL};
    const char *folder = getenv("TMPDIR");
    int fd;

    (void)snprintf(run->path, sizeof(run->path), "%.400s/muster-selftest-XXXXXX",
                   folder && folder[0] ? folder : "/tmp");
    fd = mkstemp(run->path);
    if (fd < 0)
        return false;
    close(fd);
    run->own_sensor = fork();
    if (run->own_sensor == 0) {
        (void)execv(program, arguments);
        _exit(127);
    }
    (void)snprintf(run->result.sensor, sizeof(run->result.sensor), "a sensor of its own");
    return run->own_sensor > 0;
}

static bool target_open(struct run *run)
{
    int64_t offset = -1;

    if (run->options->file) {
        (void)snprintf(run->path, sizeof(run->path), "%s", run->options->file);
        (void)snprintf(run->result.sensor, sizeof(run->result.sensor), "the sensor that writes %s", run->path);
    } else if (!running_choose(run)) {
        offset = 0;
        if (!own_start(run)) {
            report("cannot start a sensor: %s", strerror(errno));
            return false;
        }
    }
    if (selftest_follow_open(&run->follow, run->path, offset))
        return true;
    report("cannot read %s: %s", run->path, strerror(errno));
    return false;
}

/* ---- the run ---- */

static bool run_read(struct run *run)
{
    if (!selftest_follow_read(&run->follow, READ_WAIT_MS))
        report("cannot read %s: %s", run->path, strerror(errno));
    else if (run->follow.stopped)
        report("the sensor that writes %s stopped during the test", run->path);
    else
        return true;
    return false;
}

/* Our own sensor says on standard error what it lacks. */
static bool own_wait_ready(struct run *run)
{
    uint64_t begin_ns = host_monotonic_ns();

    while (run->own_sensor && !run->follow.started) {
        if (!run_read(run))
            return false;
        if (waitpid(run->own_sensor, NULL, WNOHANG) == run->own_sensor) {
            run->own_sensor = 0;
            report("the sensor could not run; `muster doctor` tells why");
            return false;
        }
        if (host_monotonic_ns() - begin_ns > READY_MS * NS_PER_MS) {
            report("the sensor did not start");
            return false;
        }
    }
    return true;
}

static bool tables_make(struct run *run)
{
    for (int shape = 0; shape < SHAPE_COUNT; shape++) {
        uint32_t size = selftest_shape_size((enum selftest_shape)shape, run->options->count);
        void *shared =
            mmap(NULL, size * sizeof(struct selftest_truth), SHARED_READ_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        run->follow.sizes[shape] = run->result.sizes[shape] = size;
        run->follow.seen[shape] = calloc(size, sizeof(struct selftest_seen));
        if (shared == MAP_FAILED || !run->follow.seen[shape])
            return false;
        run->truth[shape] = shared;
        run->result.truth[shape] = shared;
        run->result.seen[shape] = run->follow.seen[shape];
    }
    return true;
}

/* One shape after the other, so that none is judged by the load of the next. */
static bool shape_run(struct run *run, enum selftest_shape shape)
{
    pid_t maker = selftest_shape_start(shape, run->follow.sizes[shape], run->follow.nonce, run->truth[shape]);

    if (maker < 0) {
        report("cannot start processes: %s", strerror(errno));
        return false;
    }
    while (waitpid(maker, NULL, WNOHANG) == 0)
        if (!run_read(run))
            return false;
    return true;
}

/* Until all have been seen, or nothing of ours has come for a while. */
static bool rest_wait(struct run *run)
{
    uint64_t expected = 0, seen = 0, since_ns = host_monotonic_ns();

    for (int shape = 0; shape < SHAPE_COUNT; shape++)
        for (uint32_t i = 0; i < run->follow.sizes[shape]; i++)
            expected += run->truth[shape][i].pid != 0;
    while (run->follow.starts < expected || run->follow.exits < expected) {
        if (!run_read(run))
            return false;
        if (run->follow.starts + run->follow.exits != seen) {
            seen = run->follow.starts + run->follow.exits;
            since_ns = host_monotonic_ns();
        }
        if (host_monotonic_ns() - since_ns > PATIENCE_MS * NS_PER_MS)
            break;
    }
    return true;
}

static bool shapes_run(struct run *run)
{
    for (int shape = 0; shape < SHAPE_COUNT; shape++)
        if (!shape_run(run, (enum selftest_shape)shape))
            return false;
    return rest_wait(run);
}

static void run_close(struct run *run)
{
    if (run->own_sensor > 0) {
        (void)kill(run->own_sensor, SIGINT);
        (void)waitpid(run->own_sensor, NULL, 0);
    }
    if (run->result.sensor[0] && !run->options->file && strstr(run->path, "/muster-selftest-"))
        (void)unlink(run->path);
    selftest_follow_close(&run->follow);
    for (int shape = 0; shape < SHAPE_COUNT; shape++)
        free(run->follow.seen[shape]);
}

int selftest_run(const struct selftest_options *options)
{
    struct run run = {.options = options, .follow = {.fd = -1, .notify_fd = -1}};
    struct stat namespace;
    int code = EXIT_FAILED;

    if (getrandom(&run.follow.nonce, sizeof(run.follow.nonce), 0) != sizeof(run.follow.nonce) || !tables_make(&run)) {
        report("cannot start: %s", strerror(errno));
    } else if (access(SELFTEST_IMAGE, X_OK) != 0) {
        report("cannot run %s, which the processes of the test are: %s", SELFTEST_IMAGE, strerror(errno));
    } else if (target_open(&run) && own_wait_ready(&run) && shapes_run(&run)) {
        run.result.lost_told = run.follow.lost_told;
        run.result.pids_known = stat("/proc/self/ns/pid", &namespace) == 0 && namespace.st_ino == INIT_PID_NS_INO;
        code = selftest_report(&run.result, options->as_json);
    }
    run_close(&run);
    return code;
}
