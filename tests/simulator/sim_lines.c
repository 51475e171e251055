/* SPDX-License-Identifier: Apache-2.0 */
/* sim_truth.h: each line of the output, compared with what is true. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim_agent.h"
#include "sim_journal.h"
#include "sim_scheduler.h"
#include "sim_truth_state.h"

/* What a quiet machine may take to show an event. */
#define LATE_NS (400 * NS_PER_MS)

static unsigned type_of_action(const char *action)
{
    static const char *const actions[] = {"process-started", "process-exited", "process-forked"};

    for (unsigned i = 0; i < 3; i++)
        if (strcmp(action, actions[i]) == 0)
            return i + 1;
    return 0;
}

/* ---- events ----------------------------------------------------------------------------------- */

static void texts_check(const struct line *line, const struct event *event)
{
    char path[32];

    snprintf(path, sizeof(path), "/bin/%u", event->pid);
    if (event->degraded) {
        if (strcmp(line->executable, path) != 0 || line->arg_count != 0)
            sim_fail("number %" PRIu64 ", a skeleton, shows %s and %u arguments", line->sequence, line->executable,
                     line->arg_count);
        return;
    }
    if (strcmp(line->executable, path) != 0 || line->arg_count != 1 || line->arg_bytes != event->text_bytes)
        sim_fail("number %" PRIu64 " shows %s and %zu bytes of %u arguments, and had %s and %u", line->sequence,
                 line->executable, line->arg_bytes, line->arg_count, path, event->text_bytes);
    if (event->text_bytes && (line->arg_first != 'a' + (int)(event->pid / 4 % 26) || line->arg_last != line->arg_first))
        sim_fail("number %" PRIu64 " shows somebody else's argument", line->sequence);
}

/* Only what another run wrote and had not acknowledged may come again, and then it is the same. */
static void again_check(uint64_t sequence, const struct event *event, uint64_t hash)
{
    if (!event->delivered)
        return;
    if (event->delivered == truth.run)
        sim_fail("number %" PRIu64 " is in the output twice", sequence);
    if (event->ring_end <= truth.acknowledged_position)
        sim_fail("number %" PRIu64 " comes again, and had been acknowledged", sequence);
    if (event->line_hash != hash)
        sim_fail("number %" PRIu64 " comes again, and is not the same", sequence);
}

static void event_check(const struct line *line, const struct event *event, unsigned type)
{
    if (event->fate != FATE_IN_RING)
        sim_fail("number %" PRIu64 " is in the output, and its fate is %d", line->sequence, event->fate);
    if (event->type != type || !line->has_pid || event->pid != line->pid)
        sim_fail("number %" PRIu64 " is shown as %s of %" PRIu64 ", and was type %u of %u", line->sequence,
                 line->action, line->pid, event->type, event->pid);
    if (!event->wanted && truth.plan.filter == FILTER_IN_AGENT)
        sim_fail("number %" PRIu64 " is shown, though the filter does not want it", line->sequence);
    if (line->is_skeleton != event->degraded)
        sim_fail("number %" PRIu64 " is %s skeleton", line->sequence, event->degraded ? "shown as no" : "shown as a");
    if (type == 1)
        texts_check(line, event);
    if (truth.reading && sim_now_ns() > event->submitted_ns + LATE_NS && truth.excused_ns < event->submitted_ns)
        sim_fail("number %" PRIu64 " came %" PRIu64 " us late, and nothing was in its way", line->sequence,
                 (sim_now_ns() - event->submitted_ns) / 1000);
}

static void event_line(const struct line *line, unsigned type, uint64_t hash, uint64_t line_end)
{
    struct event *event;

    if (!line->has_sequence)
        sim_fail("a numbered line has no number");
    event = truth_event(line->sequence);
    event_check(line, event, type);
    again_check(line->sequence, event, hash);
    truth.delivered += event->delivered == 0;
    truth.run_delivered++;
    truth.sums.delivered++;
    truth.sums.skeletons += event->degraded;
    truth.sums.again += event->delivered != 0;
    event->delivered = truth.run;
    event->line_hash = hash;
    event->line_end = line_end;
}

/* ---- gaps ------------------------------------------------------------------------------------- */

/* Whether it stood in the output before: then only because another run wrote and had not acknowledged it. */
static bool gap_is_again(const struct line *line, uint64_t hash)
{
    for (size_t i = 0; i < truth.gap_count; i++) {
        struct told_gap *gap = &truth.gaps[i];

        if (gap->hash == hash && gap->run != truth.run && !gap->acknowledged) {
            gap->run = truth.run;
            return true;
        }
        if (line->has_range && gap->first && line->first_sequence <= gap->last && gap->first <= line->last_sequence)
            sim_fail("gap %" PRIu64 " to %" PRIu64 " overlaps gap %" PRIu64 " to %" PRIu64, line->first_sequence,
                     line->last_sequence, gap->first, gap->last);
    }
    return false;
}

static void gap_add(const struct line *line, uint64_t hash)
{
    truth.gaps = truth_grown(truth.gaps, truth.gap_count, &truth.gaps_capacity, sizeof(*truth.gaps));
    truth.gaps[truth.gap_count++] = (struct told_gap){.first = line->has_range ? line->first_sequence : 0,
                                                      .last = line->last_sequence,
                                                      .hash = hash,
                                                      .run = truth.run};
    for (unsigned i = 0; i < LINE_CAUSE_COUNT; i++)
        truth.told_causes[i] += line->causes[i];
    truth.sums.gaps++;
}

struct gap_truth {
    uint64_t count, causes[LINE_CAUSE_COUNT], types[LINE_TYPE_COUNT];
};

/* Tells the numbers of the range that are lost and not told yet. */
static void range_tell(const struct line *line, struct gap_truth *found)
{
    for (uint64_t sequence = line->first_sequence; sequence <= line->last_sequence; sequence++) {
        struct event *event = &truth.events[sequence - 1];
        const bool invalid = event->fate == FATE_INVALID;

        if (!event->known || (event->fate != FATE_LOST && !invalid) || event->told)
            continue;
        event->told = true;
        found->count++;
        found->causes[invalid ? LINE_RECORD_INVALID : event->cause]++;
        found->types[event->type - 1]++;
    }
}

static void gap_fail(const struct line *line, const char *what, uint64_t said, uint64_t found)
{
    sim_fail("gap %" PRIu64 " to %" PRIu64 ": %s is %" PRIu64 ", and should be %" PRIu64, line->first_sequence,
             line->last_sequence, what, said, found);
}

static void gap_compare(const struct line *line, const struct gap_truth *found)
{
    if (line->loss_count != found->count)
        gap_fail(line, "count", line->loss_count, found->count);
    for (unsigned i = 0; i < LINE_CAUSE_COUNT; i++)
        if (line->causes[i] != found->causes[i])
            gap_fail(line, "the count of a cause", line->causes[i], found->causes[i]);
    for (unsigned i = 0; i < LINE_TYPE_COUNT; i++)
        if (line->types[i] != found->types[i])
            gap_fail(line, "the count of a type", line->types[i], found->types[i]);
}

static void gap_numbered(const struct line *line)
{
    struct gap_truth found = {0};
    const bool exact = line->causes[LINE_RECORD_INVALID] == 0;

    if (line->first_sequence > line->last_sequence || line->last_sequence > truth.given)
        sim_fail("a gap from %" PRIu64 " to %" PRIu64 " of %" PRIu64 " numbers", line->first_sequence,
                 line->last_sequence, truth.given);
    if (exact &&
        (truth_event(line->first_sequence)->fate != FATE_LOST || truth_event(line->last_sequence)->fate != FATE_LOST))
        sim_fail("gap %" PRIu64 " to %" PRIu64 " is wider than what was lost", line->first_sequence,
                 line->last_sequence);
    range_tell(line, &found);
    gap_compare(line, &found);
}

/* Of runs that were never numbered. */
static void gap_missed(const struct line *line)
{
    uint64_t sum = 0;

    if (line->causes[LINE_PROGRAM_MISSED] != line->loss_count || line->loss_count == 0)
        sim_fail("a gap without a range is for another reason than a skipped run");
    for (unsigned i = 0; i < LINE_TYPE_COUNT; i++) {
        sum += line->types[i];
        truth.missed_told[i] += line->types[i];
        if (truth.missed_told[i] > truth.missed[i])
            sim_fail("%" PRIu64 " skipped runs of type %u are told, of %" PRIu64, truth.missed_told[i], i + 1,
                     truth.missed[i]);
    }
    if (sum != line->loss_count)
        sim_fail("a gap of %" PRIu64 " skipped runs has types for %" PRIu64, line->loss_count, sum);
}

static void gap_line(const struct line *line, uint64_t hash)
{
    if (!line->has_loss || line->has_sequence)
        sim_fail("a gap without a loss, or with a number");
    if (line->causes[LINE_UNEXPLAINED])
        sim_fail("%" PRIu64 " events are unexplained", line->causes[LINE_UNEXPLAINED]);
    truth.run_told += line->loss_count;
    if (gap_is_again(line, hash)) {
        truth.sums.gaps_again++;
        return;
    }
    if (line->has_range)
        gap_numbered(line);
    else
        gap_missed(line);
    gap_add(line, hash);
    agent_comes_to(CRASH_FROM_GAP);
}

/* ---- the other lines -------------------------------------------------------------------------- */

static void running_line(const struct line *line)
{
    truth.baseline_shown++;
    truth.sums.baseline++;
    if (line->has_sequence || line->pid < SIM_BASELINE_FIRST || line->pid <= truth.baseline_last ||
        (truth.plan.filter != FILTER_NONE && (line->pid - SIM_BASELINE_FIRST) % 2 != 0) ||
        truth.baseline_shown > truth.baseline_told)
        sim_fail("process %" PRIu64 " is shown as the %" PRIu64 "th of %" PRIu64 " that already run", line->pid,
                 truth.baseline_shown, truth.baseline_told);
    truth.baseline_last = (uint32_t)line->pid;
}

/* What stands before a ledger is what it counts: of this run, and what earlier ones acknowledged. */
static void ledger_check(const struct line *line)
{
    const uint64_t delivered = truth.acknowledged_before + truth.run_delivered;
    uint64_t sum = line->delivered + line->filtered + line->held;

    for (unsigned i = 0; i < LINE_CAUSE_COUNT; i++) {
        sum += line->dropped[i];
        if (line->dropped[i] != truth.told_causes[i])
            sim_fail("a ledger has %" PRIu64 " for cause %u, and %" PRIu64 " stand before it", line->dropped[i], i,
                     truth.told_causes[i]);
    }
    if (line->delivered != delivered || line->produced != sum ||
        line->produced > truth_given_most() + truth_missed_count())
        sim_fail("a ledger has %" PRIu64 " delivered and %" PRIu64 " stand before it; %" PRIu64 " produced and %" PRIu64
                 " in all",
                 line->delivered, delivered, line->produced, sum);
}

static void status_line(const struct line *line)
{
    coverage.statuses++;
    ledger_check(line);
}

static void dropped_count(uint64_t ret_dropped[LINE_CAUSE_COUNT])
{
    memset(ret_dropped, 0, LINE_CAUSE_COUNT * sizeof(*ret_dropped));
    for (uint64_t i = 0; i < truth.given; i++)
        if (truth.events[i].fate == FATE_LOST)
            ret_dropped[truth.events[i].cause]++;
        else if (truth.events[i].fate == FATE_INVALID)
            ret_dropped[LINE_RECORD_INVALID]++;
    ret_dropped[LINE_PROGRAM_MISSED] = truth_missed_count();
}

/* Those that are left out by a filter of the agent's, too. */
static uint64_t skeleton_count(void)
{
    uint64_t count = 0;

    for (uint64_t i = 0; i < truth.given; i++)
        count += truth.events[i].fate == FATE_IN_RING && truth.events[i].degraded;
    return count;
}

/* All that can be known from within, where nothing is under way any more. */
static void stopped_line(const struct line *line)
{
    uint64_t dropped[LINE_CAUSE_COUNT];

    truth.stopped_shown = true;
    truth.stopped_produced = line->produced;
    ledger_check(line);
    if (truth.plan.kept && !truth.last_run)
        return;
    dropped_count(dropped);
    for (unsigned i = 0; i < LINE_CAUSE_COUNT; i++)
        if (line->dropped[i] != dropped[i])
            sim_fail("the ledger has %" PRIu64 " for cause %u, and %" PRIu64 " were lost so", line->dropped[i], i,
                     dropped[i]);
    if (line->degraded != skeleton_count())
        sim_fail("the ledger has %" PRIu64 " degraded, and %" PRIu64 " skeletons were read", line->degraded,
                 skeleton_count());
    if (line->produced != truth.given + truth_missed_count() || line->held != 0 || line->delivered != truth.delivered)
        sim_fail("the ledger has %" PRIu64 " produced, %" PRIu64 " delivered and %" PRIu64
                 " held, and there were %" PRIu64 ", of which %" PRIu64 " are lines",
                 line->produced, line->delivered, line->held, truth.given + truth_missed_count(), truth.delivered);
}

void truth_line(const struct line *line, uint64_t hash, uint64_t line_end)
{
    const unsigned type = type_of_action(line->action);

    truth.run_lines++;
    if (truth.stopped_shown)
        sim_fail("a line stands behind sensor-stopped");
    if ((truth.run_lines == 1) != (strcmp(line->action, "sensor-started") == 0))
        sim_fail("line %" PRIu64 " is %s", truth.run_lines, line->action);
    if (type)
        event_line(line, type, hash, line_end);
    else if (strcmp(line->action, "events-lost") == 0)
        gap_line(line, hash);
    else if (strcmp(line->action, "process-running") == 0)
        running_line(line);
    else if (strcmp(line->action, "sensor-status") == 0)
        status_line(line);
    else if (strcmp(line->action, "sensor-stopped") == 0)
        stopped_line(line);
    else if (truth.run_lines != 1)
        sim_fail("a line of %s", line->action);
}
