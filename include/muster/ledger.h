/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: the counters of one hop, or of several taken together. At every quiescent point
 * produced = delivered + filtered + dropped + held (contract.md, "What is counted").
 */
#ifndef MUSTER_LEDGER_H
#define MUSTER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "muster/event.h"

#ifdef __cplusplus
extern "C" {
#endif

struct muster_ledger {
    uint64_t epoch;     /* names the start of the kernel side that gave the numbers */
    uint64_t produced;  /* numbered here, or handed to this hop, or refused before a number was had */
    uint64_t delivered; /* accepted by the next hop, or written by the sink */
    uint64_t filtered;  /* left out because a filter said so */
    uint64_t held;      /* in a queue, cache, ring or lease */
    uint64_t degraded;  /* of those delivered or held, how many are skeletons */
    uint64_t dropped[MUSTER_CAUSE_COUNT];
};

/* Sum of dropped over all causes. */
uint64_t muster_ledger_dropped(const struct muster_ledger *ledger);

/* Whether produced = delivered + filtered + dropped + held. */
bool muster_ledger_balances(const struct muster_ledger *ledger);

#ifdef __cplusplus
}
#endif

#endif
