/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_agent.h: where the agent writes (agent/output_file.h). It takes less than it is given, is interrupted, stands
 * still for a while or for ever, and fails at a byte. Each line is compared with the truth as soon as its last byte is
 * there. What was written outlives the agent.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/output_file.h"
#include "sim_agent.h"
#include "sim_journal.h"
#include "sim_line.h"
#include "sim_random.h"
#include "sim_scheduler.h"

#define SLOW_NS_PER_BYTE 50 /* from here on it is no wonder that lines come late */

static struct {
    const struct plan *plan;
    struct sim_random random;
    char *line; /* the unfinished one; stays from one seed to the next */
    size_t line_bytes, line_capacity;
    uint64_t bytes;       /* taken */
    uint64_t whole_bytes; /* of those, up to the last newline */
    uint64_t progress_ns;
    int error; /* of the last write that failed; 0: none did */
    bool stands_still, close_failed;
    uint64_t begin_bytes; /* where this process began */
    bool faults;          /* none: everything is repaired */
} output;

void agent_output_begin(const struct plan *plan)
{
    char *line = output.line;
    const size_t capacity = output.line_capacity;

    memset(&output, 0, sizeof(output));
    output.line = line;
    output.line_capacity = capacity;
    output.plan = plan;
    output.random.state = plan->seed * 17 + 3;
    output.faults = true;
}

void agent_output_process_begins(bool repaired)
{
    if (output.error != 0 || repaired)
        output.faults = false;
    output.error = 0;
    output.stands_still = output.close_failed = false;
    output.progress_ns = 0;
}

uint64_t agent_output_progress_ns(void)
{
    return output.progress_ns;
}

uint64_t agent_output_bytes(void)
{
    return output.bytes;
}

int agent_output_error(void)
{
    return output.error;
}

bool agent_output_close_failed(void)
{
    return output.close_failed;
}

bool agent_output_stands_still(void)
{
    return output.stands_still;
}

/* ---- lines --------------------------------------------------------------------------------------------------- */

static void line_append(const char *bytes, size_t size_bytes)
{
    while (output.line_bytes + size_bytes > output.line_capacity) {
        output.line_capacity = output.line_capacity ? 2 * output.line_capacity : 65536;
        output.line = realloc(output.line, output.line_capacity);
        if (!output.line)
            sim_fail("out of memory in earnest");
    }
    memcpy(output.line + output.line_bytes, bytes, size_bytes);
    output.line_bytes += size_bytes;
}

static void line_end(void)
{
    struct line line;

    const uint64_t hash = journal_bytes("line", output.line, output.line_bytes);

    if (!line_parse(&line, output.line, output.line_bytes))
        sim_fail("not JSON: %.*s", (int)(output.line_bytes < 2000 ? output.line_bytes : 2000), output.line);
    truth_line(&line, hash, output.whole_bytes);
    output.line_bytes = 0;
}

static void take(const char *bytes, size_t size_bytes)
{
    const char *newline;

    output.bytes += size_bytes;
    output.progress_ns = sim_now_ns();
    while ((newline = memchr(bytes, '\n', size_bytes)) != NULL) {
        const size_t here = (size_t)(newline - bytes);

        line_append(bytes, here);
        bytes = newline + 1;
        size_bytes -= here + 1;
        output.whole_bytes = output.bytes - size_bytes;
        line_end();
    }
    line_append(bytes, size_bytes);
}

/* ---- a write --------------------------------------------------------------------------------------------------- */

static void stand_still(void)
{
    for (unsigned i = 0; output.faults && i < output.plan->output.stall_count; i++) {
        const struct plan_window *stall = &output.plan->output.stalls[i];
        const uint64_t end_ns = stall->end_ns;

        if (sim_now_ns() < stall->begin_ns || sim_now_ns() >= end_ns)
            continue;
        coverage.stalls++;
        journal_note("stands still", end_ns, 0);
        truth_excuse(end_ns);
        output.stands_still = true;
        while (sim_now_ns() < end_ns)
            (void)fiber_wait(end_ns);
        output.stands_still = false;
    }
}

static long write_fail(int error)
{
    coverage.failed_writes++;
    output.error = error ? error : EIO;
    journal_note("write fails", (uint64_t)error, output.bytes);
    errno = error;
    return error ? -1 : 0;
}

static long output_write(void *context, const char *bytes, size_t size_bytes)
{
    const struct plan_output *plan = &output.plan->output;
    struct output_file *file = context;

    sim_point();
    stand_still();
    if (random_chance(&output.random, plan->interrupted_per_mille)) {
        coverage.interrupted_writes++;
        errno = EINTR;
        return -1;
    }
    if (output.faults && (output.bytes >= plan->fails_at_byte || sim_now_ns() >= plan->fails_at_ns))
        return write_fail(plan->error);
    if (output.faults && size_bytes > plan->fails_at_byte - output.bytes)
        size_bytes = plan->fails_at_byte - output.bytes;
    if (random_chance(&output.random, plan->short_per_mille)) {
        coverage.short_writes++;
        size_bytes = 1 + random_below(&output.random, size_bytes);
    }
    if (plan->ns_per_byte >= SLOW_NS_PER_BYTE)
        truth_excuse(sim_now_ns() + size_bytes * plan->ns_per_byte);
    if (plan->ns_per_byte && output.faults)
        fiber_sleep(size_bytes * plan->ns_per_byte);
    take(bytes, size_bytes);
    __atomic_fetch_add(&file->written, size_bytes, __ATOMIC_RELAXED);
    sim_point();
    return (long)size_bytes;
}

/* ---- output_file.h
 * ---------------------------------------------------------------------------------------------------- */

bool output_file_open(struct output_file *file, const char *path)
{
    const struct plan_output *plan = &output.plan->output;

    *file = (struct output_file){
        .name = plan->standard ? "standard output" : path,
        .standard = plan->standard,
        .regular = plan->regular,
    };
    if (output.faults && output.plan->open_fault == OPEN_OUTPUT_FAILS) {
        output.faults = false;
        errno = EACCES;
        return false;
    }
    return true;
}

/* Half a line is what a writer left that died; whoever reads a pipe has it no more. */
bool output_file_append(struct output_file *file, const char *path)
{
    if (!output_file_open(file, path))
        return false;
    output.bytes = output.whole_bytes;
    output.line_bytes = 0;
    output.begin_bytes = file->begin_bytes = output.bytes;
    return true;
}

bool output_file_sync(struct output_file *file)
{
    (void)file;
    sim_point();
    if (output.faults && random_chance(&output.random, output.plan->output.sync_fails_per_mille)) {
        (void)write_fail(EIO);
        return false;
    }
    coverage.syncs++;
    truth_synced(output.bytes);
    sim_point();
    return true;
}

struct muster_output_target output_file_target(struct output_file *file)
{
    return (struct muster_output_target){.write = output_write, .context = file};
}

void output_file_cut(struct output_file *file, uint64_t whole_bytes)
{
    if (output.begin_bytes + whole_bytes != output.whole_bytes)
        sim_fail("%llu bytes are said to be whole lines, of %llu, and %llu are", (unsigned long long)whole_bytes,
                 (unsigned long long)output.bytes, (unsigned long long)output.whole_bytes);
    if (!file->regular)
        return;
    coverage.cuts++;
    output.bytes = output.whole_bytes;
    output.line_bytes = 0;
}

bool output_file_close(struct output_file *file)
{
    if (file->standard || !output.faults || !output.plan->output.close_fails)
        return true;
    output.close_failed = true;
    errno = EIO;
    return false;
}
