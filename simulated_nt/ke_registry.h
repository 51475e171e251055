/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where objects were initialised: the addresses of events, timers, DPCs and spin locks. An object that is
 * used elsewhere was copied or moved. Memory that goes back to the pool is forgotten, and
 * may not have anything in use in it.
 */
#ifndef SIMULATED_NT_KE_REGISTRY_H
#define SIMULATED_NT_KE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

enum sim_registered { SIM_REGISTERED_DISPATCHER = 1, SIM_REGISTERED_SPIN_LOCK, SIM_REGISTERED_DPC };

/* Anew at the same address is fine; `busy` tells whether the object is in use and its memory may not
 * go (called without locks of the registry), NULL: never. */
void sim_registry_add(enum sim_registered kind, const void *object, const char *(*busy)(const void *object));
bool sim_registry_has(enum sim_registered kind, const void *object);
void sim_registry_remove(enum sim_registered kind, const void *object);

/* The memory is about to be freed: forgets what was in it; a broken rule where it is in use. */
void sim_registry_forget(const char *call, const void *memory, size_t bytes);

/* The memory is new: what stood at these addresses in memory that the host has given to somebody else
 * since (a stack, an object of the simulator) is no more. */
void sim_registry_begin_anew(const void *memory, size_t bytes);

#endif
