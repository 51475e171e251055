/* SPDX-License-Identifier: Apache-2.0 */
/* The process of the command, from fork until it execs. */
#ifndef MUSTER_TRACER_CHILD_H
#define MUSTER_TRACER_CHILD_H

#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/types.h>

#include "muster/tracer.h"

/* What is traced of everybody; and of who has made a process (tracee_usage.h). */
#define TRACER_OPTIONS      (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)
#define TRACER_OPTIONS_EXIT (TRACER_OPTIONS | PTRACE_O_TRACEEXIT)

struct tracer_child {
    pid_t pid;
    int gate_fd; /* a byte lets it run; closing it ends it */
};

/* It is traced, and waits. False, *ret_error set, and no process left, on failure. */
bool tracer_child_start(const struct muster_tracer_options *options, struct tracer_child *ret_child,
                        struct muster_sensor_error *ret_error);

void tracer_child_go(struct tracer_child *child);

#endif
