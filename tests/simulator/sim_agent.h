/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated process that runs the agent: agent/watch.c and what it stands on, as they are, between a sensor, an
 * output, a clock and signals that are made up. It ends as a process does, by returning, by _exit or by a crash, and
 * then nothing of its memory is left.
 */
#ifndef MUSTER_SIM_AGENT_H
#define MUSTER_SIM_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_plan.h"
#include "sim_truth.h"

struct pump;

/* ---- the process, sim_agent.c ------------------------------------------------------------------------------------ */

/* Starts it, and another where the plan has one; they run with the other fibers, each to its end, which is judged. */
void agent_begin(const struct plan *plan);

const struct plan *agent_plan(void);

/* Something happens that a crash may be counted from. */
void agent_comes_to(enum plan_crash what);

/* ---- what it stands on ------------------------------------------------------------------------------------------- */

void agent_threads_begin(const struct plan *plan, bool faults); /* sim_threads.c: worker.h, wakeups.h */
void agent_stop_ask(void);                                      /* a signal */
bool agent_was_asked(uint64_t *ret_since_ns);                   /* to stop, by signal or by the end of its time */
uint64_t agent_signalled_ns(void);                              /* the last time; 0: never */
void agent_records_wake(void);
void agent_records_forget(void); /* the wake-up belongs to what has been read */

void agent_host_begin(const struct plan *plan); /* sim_host.c: host.h, standard_streams.h */
const char *agent_report(void);                 /* what was written to standard error */

void agent_output_begin(const struct plan *plan);
void agent_output_process_begins(bool repaired);
/* what failed before does not fail again; repaired: nor does anything */ /* sim_output.c: output_file.h */
uint64_t agent_output_progress_ns(void);                                  /* when it last took something */
uint64_t agent_output_bytes(void);
int agent_output_error(void); /* of the last write that failed; 0: none did */
bool agent_output_stands_still(void);
bool agent_output_close_failed(void);

void agent_sensor_begin(const struct plan *plan, bool faults); /* sim_sensor.c: muster/sensor.h */
struct intake;
struct intake *agent_intake(void); /* NULL: no sensor is open */

/* ---- figures of what came up, over all seeds ----------------------------------------------------------------------
 */

struct sim_coverage {
    uint64_t unread, short_writes, interrupted_writes, stalls, failed_writes, cuts, failed_allocations, wakes,
        spurious_wakes, pending_gaps, full_gaps, stolen, figures, statuses, syncs, done, output, stalled, abandoned,
        begin, crashed;
};
extern struct sim_coverage coverage;

#endif
