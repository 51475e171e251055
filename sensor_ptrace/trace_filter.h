/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether an event of a traced process is wanted (muster/filter.h), decided before its texts are read. What was decided
 * about a process's last start or fork holds for its exit, too.
 */
#ifndef MUSTER_TRACE_FILTER_H
#define MUSTER_TRACE_FILTER_H

#include <stdbool.h>

#include "muster/event.h"
#include "muster/filter.h"
#include "tracee_table.h"

/* `facts`: as the process shows itself at this event. A filter of NULL wants everything. */
bool trace_filter_wants(const struct muster_filter *filter, enum muster_event_type type, struct tracee *tracee,
                        const struct tracee_facts *facts);

#endif
