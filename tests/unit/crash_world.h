/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel side, a sink, and the truth about both, in one value that can be copied: for account_crash_test.c. The
 * kernel side is BPF programs on some CPUs that take numbers and find room or do not, one step at a time. The truth
 * shares no code with the account.
 */
#ifndef MUSTER_CRASH_WORLD_H
#define MUSTER_CRASH_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "muster/wire.h"
#include "sensor_linux/bpf/sensor_shared.h"
#include "sensor_linux/journal.h"
#include "sensor_linux/ring.h"

#define WORLD_CPUS       2
#define WORLD_NUMBERS    250
#define WORLD_RING_BYTES 1024U
#define WORLD_LINES      1500
#define WORLD_GAPS       300
#define WORLD_AGENTS     200

enum world_fate { WORLD_NOT_GIVEN, WORLD_UNDER_WAY, WORLD_IN_RING, WORLD_LOST, WORLD_FILTERED };

/* A program's run on one CPU: what it does next. */
struct world_run {
    enum { WORLD_IDLE, WORLD_BOUND_SET, WORLD_NUMBERED, WORLD_RESERVED } step;
    unsigned program;
    uint64_t sequence;
    uint32_t generation;
    uint64_t ring_position;
};

/* What the sink was given, by which agent. */
struct world_line {
    uint64_t sequence; /* 0: gaps[gap] */
    uint32_t gap;
    uint32_t agent;
};

struct world {
    /* what kernel and agent share */
    struct sensor_control control;
    struct sensor_cpu cpus[WORLD_CPUS];
    struct journal journal;
    uint64_t consumer_position;
    uint64_t producer_position;
    uint64_t ring[2 * WORLD_RING_BYTES / 8];
    uint64_t missed[SENSOR_PROGRAM_COUNT];
    uint64_t line_count; /* of the sink: written last */

    struct world_line lines[WORLD_LINES];
    struct muster_gap gaps[WORLD_GAPS];
    uint32_t gap_count;
    uint32_t agent;                  /* the one that lives, from 1 */
    uint64_t returned[WORLD_AGENTS]; /* lines there were when its last acknowledgement returned, or it began */

    /* the kernel's, and the truth */
    struct world_run runs[WORLD_CPUS];
    uint8_t fates[WORLD_NUMBERS + 1];
    uint8_t causes[WORLD_NUMBERS + 1];
    uint8_t types[WORLD_NUMBERS + 1];
    bool skeletons[WORLD_NUMBERS + 1];
    uint64_t now_ns;
    uint32_t random;
};

void world_begin(struct world *world, uint32_t seed);

uint32_t world_random(struct world *world, uint32_t below);

/* One step of one CPU. */
void world_kernel_step(struct world *world);

/* Ends what runs; nothing begins. */
void world_kernel_finish(struct world *world);

bool world_is_used_up(const struct world *world);

/* The ring, for an agent to read. Points into *world. */
struct ring world_ring(struct world *world);

/* The sink. */
void world_write_event(struct world *world, uint64_t sequence);
void world_write_gap(struct world *world, const struct muster_gap *gap);

/* Another agent takes over. */
void world_succeed(struct world *world);

/* Every number is a line or in exactly one gap, and the gaps say the truth; only what a dead agent had not yet
 * acknowledged, its last batch, is a line again. Fails the test where not. */
void world_judge(const struct world *world);

/* What the truth says was lost or filtered. */
uint64_t world_count(const struct world *world, enum world_fate fate);

#endif
