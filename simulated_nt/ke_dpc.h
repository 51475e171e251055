/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queueing a DPC from inside the kernel, for timers.
 */
#ifndef SIMULATED_NT_KE_DPC_H
#define SIMULATED_NT_KE_DPC_H

#include <ntddk.h>

/* FALSE where it is queued already. Between sim_own_begin and sim_own_end; the dispatcher lock may be held. */
BOOLEAN sim_dpc_queue(const char *call, PRKDPC dpc, PVOID argument1, PVOID argument2);

#endif
