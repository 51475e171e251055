/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process has used, of itself alone. The kernel tells of a zombie's memory only together with that of the
 * children that it has waited for, whichever had most: so the most it had itself is known where it waited for none,
 * and else from a stop at its exit, which only who forks is made to have (tracer.c).
 */
#ifndef MUSTER_TRACEE_USAGE_H
#define MUSTER_TRACEE_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "tracee_facts.h"

/* All zeros: nothing has been seen yet. */
struct tracee_usage {
    uint64_t before_bytes;  /* the most of its images before this one */
    bool before_hidden;     /* that is not known */
    uint64_t at_exit_bytes; /* the most of this image; 0: not known */
};

/* At the stop of an exec: what was is that of the images before, as far as `waited` (the kernel's answer) tells it. */
void tracee_usage_exec(struct tracee_usage *usage, const struct tracee_facts *facts, const struct rusage *waited);

/* At the stop of an exit. */
void tracee_usage_exiting(struct tracee_usage *usage, uint32_t pid);

/* The most memory that it had resident. False where that is not known. */
bool tracee_usage_peak(const struct tracee_usage *usage, const struct tracee_facts *facts, const struct rusage *waited,
                       uint64_t *ret_bytes);

/* The processor time of all its threads, as the kernel has counted it at its ticks. False where it does not tell. */
bool tracee_usage_times(uint32_t pid, uint64_t *ret_user_ns, uint64_t *ret_system_ns);

#endif
