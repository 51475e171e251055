/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account of one epoch, as an output or several have it: which numbers were read, what gaps and ledgers say, and
 * in the end whether it all agrees. Knows nothing of files and formats.
 *
 * An epoch may have several runs: a sensor-started each. An agent that was killed had not let go of its last batch, so
 * the next run has that once more.
 */
#ifndef MUSTER_EPOCH_ACCOUNT_H
#define MUSTER_EPOCH_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/capture_file.h"
#include "sequence_set.h"
#include "verify_doubles.h"
#include "verify_event.h"
#include "verify_findings.h"
#include "verify_gaps.h"

struct epoch_account {
    uint64_t epoch;
    uint32_t index; /* from 1, for verify_doubles */

    struct sequence_set seen; /* numbers, each as often as it is no known double */
    struct verify_gaps gaps;
    uint64_t first_ns; /* when it begins and ends, 0 where it has nothing but baseline */
    uint64_t last_ns;
    uint64_t last_number; /* of the last line that has one */
    uint64_t last_number_ns;
    uint64_t doubled_count; /* events that came again, the same */

    /* What there was before the first run that is here. */
    bool begun;        /* something was read */
    bool start_seen;   /* it began with sensor-started */
    bool before_known; /* from that, or from the first ledger: */
    uint64_t before;   /* delivered, to other outputs */
    uint64_t dropped_before[VERIFY_CAUSES];

    /* The last run. */
    uint32_t run;
    bool run_known;     /* sensor-started was read, or a ledger says it: */
    uint64_t run_base;  /* delivered before it */
    uint64_t run_count; /* lines in it, each number once */

    bool ledger_known;
    enum verify_kind ledger_kind; /* of the last one */
    uint64_t ledger_ns;
    struct verify_ledger ledger;
    bool goes_on; /* a numbered line or a gap stands behind it */

    uint64_t told[VERIFY_CAUSES]; /* by gaps, each once */
    uint64_t unplaced_count;      /* of those, numbers of which nobody knows where they are */

    /* A capture's. */
    uint64_t damaged_count;  /* numbered events that are lost by it, as far as they are counted */
    uint64_t damaged_others; /* other records, likewise */

    /* What judge has found. */
    uint64_t lost_count;
    uint64_t missing_count; /* that nothing accounts for */
};

void epoch_account_deinit(struct epoch_account *account);

struct verify_context {
    struct verify_place place;
    bool chained; /* in a capture: damage is told late, and the chain says whether all is there */
    struct verify_doubles *doubles;
    struct verify_findings *findings;
};

void epoch_account_take(struct epoch_account *account, const struct verify_event *event,
                        const struct verify_context *context);

/* Events of it that a capture has lost. */
void epoch_account_damage(struct epoch_account *account, uint64_t numbered_count, uint64_t other_count);

/* Nothing more comes. */
void epoch_account_judge(struct epoch_account *account, struct verify_findings *findings);

#endif
