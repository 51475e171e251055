/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The callback that the driver under test registers, and the events that it is told of: one at a
 * time on the caller's thread, or a storm from many.
 */
#ifndef MUSTER_TESTS_PSTEST_RAISE_H
#define MUSTER_TESTS_PSTEST_RAISE_H

#include <ntifs.h>

#include "pstest.h"

/* `bytes` are there. Refuses what does not hold together. */
NTSTATUS raise_event(const struct pstest_raise *raise, ULONG bytes);

/* Returns when the threads run; pstest_status.storm_threads says how many still do. */
NTSTATUS raise_storm(const struct pstest_storm *storm);

void raise_count(struct pstest_status *status);

#endif
