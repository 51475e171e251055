/* SPDX-License-Identifier: Apache-2.0 */
/* Records that the agent makes itself. */
#ifndef MUSTER_STATUS_RECORD_H
#define MUSTER_STATUS_RECORD_H

#include "muster/event.h"
#include "muster/ledger.h"
#include "muster/wire.h"

/* `type` is MUSTER_EVENT_STATUS, _SENSOR_STARTED or _SENSOR_STOPPED; the time is now. */
void status_record_fill(struct muster_sensor_status *ret_record, enum muster_event_type type,
                        const struct muster_ledger *ledger);

#endif
