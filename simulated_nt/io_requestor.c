/* SPDX-License-Identifier: Apache-2.0 */
/* io: who sent an IRP. Asked by drivers while they have it. */
#include "simulated_nt/io_internal.h"

ULONG NTAPI IoGetRequestorProcessId(IN PIRP Irp)
{
    sim_require_irql_at_most("IoGetRequestorProcessId", DISPATCH_LEVEL);
    return (ULONG)sim_request_of("IoGetRequestorProcessId", Irp)->process_id;
}

PEPROCESS NTAPI IoGetRequestorProcess(IN PIRP Irp)
{
    sim_require_irql_at_most("IoGetRequestorProcess", DISPATCH_LEVEL);
    return (PEPROCESS)sim_request_of("IoGetRequestorProcess", Irp)->process;
}

BOOLEAN IoIs32bitProcess(IN PIRP Irp OPTIONAL)
{
    if (Irp != NULL)
        (void)sim_request_of("IoIs32bitProcess", Irp);
    return FALSE; /* the simulator has none */
}
