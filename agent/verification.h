/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that `muster verify` was given: the epochs in it, each with its own account. Its memory is bounded, whatever it
 * is given; where a limit is reached, that is a finding. Fed by verify_lines.h and verify_capture.h.
 */
#ifndef MUSTER_VERIFICATION_H
#define MUSTER_VERIFICATION_H

#include "epoch_account.h"

#define VERIFY_EPOCHS_MAX 4096
#define VERIFY_RUNS_MAX   ((size_t)1 << 24) /* of numbers, in all epochs: 512 MiB */

/* .findings.limit is set, all else zero to begin with. */
struct verification {
    struct epoch_account **epochs;
    size_t epoch_count;
    size_t epoch_capacity;
    struct epoch_account *current; /* the last one that had something */
    size_t run_count;              /* in all epochs */
    struct verify_doubles doubles;
    struct verify_findings findings;
    bool limit_told;
};

void verification_deinit(struct verification *verification);

void verification_take(struct verification *verification, const struct verify_event *event,
                       const struct verify_place *place);

/* Events of an epoch that a capture has lost. */
void verification_damage(struct verification *verification, uint64_t epoch, const struct verify_place *place,
                         uint64_t numbered_count, uint64_t other_count);

/* To be called once, at the end. */
void verification_judge(struct verification *verification);

/* The worst of what was found; VERIFY_NOTE also where nothing was. */
enum verify_severity verification_worst(const struct verification *verification);

#endif
