/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps: what drivers ask of a process. What never changes may be asked at any IRQL at which a driver may have
 * the pointer (APC_LEVEL here, since several of these are not documented); tokens at PASSIVE_LEVEL only.
 */
#include "simulated_nt/ob_internal.h"
#include "simulated_nt/ps_internal.h"

static struct sim_process *asked(const char *call, PEPROCESS process)
{
    sim_require_irql_at_most(call, APC_LEVEL);
    return sim_process_of(call, process);
}

HANDLE NTAPI PsGetProcessId(IN PEPROCESS Process)
{
    return (HANDLE)asked("PsGetProcessId", Process)->process_id;
}

HANDLE NTAPI PsGetProcessInheritedFromUniqueProcessId(PEPROCESS Process)
{
    return (HANDLE)asked("PsGetProcessInheritedFromUniqueProcessId", Process)->parent_process_id;
}

LONGLONG NTAPI PsGetProcessCreateTimeQuadPart(IN PEPROCESS Process)
{
    return asked("PsGetProcessCreateTimeQuadPart", Process)->create_time_100ns;
}

NTSTATUS NTAPI PsGetProcessExitStatus(PEPROCESS Process)
{
    return __atomic_load_n(&asked("PsGetProcessExitStatus", Process)->exit_status, __ATOMIC_ACQUIRE);
}

ULONG NTAPI PsGetProcessSessionId(PEPROCESS Process)
{
    return asked("PsGetProcessSessionId", Process)->token->session_id;
}

ULONGLONG NTAPI PsGetProcessStartKey(PEPROCESS Process)
{
    return asked("PsGetProcessStartKey", Process)->start_key;
}

PEPROCESS NTAPI IoGetCurrentProcess(VOID)
{
    struct sim_thread *self = sim_thread_self();

    return self->process != NULL ? (PEPROCESS)self->process : PsInitialSystemProcess;
}

PACCESS_TOKEN NTAPI PsReferencePrimaryToken(IN OUT PEPROCESS Process)
{
    struct sim_process *process;

    sim_require_irql_at_most("PsReferencePrimaryToken", PASSIVE_LEVEL);
    process = sim_process_of("PsReferencePrimaryToken", Process);
    sim_object_reference_for_driver("PsReferencePrimaryToken", process->token);
    return process->token;
}

VOID NTAPI PsDereferencePrimaryToken(IN PACCESS_TOKEN PrimaryToken)
{
    sim_require_irql_at_most("PsDereferencePrimaryToken", PASSIVE_LEVEL);
    sim_object_dereference_for_driver("PsDereferencePrimaryToken",
                                      sim_token_of("PsDereferencePrimaryToken", PrimaryToken));
}
