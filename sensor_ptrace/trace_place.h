/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a start that say where a process stands: session, terminal, user who logged in, rights, namespaces. */
#ifndef MUSTER_TRACE_PLACE_H
#define MUSTER_TRACE_PLACE_H

#include "muster/wire.h"
#include "tracee_facts.h"

/* Fills them into *start, whose pid is there. What cannot be had is marked so. */
void trace_place_put(struct muster_process_start *start, const struct tracee_facts *facts);

#endif
