/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums over the counters of a ledger. Plain values in, plain values out: any context.
 */
#include "muster/ledger.h"

uint64_t muster_ledger_dropped(const struct muster_ledger *ledger)
{
    uint64_t sum = 0;
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        sum += ledger->dropped[cause];
    return sum;
}

bool muster_ledger_balances(const struct muster_ledger *ledger)
{
    return ledger->produced == ledger->delivered + ledger->filtered + muster_ledger_dropped(ledger) + ledger->held;
}
