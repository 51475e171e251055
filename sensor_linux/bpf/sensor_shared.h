/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the BPF programs and the agent's side of the sensor (sensor_linux/) share beside the
 * records: the sequence word, each CPU's losses, and the wake-up word.
 *
 * How losses are told exactly, to the unit, while events go on:
 *
 * - One 64-bit word holds the last sequence number (low 62 bits), whether the side is closed, and a
 *   generation (top bit). A program takes a number and learns the generation by one atomic add.
 * - A program that finds no room counts the loss in its CPU's slot for that generation.
 * - One that is left out by a filter is no loss; it is counted in that slot too, since the reader has to know
 *   of every number what became of it.
 * - The reader flips the generation by one atomic xor and so learns the last number of the old one.
 *   When no program that may have taken a number of the old generation is still under way
 *   (`in_flight`), the old slots no longer change and hold exactly the losses among those numbers.
 *
 * A program that sees the side closed does nothing. One that saw it open a moment before may still take a
 * number; after an RCU grace period (membarrier(2)) none does, and the last number is final. So a side
 * begins and ends for all programs at one moment, whenever each of them is attached and detached.
 *
 * A program writes `in_flight` before it takes its number: a bound that its number will not be
 * below. Every slot belongs to one program on one CPU, and the kernel runs a program at most once
 * at a time on a CPU (it skips nested runs, which recursion_misses counts). So plain stores do.
 */
#ifndef MUSTER_SENSOR_SHARED_H
#define MUSTER_SENSOR_SHARED_H

#include <stdint.h>

#include "muster/event.h"

/* Of everything here, and of what it means: an agent of another version neither reads nor writes it. */
#ifndef SENSOR_ABI_VERSION
#define SENSOR_ABI_VERSION 4U
#endif

#define SENSOR_GENERATION_BIT (1ULL << 63)
#define SENSOR_CLOSED_BIT     (1ULL << 62)
#define SENSOR_SEQUENCE_MASK  (SENSOR_CLOSED_BIT - 1)

/* The program that makes each numbered type of event; slot = type - 1. */
#define SENSOR_PROGRAM_COUNT 3

/* Causes that a program can have, MUSTER_CAUSE_ of the same name. */
enum sensor_cause { SENSOR_RING_FULL, SENSOR_CLASS_SHED, SENSOR_SHARE_SHED };
#define SENSOR_CAUSE_COUNT 3

struct sensor_loss {
    uint64_t first_sequence;
    uint64_t last_sequence;
    uint64_t first_time_ns;
    uint64_t last_time_ns;
    uint64_t causes[SENSOR_CAUSE_COUNT];
};

struct sensor_slot {
    uint64_t in_flight;           /* 0: not running */
    uint64_t filtered[2];         /* by generation */
    struct sensor_loss losses[2]; /* likewise */
};

/* One for each possible CPU. */
struct sensor_cpu {
    struct sensor_slot programs[SENSOR_PROGRAM_COUNT];
} __attribute__((aligned(64)));

/*
 * Whose events were lost most, in memory that does not grow: one table by parent, one by name. A row stands in the set
 * of its key; a new one takes the place of the least of that. So counts are true at least, and who was seldom lost, or
 * shares a set with many, may be forgotten. Written by the programs when they lose something, and never put to 0.
 */
#define SENSOR_SHED_SETS 16
#define SENSOR_SHED_WAYS 4
#define SENSOR_SHED_ROWS (SENSOR_SHED_SETS * SENSOR_SHED_WAYS)

struct sensor_shed_row {
    uint64_t key[2]; /* a parent's start and pid; or the name */
    uint64_t counts[SENSOR_PROGRAM_COUNT];
    char name[16]; /* of the first thread: comm */
};

/* Words that every event touches, each on a cache line of its own. */
struct sensor_control {
    uint64_t sequence __attribute__((aligned(64)));
    /* The producer position of the ring at which the reader wants to be woken; SENSOR_AWAKE if it
     * is not asleep. Who sets it back from a position to SENSOR_AWAKE owes the wake-up. */
    uint64_t wake_at __attribute__((aligned(64)));
    struct sensor_shed_row shed_parents[SENSOR_SHED_ROWS] __attribute__((aligned(64)));
    struct sensor_shed_row shed_names[SENSOR_SHED_ROWS];
};

#define SENSOR_AWAKE (~0ULL)

/* What the list of processes says in record.flags, for the loader alone. */
#define FOUND_FORKED 128U /* it has not exec'ed */
#define FOUND_UNSURE                                                                                                   \
    64U /* its exec, or the fork that made it, is under way: what tells of that may not have run yet                   \
         */

#endif
