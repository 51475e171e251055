/* SPDX-License-Identifier: Apache-2.0 */
/* crash_world.h */
#include "crash_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "muster/event.h"

#define BUSY      (1U << 31)
#define DISCARDED (1U << 30)

void world_begin(struct world *world, uint32_t seed)
{
    memset(world, 0, sizeof(*world));
    world->random = seed;
    world->now_ns = 1000;
    world->agent = 1;
}

uint32_t world_random(struct world *world, uint32_t below)
{
    world->random = world->random * 1664525U + 1013904223U;
    return (world->random >> 8) % below;
}

static uint64_t given(const struct world *world)
{
    return world->control.sequence & SENSOR_SEQUENCE_MASK;
}

bool world_is_used_up(const struct world *world)
{
    return given(world) + WORLD_CPUS > WORLD_NUMBERS;
}

struct ring world_ring(struct world *world)
{
    return (struct ring){.consumer_position = &world->consumer_position,
                         .producer_position = &world->producer_position,
                         .data = (const unsigned char *)world->ring,
                         .size_bytes = WORLD_RING_BYTES,
                         .position = world->consumer_position};
}

/* ---- the kernel ---------------------------------------------------------------------------------- */

/* The kernel shows the same pages twice in a row. */
static void ring_put(struct world *world, uint64_t position, const void *bytes, size_t size_bytes)
{
    unsigned char *data = (unsigned char *)world->ring;

    for (size_t i = 0; i < size_bytes; i++) {
        size_t offset = (position + i) % WORLD_RING_BYTES;

        data[offset] = data[offset + WORLD_RING_BYTES] = ((const unsigned char *)bytes)[i];
    }
}

static struct sensor_slot *slot_of(struct world *world, unsigned cpu)
{
    return &world->cpus[cpu].programs[world->runs[cpu].program];
}

static void run_end(struct world *world, unsigned cpu)
{
    slot_of(world, cpu)->in_flight = 0;
    world->runs[cpu].step = WORLD_IDLE;
}

static void run_begin(struct world *world, unsigned cpu)
{
    struct world_run *run = &world->runs[cpu];

    if (world_is_used_up(world) || world->control.sequence & SENSOR_CLOSED_BIT)
        return;
    if (world_random(world, 40) == 0) {
        world->missed[world_random(world, SENSOR_PROGRAM_COUNT)]++;
        return;
    }
    run->program = world_random(world, SENSOR_PROGRAM_COUNT);
    slot_of(world, cpu)->in_flight = given(world) + 1;
    run->step = WORLD_BOUND_SET;
}

static void run_number(struct world *world, unsigned cpu)
{
    struct world_run *run = &world->runs[cpu];

    run->generation = (uint32_t)(world->control.sequence >> 63);
    run->sequence = (++world->control.sequence) & SENSOR_SEQUENCE_MASK;
    world->fates[run->sequence] = WORLD_UNDER_WAY;
    world->types[run->sequence] = (uint8_t)run->program;
    run->step = WORLD_NUMBERED;
}

static void run_lose(struct world *world, unsigned cpu, unsigned cause)
{
    struct world_run *run = &world->runs[cpu];
    struct sensor_loss *loss = &slot_of(world, cpu)->losses[run->generation];

    if (loss->causes[0] + loss->causes[1] + loss->causes[2] == 0) {
        loss->first_sequence = run->sequence;
        loss->first_time_ns = 1000 + run->sequence;
    }
    loss->last_sequence = run->sequence;
    loss->last_time_ns = 1000 + run->sequence;
    loss->causes[cause]++;
    world->fates[run->sequence] = WORLD_LOST;
    world->causes[run->sequence] = (uint8_t)cause;
    run_end(world, cpu);
}

static void run_reserve(struct world *world, unsigned cpu)
{
    struct world_run *run = &world->runs[cpu];
    uint32_t size = sizeof(struct muster_record), header = size | BUSY;

    if (world->producer_position + 8 + size - world->consumer_position >= WORLD_RING_BYTES) {
        run_lose(world, cpu, MUSTER_CAUSE_RING_FULL);
        return;
    }
    run->ring_position = world->producer_position;
    ring_put(world, run->ring_position, &header, sizeof(header));
    world->producer_position += 8 + size;
    run->step = WORLD_RESERVED;
}

static void run_submit(struct world *world, unsigned cpu)
{
    const struct world_run *run = &world->runs[cpu];
    bool damaged = world_random(world, 30) == 0, skeleton = world_random(world, 4) == 0;
    struct muster_record record = {.size_bytes = sizeof(record) + (damaged ? 8 : 0),
                                   .type = (uint16_t)(run->program + 1),
                                   .version = MUSTER_RECORD_VERSION,
                                   .flags = skeleton ? MUSTER_RECORD_SKELETON : 0,
                                   .sequence = run->sequence,
                                   .fixed_bytes = sizeof(record)};
    uint32_t header = sizeof(record);

    ring_put(world, run->ring_position + 8, &record, sizeof(record));
    ring_put(world, run->ring_position, &header, sizeof(header));
    world->fates[run->sequence] = damaged ? WORLD_LOST : WORLD_IN_RING;
    world->skeletons[run->sequence] = skeleton && !damaged;
    world->causes[run->sequence] = MUSTER_CAUSE_RECORD_INVALID;
    run_end(world, cpu);
}

/* What a program took back: it has no number. */
static void ring_discard(struct world *world)
{
    uint32_t header = 16U | DISCARDED;

    if (world->producer_position + 24 - world->consumer_position >= WORLD_RING_BYTES)
        return;
    ring_put(world, world->producer_position, &header, sizeof(header));
    world->producer_position += 24;
}

static void cpu_step(struct world *world, unsigned cpu)
{
    struct world_run *run = &world->runs[cpu];

    switch (run->step) {
    case WORLD_IDLE:
        run_begin(world, cpu);
        return;
    case WORLD_BOUND_SET:
        run_number(world, cpu);
        return;
    case WORLD_NUMBERED:
        if (world_random(world, 8) == 0) {
            slot_of(world, cpu)->filtered[run->generation]++;
            world->fates[run->sequence] = WORLD_FILTERED;
            run_end(world, cpu);
        } else if (world_random(world, 8) == 0) {
            run_lose(world, cpu, MUSTER_CAUSE_CLASS_SHED);
        } else {
            run_reserve(world, cpu);
        }
        return;
    case WORLD_RESERVED:
        run_submit(world, cpu);
        return;
    }
}

void world_kernel_step(struct world *world)
{
    world->now_ns++;
    if (world_random(world, 60) == 0)
        ring_discard(world);
    cpu_step(world, world_random(world, WORLD_CPUS));
}

void world_kernel_finish(struct world *world)
{
    for (unsigned cpu = 0; cpu < WORLD_CPUS; cpu++)
        while (world->runs[cpu].step != WORLD_IDLE)
            cpu_step(world, cpu);
}

/* ---- the sink ------------------------------------------------------------------------------------ */

static void line_add(struct world *world, uint64_t sequence)
{
    assert_true(world->line_count < WORLD_LINES);
    world->lines[world->line_count] =
        (struct world_line){.sequence = sequence, .gap = world->gap_count, .agent = world->agent};
    __atomic_store_n(&world->line_count, world->line_count + 1, __ATOMIC_RELEASE);
}

void world_write_event(struct world *world, uint64_t sequence)
{
    line_add(world, sequence);
}

void world_write_gap(struct world *world, const struct muster_gap *gap)
{
    assert_true(world->gap_count < WORLD_GAPS);
    world->gaps[world->gap_count] = *gap;
    line_add(world, 0);
    world->gap_count++;
}

void world_succeed(struct world *world)
{
    world->agent++;
    assert_true(world->agent < WORLD_AGENTS);
    world->returned[world->agent] = world->line_count;
}

/* ---- the judge ----------------------------------------------------------------------------------- */

uint64_t world_count(const struct world *world, enum world_fate fate)
{
    uint64_t count = 0;

    for (uint64_t sequence = 1; sequence <= given(world); sequence++)
        count += world->fates[sequence] == fate;
    return count;
}

static void lines_judge(const struct world *world)
{
    uint64_t last_line[WORLD_NUMBERS + 1] = {0};
    uint32_t last_agent[WORLD_NUMBERS + 1] = {0};

    for (uint64_t i = 0; i < world->line_count; i++) {
        const struct world_line *line = &world->lines[i];

        if (line->sequence == 0)
            continue;
        assert_true(line->sequence <= given(world));
        assert_int_equal(world->fates[line->sequence], WORLD_IN_RING);
        if (last_agent[line->sequence] != 0) {
            assert_true(line->agent > last_agent[line->sequence]);
            assert_true(last_line[line->sequence] >= world->returned[last_agent[line->sequence]]);
        }
        last_line[line->sequence] = i;
        last_agent[line->sequence] = line->agent;
    }
    for (uint64_t sequence = 1; sequence <= given(world); sequence++)
        if (world->fates[sequence] == WORLD_IN_RING)
            assert_int_not_equal(last_agent[sequence], 0);
}

static bool gap_was_told(const struct world *world, uint32_t index)
{
    for (uint32_t before = 0; before < index; before++)
        if (memcmp(&world->gaps[before], &world->gaps[index], sizeof(struct muster_gap)) == 0)
            return true;
    return false;
}

/* What the range has by the truth is what the gap says; in_gap marks it. */
static void gap_judge(const struct world *world, const struct muster_gap *gap, bool in_gap[WORLD_NUMBERS + 1])
{
    uint64_t causes[MUSTER_GAP_CAUSES] = {0}, types[MUSTER_GAP_TYPES] = {0}, count = 0;

    assert_true(gap->first_sequence >= 1 && gap->last_sequence <= given(world));
    for (uint64_t sequence = gap->first_sequence; sequence <= gap->last_sequence; sequence++) {
        if (world->fates[sequence] != WORLD_LOST)
            continue;
        assert_false(in_gap[sequence]);
        in_gap[sequence] = true;
        causes[world->causes[sequence]]++;
        types[world->types[sequence]]++;
        count++;
    }
    assert_int_equal(gap->count, count);
    assert_memory_equal(gap->causes, causes, sizeof(causes));
    assert_memory_equal(gap->types, types, sizeof(types));
}

static void gaps_judge(const struct world *world)
{
    bool in_gap[WORLD_NUMBERS + 1] = {false};
    uint64_t missed[MUSTER_GAP_TYPES] = {0};

    for (uint32_t i = 0; i < world->gap_count; i++) {
        const struct muster_gap *gap = &world->gaps[i];

        if (gap_was_told(world, i))
            continue;
        if (gap->record.valid)
            gap_judge(world, gap, in_gap);
        for (unsigned type = 0; type < SENSOR_PROGRAM_COUNT && !gap->record.valid; type++)
            missed[type] += gap->types[type];
    }
    for (unsigned program = 0; program < SENSOR_PROGRAM_COUNT; program++)
        assert_int_equal(missed[program], world->missed[program]);
    for (uint64_t sequence = 1; sequence <= given(world); sequence++)
        assert_int_equal(in_gap[sequence], world->fates[sequence] == WORLD_LOST);
}

void world_judge(const struct world *world)
{
    lines_judge(world);
    gaps_judge(world);
}
