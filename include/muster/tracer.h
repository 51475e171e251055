/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracer: runs one command, and reports what it and all that it starts do, by ptrace(2). No privilege
 * is needed, and no BPF. Linux only; sensor_ptrace/.
 *
 * Every record is made while the process that it is about stands still, and that process stays so until
 * the next call of muster_tracer_next: who reads slowly slows the command, and nothing is ever lost.
 *
 * All calls come from one thread, the one that started the tracer: ptrace(2) wants it so. If muster
 * ends, however it does, the kernel lets go of the traced, and they go on.
 */
#ifndef MUSTER_TRACER_H
#define MUSTER_TRACER_H

#include <stdbool.h>
#include <stdint.h>

#include "muster/annotations.h"
#include "muster/filter.h"
#include "muster/record.h"
#include "muster/sensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct muster_tracer;

struct muster_tracer_options {
    char *const *command;               /* with its arguments, NULL at the end; found as execvp(3) does */
    const struct muster_filter *filter; /* lives as long as the tracer; NULL: everything is wanted */
    size_t args_max_bytes;     /* how much of the arguments is kept, in the limits of event.h; 0: the default */
    bool forks;                /* report forks, and the exits of processes that never exec'ed */
    void (*child_ready)(void); /* called in the new process before it execs, to give back its signals */
    void (*child_failed)(const char *name, int error); /* likewise, when it cannot exec */
};

/* What a child whose exec failed ends with, as of env(1); and muster itself. */
#define MUSTER_TRACER_FAILED      125
#define MUSTER_TRACER_NOT_RUNABLE 126
#define MUSTER_TRACER_NOT_FOUND   127

struct muster_tracer_state {
    bool all_ended;         /* the command and everything that it started */
    bool command_ended;     /* and command_code is set: its exit code, or 128 + signal */
    bool command_suspended; /* stopped by a signal, as of Ctrl-Z */
    int command_code;
    uint32_t command_pid;
    uint64_t produced; /* numbers given */
    uint64_t filtered; /* of those, what the filter left out */
};

/* Makes the process of the command, traced but waiting: nothing has happened yet. SIGCHLD is blocked by the
 * caller, and waited for. False, *ret_error set, on failure. */
bool muster_tracer_start(const struct muster_tracer_options *options, struct muster_tracer **ret_tracer,
                         struct muster_sensor_error *ret_error) MUSTER_MUST_CHECK;

/* Names this start; gives the numbers. */
uint64_t muster_tracer_epoch(const struct muster_tracer *tracer);

/* Lets the command run. */
void muster_tracer_go(struct muster_tracer *tracer);

/* The next record, to be read until the next call. NULL where nothing happened: the next sign is a
 * SIGCHLD. */
const struct muster_record *muster_tracer_next(struct muster_tracer *tracer);

void muster_tracer_state(const struct muster_tracer *tracer, struct muster_tracer_state *ret_state);

/* Frees. Whoever is traced stays so until the calling process ends. NULL is fine. */
void muster_tracer_destroy(struct muster_tracer *tracer);

#ifdef __cplusplus
}
#endif

#endif
