/* SPDX-License-Identifier: Apache-2.0 */
/* sim_truth.h: what is known of each event, and what the agent is held to while it runs. */
#include "sim_truth.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim_journal.h"
#include "sim_scheduler.h"
#include "sim_truth_state.h"

/* What an overloaded machine may take to lose none any more. */
#define LOSS_STOP_NS NS_PER_S

struct truth truth;

void truth_begin(const struct plan *plan)
{
    const struct truth before = truth;

    memset(&truth, 0, sizeof(truth));
    truth.plan = *plan;
    truth.events = before.events;
    truth.events_capacity = before.events_capacity;
    truth.order = before.order;
    truth.order_capacity = before.order_capacity;
    truth.gaps = before.gaps;
    truth.gaps_capacity = before.gaps_capacity;
}

void *truth_grown(void *array, size_t count, size_t *capacity, size_t size_bytes)
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

/* ---- the kernel side -------------------------------------------------------------------------- */

struct event *truth_event(uint64_t sequence)
{
    if (sequence == 0 || sequence > truth.given || !truth.events[sequence - 1].known)
        sim_fail("number %" PRIu64 " was never given", sequence);
    return &truth.events[sequence - 1];
}

uint64_t truth_given_most(void)
{
    return truth.given + PLAN_CPUS_MOST * LINE_TYPE_COUNT;
}

void truth_numbered(uint64_t sequence, const struct event *event)
{
    if (sequence == 0 || sequence > truth_given_most())
        sim_fail("number %" PRIu64 " is given behind %" PRIu64, sequence, truth.given);
    for (; truth.given < sequence; truth.given++) {
        truth.events = truth_grown(truth.events, truth.given, &truth.events_capacity, sizeof(*truth.events));
        truth.events[truth.given].known = false;
    }
    if (truth.events[sequence - 1].known)
        sim_fail("number %" PRIu64 " is given twice", sequence);
    truth.events[sequence - 1] = *event;
    truth.events[sequence - 1].known = true;
    truth.sums.events++;
    journal_note("numbered", sequence, event->type);
}

void truth_filtered(uint64_t sequence)
{
    truth_event(sequence)->fate = FATE_FILTERED;
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
    truth.order = truth_grown(truth.order, truth.order_count, &truth.order_capacity, sizeof(*truth.order));
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

uint64_t truth_missed_count(void)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < LINE_TYPE_COUNT; i++)
        count += truth.missed[i];
    return count;
}

void truth_ring_begins(uint64_t position)
{
    truth.acknowledged_position = position;
}

void truth_attached(void)
{
    truth.attached_ns = sim_now_ns();
}

/* ---- an agent's life -------------------------------------------------------------------------- */

void truth_run_begins(bool last)
{
    truth.run++;
    truth.last_run = last;
    truth.reading = false;
    truth.acknowledged_before = truth.acknowledged_valid;
    truth.run_lines = truth.run_delivered = truth.run_told = 0;
    truth.stopped_shown = false;
    truth.sums.runs++;
}

void truth_reading(void)
{
    truth.reading = true;
    truth_excuse(sim_now_ns());
}

void truth_leaving(void)
{
    truth.reading = false;
}

void truth_baseline(uint32_t pid, bool wanted)
{
    (void)pid;
    if (truth.baseline_acknowledged)
        sim_fail("the baseline is told again");
    truth.baseline_told += wanted;
}

void truth_baseline_not(bool wanted)
{
    truth.baseline_told -= wanted;
}

void truth_baseline_whole(void)
{
    truth.baseline_whole = true;
}

/* ---- acknowledgements ------------------------------------------------------------------------- */

/* Whether the agent has nothing more to do with it. */
static bool is_done(const struct event *event)
{
    if (event->fate == FATE_INVALID)
        return true;
    if (event->delivered)
        return !truth.plan.durable || event->line_end <= truth.synced_bytes;
    return event->fate == FATE_IN_RING && !event->wanted && truth.plan.filter == FILTER_IN_AGENT;
}

/* All that stands in the output goes with it, as far as that run has written it. */
static void gaps_acknowledge(unsigned run)
{
    for (size_t i = 0; i < truth.gap_count; i++)
        if (truth.gaps[i].run == run)
            truth.gaps[i].acknowledged = true;
    if (truth.baseline_whole && truth.baseline_shown == truth.baseline_told)
        truth.baseline_acknowledged = true;
}

static void ring_acknowledge(uint64_t position)
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
        truth.acknowledged_valid += event->fate == FATE_IN_RING;
    }
    if (truth.acknowledged > 0 && truth_event(truth.order[truth.acknowledged - 1])->ring_end != position)
        sim_fail("position %" PRIu64 " is acknowledged, in the middle of a record", position);
}

void truth_acknowledged(uint64_t position)
{
    ring_acknowledge(position);
    gaps_acknowledge(truth.run);
}

/* The one before may have died between what it stored and what this was told. */
void truth_sensor_opened(uint64_t position, bool baseline_told)
{
    if (position != truth.acknowledged_position) {
        ring_acknowledge(position);
        gaps_acknowledge(truth.run - 1);
    }
    truth.acknowledged_before = truth.acknowledged_valid;
    if (baseline_told && !truth.baseline_acknowledged)
        sim_fail("the baseline is taken for told, and it was not");
    truth.baseline_acknowledged = baseline_told;
    truth.baseline_told = truth.baseline_shown = 0;
    truth.baseline_last = 0;
    truth.baseline_whole = false;
}

void truth_synced(uint64_t bytes)
{
    truth.synced_bytes = bytes;
}

/* ---- what the hops say ------------------------------------------------------------------------ */

void truth_hops(uint64_t queue_produced, uint64_t sensor_read, uint64_t pump_delivered)
{
    /* One may be on its way from the one to the other. */
    if (sensor_read != queue_produced && sensor_read != queue_produced + 1)
        sim_fail("the sensor has read %" PRIu64 ", and the queue got %" PRIu64, sensor_read, queue_produced);
    if (pump_delivered > truth.run_delivered)
        sim_fail("%" PRIu64 " are said to be delivered, and %" PRIu64 " are", pump_delivered, truth.run_delivered);
}

void truth_figures(uint64_t produced, uint64_t delivered)
{
    if (produced > truth_given_most() + truth_missed_count() ||
        delivered > truth.acknowledged_before + truth.run_delivered)
        sim_fail("the figures have %" PRIu64 " produced of %" PRIu64 ", and %" PRIu64 " delivered of %" PRIu64,
                 produced, truth.given + truth_missed_count(), delivered,
                 truth.acknowledged_before + truth.run_delivered);
}
