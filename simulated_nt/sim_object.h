/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects with a type, a reference count and handles: what ob_object.c owns and the rest of the simulator
 * makes its threads, devices, files and tokens of. A pointer to an object points behind its header, as
 * on Windows.
 */
#ifndef SIMULATED_NT_SIM_OBJECT_H
#define SIMULATED_NT_SIM_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sim_object_type {
    SIM_OBJECT_THREAD = 1,
    SIM_OBJECT_PROCESS,
    SIM_OBJECT_TOKEN,
    SIM_OBJECT_DRIVER,
    SIM_OBJECT_DEVICE,
    SIM_OBJECT_FILE,
    SIM_OBJECT_EVENT,
    SIM_OBJECT_SYMBOLIC_LINK,
    SIM_OBJECT_TYPE_COUNT
};

struct sim_object_header {
    uint64_t magic;
    enum sim_object_type type;
    long reference_count;          /* atomic */
    void (*destroy)(void *object); /* at the last dereference, before the memory goes; may be NULL */
    size_t size_bytes;
} __attribute__((aligned(16)));

/* Cleared, with one reference. `destroy` runs when the last one goes. */
void *sim_object_create(enum sim_object_type type, size_t size_bytes, void (*destroy)(void *object));

/* Whether it is a live object of that type; any address may be asked about. */
bool sim_object_is(const void *object, enum sim_object_type type);

void sim_object_reference(const char *call, void *object);
void sim_object_dereference(const char *call, void *object);

/* A new handle, which holds a reference of its own; a kernel handle unless `is_user`. */
void *sim_handle_create(void *object, bool is_user);

#endif
