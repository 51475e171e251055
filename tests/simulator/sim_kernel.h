/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel side: processors on which the BPF programs run, the ring and the counters that they share with the agent.
 * The protocol is that of sensor_linux/bpf/emit.h itself, compiled for here; only what a program reads from its task is
 * made up.
 *
 * It goes on whatever becomes of the agent: what stands in the ring and in the counters outlives a crash.
 */
#ifndef MUSTER_SIM_KERNEL_H
#define MUSTER_SIM_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "sim_plan.h"
#include "sim_ring.h"

struct sensor_control;
struct sensor_cpu;
struct journal;

#define SIM_PROGRAM_COUNT 3 /* start, exit, fork: type - 1 */

/* A new machine. Nothing is attached; its load begins when the programs are. */
void kernel_begin(const struct plan *plan);

void kernel_attach(bool forks);

/* No run begins any more; returns when those under way have ended. */
void kernel_detach(void);

/* What agent and kernel share. */
struct sim_ring *kernel_ring(void);
struct sensor_control *kernel_control(void);
struct sensor_cpu *kernel_cpus(void);
unsigned kernel_cpu_count(void);

/* What an agent leaves for the next one; and the offset of its clock. */
struct journal *kernel_journal(void);
int64_t *kernel_clock_offset(void);

/* The side gives no more numbers: as muster_kept_end. */
void kernel_close(void);

/* Runs of the program that were skipped, ever. */
uint64_t kernel_missed(unsigned program);

/* Called for each wake-up that a program asks for. */
void kernel_wakes(void (*wake)(void));

/* Nobody wants to know any more: the load ends. */
void kernel_end(void);

#endif
