/* SPDX-License-Identifier: Apache-2.0 */
/* ob: waiting by handle, for a thread or an event. KeWaitForSingleObject has the rules. */
#include "simulated_nt/ob_internal.h"

NTSTATUS NTAPI ZwWaitForSingleObject(IN HANDLE Handle, IN BOOLEAN Alertable, IN PLARGE_INTEGER Timeout OPTIONAL)
{
    struct sim_handle_entry entry;
    enum sim_object_type type;
    NTSTATUS status;

    sim_require_irql_at_most("ZwWaitForSingleObject", PASSIVE_LEVEL);
    if (!sim_handle_find("ZwWaitForSingleObject", Handle, &entry))
        sim_broken("ZwWaitForSingleObject", "handle %p is not open", Handle);
    type = sim_object_type_of("ZwWaitForSingleObject", entry.object);
    if (type != SIM_OBJECT_THREAD && type != SIM_OBJECT_EVENT)
        sim_broken("ZwWaitForSingleObject", "a %s is nothing to wait for here", sim_object_type_name(type));
    status = KeWaitForSingleObject(entry.object, UserRequest, KernelMode, Alertable, Timeout);
    sim_object_dereference("ZwWaitForSingleObject", entry.object);
    return status;
}
