/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ob's inside: what io, ps and se ask of it beyond sim_object.h. References that a driver took are counted
 * apart from the simulator's own, so that what a driver forgot can be told at its unload.
 */
#ifndef SIMULATED_NT_OB_INTERNAL_H
#define SIMULATED_NT_OB_INTERNAL_H

#include <ntifs.h>

#include "simulated_nt/sim_internal.h"
#include "simulated_nt/sim_object.h"

/* The same as the driver's ObReferenceObject and ObDereferenceObject, for calls that do it as a part. */
void sim_object_reference_for_driver(const char *call, void *object);
void sim_object_dereference_for_driver(const char *call, void *object);

/* Breaks the run, naming the object, where the driver still holds references or handles. */
void sim_object_check_leaks(const char *call);
void sim_handle_check_leaks(const char *call);
/* Calls for each live object of the type; nothing else may be done with objects meanwhile. */
void sim_object_each(enum sim_object_type type, void (*visit)(void *object, void *context), void *context);

const char *sim_object_type_name(enum sim_object_type type);
/* The type of a live object; breaks the run where it is none. */
enum sim_object_type sim_object_type_of(const char *call, const void *object);

struct sim_handle_entry {
    void *object;
    ACCESS_MASK granted;
};
/* A copy of what stands behind a handle, with a reference to the object; false where it is none. */
bool sim_handle_find(const char *call, HANDLE handle, struct sim_handle_entry *ret_entry);
HANDLE sim_handle_create_granted(void *object, bool is_user, ACCESS_MASK granted);

/* ---- names ------------------------------------------------------------------------------------- */

/* A device, a link (target set), or a name that somebody else has (neither). False: the name is taken. */
bool sim_name_insert(const UNICODE_STRING *name, void *device, const UNICODE_STRING *target);
/* False where there is no such name of that kind. */
bool sim_name_remove(const UNICODE_STRING *name, bool is_link);
void sim_name_remove_device(void *device);
/* Through links; the device, referenced, and the rest behind its name, which points into ret_rest. */
NTSTATUS sim_name_resolve(const UNICODE_STRING *path, void **ret_device, WCHAR *rest, ULONG *ret_rest_units);
void sim_name_check_leaks(const char *call);
/* Forgets the names that tests took. */
void sim_name_reset(void);

#define SIM_NAME_UNITS_MAX 512U
/* A text for reports: ASCII, cut short, valid until the thread's next call. */
const char *sim_name_text(const UNICODE_STRING *name);

#endif
