/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel tells about a process, as numbers in a record: for each field either its value and its
 * bit in `valid`, or its bit in `unavailable`. By pointers to process objects alone: no handle is opened.
 */
#ifndef MUSTER_DRIVER_NT_PROCESS_FACTS_H
#define MUSTER_DRIVER_NT_PROCESS_FACTS_H

#include <stdint.h>

#include <ntifs.h>

#include "muster/wire.h"

/* In the creator's thread. */
_IRQL_requires_(PASSIVE_LEVEL) void process_facts_of_start(struct muster_process_start *start, PEPROCESS process,
                                                           uint32_t pid, const PS_CREATE_NOTIFY_INFO *info);

_IRQL_requires_(PASSIVE_LEVEL) void process_facts_of_exit(struct muster_process_exit *exit, PEPROCESS process,
                                                          uint32_t pid);

#endif
