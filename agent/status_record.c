/* SPDX-License-Identifier: Apache-2.0 */
/* status_record.h */
#include "status_record.h"

#include <string.h>

#include "host.h"

void status_record_fill(struct muster_sensor_status *ret_record, enum muster_event_type type,
                        const struct muster_ledger *ledger)
{
    *ret_record = (struct muster_sensor_status){
        .record =
            {
                .size_bytes = sizeof(*ret_record),
                .type = (uint16_t)type,
                .version = MUSTER_RECORD_VERSION,
                .time_ns = host_now_ns(),
                .fixed_bytes = sizeof(*ret_record),
            },
        .epoch = ledger->epoch,
        .produced = ledger->produced,
        .delivered = ledger->delivered,
        .filtered = ledger->filtered,
        .held = ledger->held,
        .degraded = ledger->degraded,
    };
    memcpy(ret_record->dropped, ledger->dropped, sizeof(ledger->dropped));
}
