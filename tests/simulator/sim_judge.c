/* SPDX-License-Identifier: Apache-2.0 */
/* sim_truth.h: what has to hold when the agent is at its end, by how it ended. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim_journal.h"
#include "sim_truth_state.h"

/* Whether this is the end of the kernel side, too. */
static bool is_final(void)
{
    return !truth.plan.kept || truth.last_run;
}

/* ---- all was delivered ------------------------------------------------------------------------ */

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
    if (!event->known || !fine)
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

static void everything_judge(void)
{
    if (last_readable() > truth.acknowledged_position)
        sim_fail("all is delivered, and %" PRIu64 " bytes of the ring are not acknowledged",
                 last_readable() - truth.acknowledged_position);
    for (uint64_t sequence = 1; sequence <= truth.given; sequence++)
        event_judge(sequence, &truth.events[sequence - 1]);
    if (memcmp(truth.missed, truth.missed_told, sizeof(truth.missed)) != 0)
        sim_fail("skipped runs are not all told");
}

static bool something_else_failed(const struct truth_verdict *verdict)
{
    return verdict->reasons.close_failed || (truth.plan.open_fault == OPEN_BASELINE_FAILS && truth.run == 1);
}

static void losses_report_judge(const struct truth_verdict *verdict)
{
    unsigned long long said = 0, of = 0;

    if (something_else_failed(verdict)) /* and is told, beside this */
        return;
    if (truth.run_told == 0) {
        if (verdict->report[0])
            sim_fail("nothing was lost, and it says: %s", verdict->report);
        return;
    }
    if (sscanf(verdict->report, "muster: %llu of %llu events were lost", &said, &of) != 2 || said != truth.run_told ||
        of != truth.stopped_produced)
        sim_fail("%" PRIu64 " of %" PRIu64 " were lost, and it says: %s", truth.run_told, truth.stopped_produced,
                 verdict->report);
}

static int exit_code_of_done(const struct truth_verdict *verdict)
{
    if (something_else_failed(verdict))
        return 1;
    return truth.run_told && truth.plan.fail_on_loss ? 3 : 0;
}

static void done_judge(const struct truth_verdict *verdict)
{
    if (!truth.stopped_shown)
        sim_fail("the output ends without sensor-stopped");
    if (is_final())
        everything_judge();
    if (truth.baseline_shown != truth.baseline_told)
        sim_fail("%" PRIu64 " of %" PRIu64 " processes that already run are shown", truth.baseline_shown,
                 truth.baseline_told);
    losses_report_judge(verdict);
    if (verdict->exit_code != exit_code_of_done(verdict))
        sim_fail("exit code %d, and should be %d", verdict->exit_code, exit_code_of_done(verdict));
}

/* ---- the output did not take all -------------------------------------------------------------- */

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
    return truth.given + verdict->sensor_missed - truth.acknowledged_before - truth.run_delivered -
           verdict->sensor_filtered - verdict->agent_filtered - verdict->sensor_dropped;
}

/* Where the kernel side goes on, more may have come since it was said. */
static void number_judge(const char *what, uint64_t said, uint64_t least, uint64_t most, const char *report)
{
    if (!is_final()) {
        most += truth_given_most() - truth.given;
        least = 0;
    }
    if (said < least || said > most)
        sim_fail("%" PRIu64 " to %" PRIu64 " are %s, and it says: %s", least, most, what, report);
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
    const uint64_t undelivered = undelivered_count(verdict);
    uint64_t said;

    error_judge(verdict);
    if (verdict->error == EPIPE && truth.plan.output.standard) {
        if (!something_else_failed(verdict) && (verdict->exit_code != 0 || verdict->report[0]))
            sim_fail("the reader went away, and that is exit code %d: %s", verdict->exit_code, verdict->report);
        return;
    }
    if (verdict->exit_code != 1 || !number_of_report(verdict->report, "; ", " events were not delivered", &said))
        sim_fail("the output failed, and that is exit code %d: %s", verdict->exit_code, verdict->report);
    number_judge("not delivered", said, undelivered, undelivered, verdict->report);
    if (truth.run_delivered != verdict->agent_delivered)
        sim_fail("%" PRIu64 " lines are in the output, and the agent believes %" PRIu64, truth.run_delivered,
                 verdict->agent_delivered);
}

/* What the pump has in hand may be in the output in part: it counts as held until it is acknowledged. */
static void held_judge(const struct truth_verdict *verdict)
{
    const uint64_t least = undelivered_count(verdict);
    const uint64_t most = least + truth.run_delivered - verdict->agent_delivered;
    uint64_t said;

    if (verdict->end == END_STALLED && !verdict->reasons.stands_still && !verdict->reasons.memory_runs_out)
        sim_fail("it gives up on an output that takes everything");
    if (verdict->exit_code != 1 || !number_of_report(verdict->report, "gave up with ", " events held", &said))
        sim_fail("it gave up, and that is exit code %d: %s", verdict->exit_code, verdict->report);
    if (verdict->agent_delivered > truth.run_delivered)
        sim_fail("%" PRIu64 " lines are in the output, and the agent believes %" PRIu64, truth.run_delivered,
                 verdict->agent_delivered);
    number_judge("held", said, least, most, verdict->report);
}

void truth_judge(const struct truth_verdict *verdict)
{
    if (truth.last_run && verdict->end != END_DONE)
        sim_fail("nothing is in its way, and it does not deliver what is left: %s", verdict->report);
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
    case END_CRASHED: /* the next one's output is the judge */
        break;
    }
}
