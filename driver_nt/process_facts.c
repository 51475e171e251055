/* SPDX-License-Identifier: Apache-2.0 */
/* process_facts.h: times, parent and creator; token_facts.c has what the token says. */
#include "driver_nt/process_facts.h"

#include <stdbool.h>

#include "driver_nt/missing_from_ddk.h"
#include "driver_nt/token_facts.h"
#include "platform/nt_platform.h"

static void note(struct muster_record *record, enum muster_field field, bool known)
{
    if (known)
        record->valid |= MUSTER_FIELD_BIT(field);
    else
        record->unavailable |= MUSTER_FIELD_BIT(field);
}

/* When a process was created, on the stream's clock; 0 where the kernel does not say. */
static uint64_t create_time_ns(PEPROCESS process)
{
    return muster_nt_time_ns_of(PsGetProcessCreateTimeQuadPart(process));
}

static void identity_fill(struct muster_record *record, struct muster_process *who, PEPROCESS process, uint32_t pid)
{
    who->pid = pid;
    record->valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_PID);
    who->start_ns = create_time_ns(process);
    note(record, MUSTER_FIELD_START, who->start_ns != 0);
}

/* When the process of that id began, if it is one that began before `child_start_ns`: the id of a parent
 * that has ended may be another's by now. */
static uint64_t start_of(HANDLE process_id, uint64_t child_start_ns)
{
    PEPROCESS process;
    uint64_t start_ns;

    if (!NT_SUCCESS(PsLookupProcessByProcessId(process_id, &process)))
        return 0;
    start_ns = create_time_ns(process);
    ObDereferenceObject(process);
    return start_ns <= child_start_ns ? start_ns : 0;
}

/* Whom the new process is told to be the child of. Its creator can choose that. */
static void parent_fill(struct muster_process_start *start, const PS_CREATE_NOTIFY_INFO *info)
{
    struct muster_record *record = &start->record;

    start->process.parent_pid = (uint32_t)(ULONG_PTR)info->ParentProcessId;
    if (start->process.parent_pid == 0)
        return; /* it has none */
    record->valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_PARENT_PID);
    start->process.parent_start_ns = start_of(info->ParentProcessId, start->process.start_ns);
    note(record, MUSTER_FIELD_PARENT_START, start->process.parent_start_ns != 0);
}

/* Who called for it. */
static void creator_fill(struct muster_process_start *start, const PS_CREATE_NOTIFY_INFO *info)
{
    struct muster_record *record = &start->record;

    start->creator_pid = (uint32_t)(ULONG_PTR)info->CreatingThreadId.UniqueProcess;
    start->creator_tid = (uint32_t)(ULONG_PTR)info->CreatingThreadId.UniqueThread;
    record->valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_CREATOR_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_CREATOR_TID);
    if (start->creator_pid == start->process.parent_pid)
        start->creator_start_ns = start->process.parent_start_ns;
    else
        start->creator_start_ns = start_of(info->CreatingThreadId.UniqueProcess, start->process.start_ns);
    note(record, MUSTER_FIELD_CREATOR_START, start->creator_start_ns != 0);
}

void process_facts_of_start(struct muster_process_start *start, PEPROCESS process, uint32_t pid,
                            const PS_CREATE_NOTIFY_INFO *info)
{
    identity_fill(&start->record, &start->process, process, pid);
    parent_fill(start, info);
    creator_fill(start, info);
    token_facts_fill(start, process);
}

void process_facts_of_exit(struct muster_process_exit *exit, PEPROCESS process, uint32_t pid)
{
    struct muster_record *record = &exit->record;
    const uint64_t end_ns = record->time_ns;

    identity_fill(record, &exit->process, process, pid);
    exit->exit_code = (uint32_t)PsGetProcessExitStatus(process);
    record->valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_EXIT_CODE);
    if (exit->process.start_ns != 0 && exit->process.start_ns <= end_ns) {
        exit->run_time_ns = end_ns - exit->process.start_ns;
        record->valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_RUN_TIME);
    }
}
