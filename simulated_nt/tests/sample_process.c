/* SPDX-License-Identifier: Apache-2.0 */
/* The sample driver's process notify routine: counts, and looks at all that it is given if asked to. */
#include "simulated_nt/tests/sample_process.h"

#include "simulated_nt/tests/sample_driver.h"

struct sample_seen sample_seen;
BOOLEAN sample_looks;

/* Written without a lock by registration and removal, which happen one at a time; read by the routine. That
 * is right only if removal waits for it, and ThreadSanitizer looks. */
static ULONG registered;

static void look_at_token(PEPROCESS process, struct sample_seen *seen)
{
    PACCESS_TOKEN token = PsReferencePrimaryToken(process);
    TOKEN_STATISTICS *statistics;
    UNICODE_STRING text = {0, sizeof(seen->user), seen->user};
    TOKEN_USER *user;
    PVOID by_value = NULL;

    seen->is_admin = SeTokenIsAdmin(token);
    if (NT_SUCCESS(SeQueryInformationToken(token, TokenUser, (PVOID *)&user))) {
        (void)RtlConvertSidToUnicodeString(&text, user->User.Sid, FALSE);
        ExFreePool(user);
    }
    if (NT_SUCCESS(SeQueryInformationToken(token, TokenStatistics, (PVOID *)&statistics))) {
        seen->logon_id = statistics->AuthenticationId;
        ExFreePool(statistics);
    }
    if (NT_SUCCESS(SeQueryInformationToken(token, TokenSessionId, &by_value)))
        seen->session_id = (ULONG)(ULONG_PTR)by_value;
    by_value = NULL;
    if (NT_SUCCESS(SeQueryInformationToken(token, TokenIntegrityLevel, &by_value)))
        seen->integrity = (ULONG)(ULONG_PTR)by_value;
    if ((sample_flaws & SAMPLE_KEEPS_TOKEN) == 0)
        PsDereferencePrimaryToken(token);
}

static void look(PEPROCESS process, HANDLE process_id, const PS_CREATE_NOTIFY_INFO *info)
{
    struct sample_seen *seen = &sample_seen;

    RtlZeroMemory(seen, sizeof(*seen));
    seen->process_id = process_id;
    seen->create_time = PsGetProcessCreateTimeQuadPart(process);
    seen->exit_status = PsGetProcessExitStatus(process);
    look_at_token(process, seen);
    if (info == NULL)
        return;
    seen->parent_process_id = info->ParentProcessId;
    seen->creating_thread = info->CreatingThreadId.UniqueThread;
    seen->has_image = info->ImageFileName != NULL;
    seen->has_command_line = info->CommandLine != NULL;
    if (info->ImageFileName != NULL && info->ImageFileName->Length != 0) {
        seen->image_bytes = info->ImageFileName->Length;
        seen->image_first = info->ImageFileName->Buffer[0];
    }
    if (info->CommandLine != NULL && info->CommandLine->Length != 0) {
        seen->command_line_bytes = info->CommandLine->Length;
        seen->command_line_last = info->CommandLine->Buffer[info->CommandLine->Length / sizeof(WCHAR) - 1];
    }
}

static void misdo(PEPROCESS process, PS_CREATE_NOTIFY_INFO *info)
{
    HANDLE handle;
    KIRQL irql;

    if ((sample_flaws & SAMPLE_ROUTINE_REMOVES_ITSELF) != 0)
        (void)sample_unregister();
    if ((sample_flaws & SAMPLE_ROUTINE_READS_BEHIND) != 0)
        sample_seen.image_first = *(volatile WCHAR *)(info->ImageFileName->Buffer + info->ImageFileName->Length / 2);
    if ((sample_flaws & SAMPLE_ROUTINE_DENIES) != 0)
        info->CreationStatus = STATUS_ACCESS_DENIED;
    if ((sample_flaws & SAMPLE_ROUTINE_OPENS_PROCESS) != 0 &&
        NT_SUCCESS(ObOpenObjectByPointer(process, OBJ_KERNEL_HANDLE, NULL, 0, NULL, KernelMode, &handle)))
        (void)ZwClose(handle);
    if ((sample_flaws & SAMPLE_ROUTINE_STAYS_AT_APC) != 0)
        KeRaiseIrql(APC_LEVEL, &irql);
}

static void routine(PEPROCESS process, HANDLE process_id, PS_CREATE_NOTIFY_INFO *info)
{
    if (registered == 0)
        InterlockedIncrement((volatile LONG *)&sample_counts.after_removal);
    InterlockedIncrement((volatile LONG *)(info != NULL ? &sample_counts.creations : &sample_counts.exits));
    if (sample_looks)
        look(process, process_id, info);
    if (info != NULL)
        misdo(process, info);
}

NTSTATUS sample_register(void)
{
    NTSTATUS status;

    registered = 1;
    status = PsSetCreateProcessNotifyRoutineEx(routine, FALSE);
    if (!NT_SUCCESS(status))
        registered = 0;
    return status;
}

NTSTATUS sample_unregister(void)
{
    NTSTATUS status = PsSetCreateProcessNotifyRoutineEx(routine, TRUE);

    registered = 0;
    return status;
}
