/* SPDX-License-Identifier: Apache-2.0 */
/* sim_truth.h: what has to hold when the agent is at its end, by how it ended. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim_journal.h"
#include "sim_truth_state.h"

static uint64_t missed_count(void)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < LINE_TYPE_COUNT; i++)
        count += truth.missed[i];
    return count;
}

static uint64_t invalid_count(void)
{
    uint64_t count = 0;

    for (uint64_t i = 0; i < truth.given; i++)
        count += truth.events[i].fate == FATE_INVALID;
    return count;
}

/* ---- all was delivered ---------------------------------------------------------------------------------------- */

static void event_judge(uint64_t sequence, const struct event *event)
{
    bool fine = false;

    switch ((enum fate)event->fate) {
    case FATE_FILTERED:
        fine = true;
        break;
    case FATE_LOST:
    case FATE_INVALID:
        fine = event->told;
        break;
    case FATE_IN_RING:
        fine = event->delivered || (!event->wanted && truth.plan.filter == FILTER_IN_AGENT);
        break;
    case FATE_UNDER_WAY:
    case FATE_RESERVED:
        break;
    }
    if (!fine)
        sim_fail("number %" PRIu64 " of fate %d is neither in the output nor in a gap", sequence, event->fate);
}

/* Position behind the last record of the ring that can be read. */
static uint64_t last_readable(void)
{
    for (size_t i = truth.order_count; i > 0; i--)
        if (truth.events[truth.order[i - 1] - 1].fate == FATE_IN_RING)
            return truth.events[truth.order[i - 1] - 1].ring_end;
    return 0;
}

static bool something_else_failed(void)
{
    return (truth.plan.output.close_fails && !truth.plan.output.standard) ||
           truth.plan.open_fault == OPEN_BASELINE_FAILS;
}

static void losses_report_judge(const struct truth_verdict *verdict)
{
    const uint64_t lost = truth.lost + missed_count() + invalid_count();
    unsigned long long said = 0, of = 0;

    if (something_else_failed()) /* and is told, beside this */
        return;
    if (lost == 0) {
        if (verdict->report[0])
            sim_fail("nothing was lost, and it says: %s", verdict->report);
        return;
    }
    if (sscanf(verdict->report, "muster: %llu of %llu events were lost", &said, &of) != 2 || said != lost ||
        of != truth.given + missed_count())
        sim_fail("%" PRIu64 " of %" PRIu64 " were lost, and it says: %s", lost, truth.given + missed_count(),
                 verdict->report);
}

static int exit_code_of_done(uint64_t lost)
{
    if (something_else_failed())
        return 1;
    return lost && truth.plan.fail_on_loss ? 3 : 0;
}

static void done_judge(const struct truth_verdict *verdict)
{
    const uint64_t lost = truth.lost + missed_count() + invalid_count();
    const int code = exit_code_of_done(lost);

    if (!truth.stopped_shown)
        sim_fail("the output ends without sensor-stopped");
    if (last_readable() > truth.acknowledged_position)
        sim_fail("all is delivered, and %" PRIu64 " bytes of the ring are not acknowledged",
                 last_readable() - truth.acknowledged_position);
    for (uint64_t sequence = 1; sequence <= truth.given; sequence++)
        event_judge(sequence, &truth.events[sequence - 1]);
    if (memcmp(truth.missed, truth.missed_told, sizeof(truth.missed)) != 0)
        sim_fail("skipped runs are not all told");
    if (truth.baseline_shown != truth.baseline_told)
        sim_fail("%" PRIu64 " of %" PRIu64 " processes that already run are shown", truth.baseline_shown,
                 truth.baseline_told);
    losses_report_judge(verdict);
    if (verdict->exit_code != code)
        sim_fail("exit code %d, and should be %d", verdict->exit_code, code);
}

/* ---- the output did not take all ----------------------------------------------------------------------------------
 */

/* The number in a report, which stands behind `before`. */
static bool number_of_report(const char *report, const char *before, const char *behind, uint64_t *ret_number)
{
    const char *at = strstr(report, before);
    unsigned long long number;
    int length = 0;

    if (!at || sscanf(at + strlen(before), "%llu%n", &number, &length) != 1 ||
        strncmp(at + strlen(before) + length, behind, strlen(behind)) != 0)
        return false;
    *ret_number = number;
    return true;
}

/* Neither in the output nor accounted for, by what the output really has. */
static uint64_t undelivered_count(const struct truth_verdict *verdict)
{
    return truth.given + verdict->sensor_missed - truth.delivered - verdict->sensor_filtered - verdict->agent_filtered -
           verdict->sensor_dropped;
}

/* The agent has the error that the output had, and no other; or there was no memory for a line. */
static void error_judge(const struct truth_verdict *verdict)
{
    const int error = verdict->reasons.output_error ? verdict->reasons.output_error : ENOMEM;

    if (error == ENOMEM && !verdict->reasons.no_memory)
        sim_fail("the output is said to have failed, and did not");
    if (verdict->error != error)
        sim_fail("the output failed with %d, and it says %d", error, verdict->error);
}

static void output_judge(const struct truth_verdict *verdict)
{
    uint64_t said;

    error_judge(verdict);
    if (verdict->error == EPIPE && truth.plan.output.standard) {
        if (truth.plan.open_fault != OPEN_BASELINE_FAILS && (verdict->exit_code != 0 || verdict->report[0]))
            sim_fail("the reader went away, and that is exit code %d: %s", verdict->exit_code, verdict->report);
        return;
    }
    if (verdict->exit_code != 1 || !number_of_report(verdict->report, "; ", " events were not delivered", &said))
        sim_fail("the output failed, and that is exit code %d: %s", verdict->exit_code, verdict->report);
    if (said != undelivered_count(verdict))
        sim_fail("%" PRIu64 " were not delivered, and it says: %s", undelivered_count(verdict), verdict->report);
    if (truth.delivered != verdict->agent_delivered)
        sim_fail("%" PRIu64 " lines are in the output, and the agent believes %" PRIu64, truth.delivered,
                 verdict->agent_delivered);
}

/* What the pump has in hand may be in the output in part: it counts as held until it is acknowledged. */
static void held_judge(const struct truth_verdict *verdict)
{
    const uint64_t least = undelivered_count(verdict);
    const uint64_t most = least + truth.delivered - verdict->agent_delivered;
    uint64_t said;

    if (verdict->end == END_STALLED && !verdict->reasons.stands_still && !verdict->reasons.memory_runs_out)
        sim_fail("it gives up on an output that takes everything");
    if (verdict->exit_code != 1 || !number_of_report(verdict->report, "gave up with ", " events held", &said))
        sim_fail("it gave up, and that is exit code %d: %s", verdict->exit_code, verdict->report);
    if (verdict->agent_delivered > truth.delivered || said < least || said > most)
        sim_fail("%" PRIu64 " to %" PRIu64 " are held, and it says: %s", least, most, verdict->report);
}

/* ---- a crash
 * ---------------------------------------------------------------------------------------------------------- */

/* What is in the ring behind the acknowledged position comes again; all before it is in the output. */
static void crash_judge(void)
{
    for (size_t i = 0; i < truth.order_count; i++) {
        const uint64_t sequence = truth.order[i];
        const struct event *event = truth_event(sequence);
        const bool wanted = event->wanted || truth.plan.filter != FILTER_IN_AGENT;

        if (event->ring_end <= truth.acknowledged_position && event->fate == FATE_IN_RING && wanted &&
            !event->delivered)
            sim_fail("number %" PRIu64 " is gone with the agent", sequence);
    }
}

void truth_judge(const struct truth_verdict *verdict)
{
    switch (verdict->end) {
    case END_DONE:
        done_judge(verdict);
        break;
    case END_OUTPUT:
        output_judge(verdict);
        break;
    case END_STALLED:
    case END_ABANDONED:
        held_judge(verdict);
        break;
    case END_BEGIN:
        if (verdict->exit_code != 1 || !verdict->report[0])
            sim_fail("it could not begin, and that is exit code %d: %s", verdict->exit_code, verdict->report);
        break;
    case END_CRASHED:
        crash_judge();
        break;
    }
}
