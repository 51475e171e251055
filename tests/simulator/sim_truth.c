/* SPDX-License-Identifier: Apache-2.0 */
/* sim_truth.h: what is known of each event, and what the agent is held to while it runs. */
#include "sim_truth.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "muster/sensor.h"
#include "sim_agent.h"
#include "sim_journal.h"
#include "sim_scheduler.h"
#include "sim_truth_state.h"

/* What a quiet machine may take to show an event, and an overloaded one to lose none any more. */
#define LATE_NS      (400 * NS_PER_MS)
#define LOSS_STOP_NS NS_PER_S

struct truth truth;

void truth_begin(const struct plan *plan)
{
    struct event *events = truth.events;
    uint64_t *order = truth.order;
    struct range *ranges = truth.ranges;
    const size_t events_capacity = truth.events_capacity, order_capacity = truth.order_capacity,
                 ranges_capacity = truth.ranges_capacity;

    memset(&truth, 0, sizeof(truth));
    truth.plan = *plan;
    truth.events = events;
    truth.events_capacity = events_capacity;
    truth.order = order;
    truth.order_capacity = order_capacity;
    truth.ranges = ranges;
    truth.ranges_capacity = ranges_capacity;
}

/* Room for one more. */
static void *grown(void *array, size_t count, size_t *capacity, size_t size_bytes)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity ? 2 * *capacity : 1024;
    array = realloc(array, *capacity * size_bytes);
    if (!array)
        sim_fail("out of memory in earnest");
    return array;
}

struct truth_sums truth_sums(void)
{
    return truth.sums;
}

void truth_excuse(uint64_t until_ns)
{
    if (until_ns > NEVER / 2)
        until_ns = NEVER / 2;
    if (until_ns > truth.excused_ns)
        truth.excused_ns = until_ns;
}

/* ---- the kernel side ------------------------------------------------------------------------------------------- */

struct event *truth_event(uint64_t sequence)
{
    if (sequence == 0 || sequence > truth.given || !truth.events[sequence - 1].known)
        sim_fail("number %" PRIu64 " was never given", sequence);
    return &truth.events[sequence - 1];
}

void truth_numbered(uint64_t sequence, const struct event *event)
{
    if (sequence == 0 || sequence > truth.given + PLAN_CPUS_MOST * LINE_TYPE_COUNT)
        sim_fail("number %" PRIu64 " is given behind %" PRIu64, sequence, truth.given);
    for (; truth.given < sequence; truth.given++) {
        truth.events = grown(truth.events, truth.given, &truth.events_capacity, sizeof(*truth.events));
        truth.events[truth.given].known = false;
    }
    if (truth.events[sequence - 1].known)
        sim_fail("number %" PRIu64 " is given twice", sequence);
    truth.events[sequence - 1] = *event;
    truth.events[sequence - 1].known = true;
    truth.types[event->type - 1]++;
    truth.sums.events++;
    journal_note("numbered", sequence, event->type);
}

void truth_filtered(uint64_t sequence)
{
    truth_event(sequence)->fate = FATE_FILTERED;
    truth.filtered++;
    truth.sums.filtered++;
}

void truth_degraded(uint64_t sequence)
{
    truth_event(sequence)->degraded = true;
}

/* Whether a calm time has gone on for as long as losses may outlast an overload. */
static bool loss_should_have_stopped(void)
{
    uint64_t begin_ns = truth.attached_ns;

    for (unsigned i = 0; i < truth.plan.phase_count; i++) {
        const struct plan_phase *phase = &truth.plan.phases[i];

        if (sim_now_ns() < begin_ns + phase->duration_ns)
            return phase->calm && sim_now_ns() > begin_ns + LOSS_STOP_NS &&
                   sim_now_ns() > truth.excused_ns + LOSS_STOP_NS;
        begin_ns += phase->duration_ns;
    }
    return false;
}

void truth_lost(uint64_t sequence, unsigned cause)
{
    struct event *event = truth_event(sequence);

    if (truth.reading && loss_should_have_stopped())
        sim_fail("number %" PRIu64 " is lost, though the overload ended more than a second ago", sequence);
    event->fate = FATE_LOST;
    event->cause = (uint8_t)cause;
    truth.lost++;
    truth.sums.lost++;
    journal_note("lost", sequence, cause);
}

void truth_reserved(uint64_t sequence, uint64_t ring_end)
{
    struct event *event = truth_event(sequence);

    event->fate = FATE_RESERVED;
    event->ring_end = ring_end;
    truth.order = grown(truth.order, truth.order_count, &truth.order_capacity, sizeof(*truth.order));
    truth.order[truth.order_count++] = sequence;
}

void truth_submitted(uint64_t sequence, bool valid)
{
    struct event *event = truth_event(sequence);

    event->fate = valid ? FATE_IN_RING : FATE_INVALID;
    event->submitted_ns = sim_now_ns();
}

void truth_missed(unsigned type)
{
    truth.missed[type - 1]++;
    truth.sums.missed++;
    journal_note("missed", type, 0);
}

void truth_detached(void)
{
    truth.reading = false;
}

void truth_ring_begins(uint64_t position)
{
    truth.acknowledged_position = position;
}

void truth_attached(void)
{
    truth.attached_ns = sim_now_ns();
}

void truth_reading(void)
{
    truth.reading = true;
    truth_excuse(sim_now_ns());
}

/* ---- acknowledgements ----------------------------------------------------------------------------------------------
 */

/* Whether the agent has nothing more to do with it. */
static bool is_done(const struct event *event)
{
    if (event->fate == FATE_INVALID || event->delivered)
        return true;
    return event->fate == FATE_IN_RING && !event->wanted && truth.plan.filter == FILTER_IN_AGENT;
}

void truth_acknowledged(uint64_t position)
{
    journal_note("acknowledged", position, 0);
    if (position < truth.acknowledged_position)
        sim_fail("the acknowledged position goes back from %" PRIu64 " to %" PRIu64, truth.acknowledged_position,
                 position);
    truth.acknowledged_position = position;
    for (; truth.acknowledged < truth.order_count; truth.acknowledged++) {
        const uint64_t sequence = truth.order[truth.acknowledged];
        const struct event *event = truth_event(sequence);

        if (event->ring_end > position)
            break;
        if (!is_done(event))
            sim_fail("number %" PRIu64 " is acknowledged before the output has it", sequence);
    }
    if (truth.acknowledged > 0 && truth_event(truth.order[truth.acknowledged - 1])->ring_end != position)
        sim_fail("position %" PRIu64 " is acknowledged, in the middle of a record", position);
}

/* ---- lines of the output
 * --------------------------------------------------------------------------------------------- */

static unsigned type_of_action(const char *action)
{
    static const char *const actions[] = {"process-started", "process-exited", "process-forked"};

    for (unsigned i = 0; i < 3; i++)
        if (strcmp(action, actions[i]) == 0)
            return i + 1;
    return 0;
}

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

static void event_line(const struct line *line, unsigned type)
{
    struct event *event;

    if (!line->has_sequence)
        sim_fail("a numbered line has no number");
    event = truth_event(line->sequence);
    if (event->fate != FATE_IN_RING)
        sim_fail("number %" PRIu64 " is in the output, and its fate is %d", line->sequence, event->fate);
    if (event->delivered)
        sim_fail("number %" PRIu64 " is in the output twice", line->sequence);
    if (event->type != type || !line->has_pid || event->pid != line->pid)
        sim_fail("number %" PRIu64 " is shown as %s of %" PRIu64 ", and was type %u of %u", line->sequence,
                 line->action, line->pid, event->type, event->pid);
    if (!event->wanted && truth.plan.filter == FILTER_IN_AGENT)
        sim_fail("number %" PRIu64 " is shown, though the filter does not want it", line->sequence);
    if (line->is_skeleton != event->degraded)
        sim_fail("number %" PRIu64 " is %s skeleton", line->sequence, event->degraded ? "shown as no" : "shown as a");
    if (type == 1)
        texts_check(line, event);
    if (sim_now_ns() > event->submitted_ns + LATE_NS && truth.excused_ns < event->submitted_ns)
        sim_fail("number %" PRIu64 " came %" PRIu64 " us late, and nothing was in its way", line->sequence,
                 (sim_now_ns() - event->submitted_ns) / 1000);
    event->delivered = true;
    truth.delivered++;
    truth.sums.skeletons += event->degraded;
    truth.delivered_types[type - 1]++;
    truth.sums.delivered++;
}

/* ---- gaps
 * --------------------------------------------------------------------------------------------------------------- */

static void range_add(const struct line *line)
{
    for (size_t i = 0; i < truth.range_count; i++)
        if (line->first_sequence <= truth.ranges[i].last && truth.ranges[i].first <= line->last_sequence)
            sim_fail("gap %" PRIu64 " to %" PRIu64 " overlaps gap %" PRIu64 " to %" PRIu64, line->first_sequence,
                     line->last_sequence, truth.ranges[i].first, truth.ranges[i].last);
    truth.ranges = grown(truth.ranges, truth.range_count, &truth.ranges_capacity, sizeof(*truth.ranges));
    truth.ranges[truth.range_count++] = (struct range){line->first_sequence, line->last_sequence};
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
    range_add(line);
    if (exact &&
        (truth_event(line->first_sequence)->fate != FATE_LOST || truth_event(line->last_sequence)->fate != FATE_LOST))
        sim_fail("gap %" PRIu64 " to %" PRIu64 " is wider than what was lost", line->first_sequence,
                 line->last_sequence);
    range_tell(line, &found);
    gap_compare(line, &found);
    truth.told += found.count;
    truth.told_invalid += found.causes[LINE_RECORD_INVALID];
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

static void gap_line(const struct line *line)
{
    if (!line->has_loss || line->has_sequence)
        sim_fail("a gap without a loss, or with a number");
    if (line->causes[LINE_UNEXPLAINED])
        sim_fail("%" PRIu64 " events are unexplained", line->causes[LINE_UNEXPLAINED]);
    if (line->has_range)
        gap_numbered(line);
    else
        gap_missed(line);
    for (unsigned i = 0; i < LINE_CAUSE_COUNT; i++)
        truth.told_causes[i] += line->causes[i];
    truth.gaps++;
    truth.sums.gaps++;
}

/* ---- the other lines
 * --------------------------------------------------------------------------------------------------- */

void truth_baseline(uint32_t pid, bool wanted)
{
    (void)pid;
    truth.baseline_told += wanted;
}

void truth_baseline_not(bool wanted)
{
    truth.baseline_told -= wanted;
}

void truth_hops(uint64_t queue_produced, uint64_t sensor_read, uint64_t pump_delivered)
{
    /* One may be on its way from the one to the other. */
    if (sensor_read != queue_produced && sensor_read != queue_produced + 1)
        sim_fail("the sensor has read %" PRIu64 ", and the queue got %" PRIu64, sensor_read, queue_produced);
    if (pump_delivered > truth.delivered)
        sim_fail("%" PRIu64 " are said to be delivered, and %" PRIu64 " are", pump_delivered, truth.delivered);
}

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

/* A program may have a number and not have told it here yet. */
static uint64_t given_most(void)
{
    return truth.given + PLAN_CPUS_MOST * LINE_TYPE_COUNT;
}

void truth_figures(uint64_t produced, uint64_t delivered)
{
    uint64_t missed = 0;

    for (unsigned i = 0; i < LINE_TYPE_COUNT; i++)
        missed += truth.missed[i];
    if (produced > given_most() + missed || delivered > truth.delivered)
        sim_fail("the figures have %" PRIu64 " produced of %" PRIu64 ", and %" PRIu64 " delivered of %" PRIu64,
                 produced, truth.given + missed, delivered, truth.delivered);
}

/* What stands before it is what it counts. */
static void status_line(const struct line *line)
{
    uint64_t sum = line->delivered + line->filtered + line->held;

    coverage.statuses++;
    for (unsigned i = 0; i < LINE_CAUSE_COUNT; i++) {
        sum += line->dropped[i];
        if (line->dropped[i] != truth.told_causes[i])
            sim_fail("a status has %" PRIu64 " for cause %u, and %" PRIu64 " stand before it", line->dropped[i], i,
                     truth.told_causes[i]);
    }
    if (line->delivered != truth.delivered || line->produced != sum ||
        line->produced > given_most() + truth.missed[0] + truth.missed[1] + truth.missed[2])
        sim_fail("a status has %" PRIu64 " delivered and %" PRIu64 " stand before it; %" PRIu64 " produced and %" PRIu64
                 " in all",
                 line->delivered, truth.delivered, line->produced, sum);
}

/* All that can be known from within, once nothing is under way any more. */
static void stopped_line(const struct line *line)
{
    uint64_t dropped[LINE_CAUSE_COUNT] = {0}, missed = 0, skeletons = 0, sum;

    for (uint64_t i = 0; i < truth.given; i++) {
        skeletons +=
            truth.events[i].fate == FATE_IN_RING && truth.events[i].degraded; /* what a filter leaves out, too */
        if (truth.events[i].fate == FATE_LOST)
            dropped[truth.events[i].cause]++;
        else if (truth.events[i].fate == FATE_INVALID)
            dropped[LINE_RECORD_INVALID]++;
    }
    for (unsigned i = 0; i < LINE_TYPE_COUNT; i++)
        missed += truth.missed[i];
    dropped[LINE_PROGRAM_MISSED] = missed;
    sum = line->delivered + line->filtered + line->held;
    for (unsigned i = 0; i < LINE_CAUSE_COUNT; i++) {
        sum += line->dropped[i];
        if (line->dropped[i] != dropped[i])
            sim_fail("the ledger has %" PRIu64 " for cause %u, and %" PRIu64 " were lost so", line->dropped[i], i,
                     dropped[i]);
    }
    if (line->produced != truth.given + missed || sum != line->produced)
        sim_fail("the ledger has %" PRIu64 " produced, %" PRIu64 " in all, and there were %" PRIu64, line->produced,
                 sum, truth.given + missed);
    if (line->degraded != skeletons)
        sim_fail("the ledger has %" PRIu64 " degraded, and %" PRIu64 " skeletons were read", line->degraded, skeletons);
    if (line->delivered != truth.delivered || line->held != 0)
        sim_fail("the ledger has %" PRIu64 " delivered, %" PRIu64 " held, and %" PRIu64 " lines stand before it",
                 line->delivered, line->held, truth.delivered);
    truth.stopped_shown = true;
}

void truth_line(const struct line *line)
{
    const unsigned type = type_of_action(line->action);

    truth.lines++;
    if (truth.stopped_shown)
        sim_fail("a line stands behind sensor-stopped");
    if ((truth.lines == 1) != (strcmp(line->action, "sensor-started") == 0))
        sim_fail("line %" PRIu64 " is %s", truth.lines, line->action);
    if (type)
        event_line(line, type);
    else if (strcmp(line->action, "events-lost") == 0)
        gap_line(line);
    else if (strcmp(line->action, "process-running") == 0)
        running_line(line);
    else if (strcmp(line->action, "sensor-status") == 0)
        status_line(line);
    else if (strcmp(line->action, "sensor-stopped") == 0)
        stopped_line(line);
    else if (truth.lines != 1)
        sim_fail("a line of %s", line->action);
}
