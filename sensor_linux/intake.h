/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The intake: what comes in from the kernel side, wherever the memory comes from that the two share. Records are read
 * in place and can be given back, each number is accounted for, and the BPF programs are told when to wake us.
 *
 * sensor.c stands on it with what it has mapped, tests/simulator with plain memory. One thread, but for intake_ack.
 */
#ifndef MUSTER_INTAKE_H
#define MUSTER_INTAKE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "account.h"
#include "bpf/sensor_shared.h"
#include "muster/sensor.h"
#include "ring.h"

struct intake {
    struct ring ring; /* set by the owner, who unmaps it, too */
    struct account account;
    struct sensor_control *control; /* shared with the kernel */
    uint64_t last_position;         /* of the record that next returned last */
    uint64_t delivered_before;      /* acknowledged by earlier agents */
    uint64_t degraded_before;       /* of those */
    uint64_t leaving_sequence;      /* valid while `leaving`: what intake_account is to account for */
    uint64_t leaving_position;      /* likewise: of the ring, behind which the next agent reads */
    bool leaving;
    pthread_mutex_t lock; /* of the account, where account.h says "locked" */
};

/* Everything but the ring. `cpus`: one for each possible CPU, shared with the kernel. */
void intake_init(struct intake *intake, struct sensor_control *control, struct sensor_cpu *cpus, uint32_t cpu_count,
                 uint64_t now_ns);

/* The same where an earlier agent has left off, or died: the ring is there, and is put where `journal` says. False
 * where the journal is not whole. */
bool intake_open(struct intake *intake, struct journal *journal, struct sensor_control *control,
                 struct sensor_cpu *cpus, uint32_t cpu_count);

void intake_deinit(struct intake *intake);

/* As in muster/sensor.h. */
const struct muster_record *intake_next(struct intake *intake, uint64_t *ret_position);
void intake_unread(struct intake *intake, const struct muster_record *record);
void intake_ack(struct intake *intake, uint64_t position);
bool intake_arm(struct intake *intake, bool quiet);
void intake_counts(const struct intake *intake, struct muster_sensor_counts *ret_counts);

/* Likewise; `missed`: runs of each program that the kernel skipped, ever. */
bool intake_account(struct intake *intake, const uint64_t missed[SENSOR_PROGRAM_COUNT], uint64_t now_ns,
                    muster_sensor_tell_gap tell, void *context);

/* The kernel side goes on without us: intake_account is true once all numbers given so far are accounted for. */
void intake_leave(struct intake *intake);

/* After intake_leave: whether all is read that stood in the ring then. */
bool intake_rest_is_read(const struct intake *intake);

/* See muster_sensor_baseline_told. */
void intake_baseline_tell(struct intake *intake);
bool intake_baseline_told(struct intake *intake);

/* Tells a concluded event, as intake_account tells a gap. False where it was not taken. All that are told in one turn,
 * the output has when intake_is_concluded; not before that comes the next turn. */
bool intake_conclude(struct intake *intake, const struct muster_record *record, muster_sensor_tell_gap tell,
                     void *context);
bool intake_is_concluded(struct intake *intake);

/* See muster_sensor_end_tell. */
void intake_end_tell(struct intake *intake);

#endif
