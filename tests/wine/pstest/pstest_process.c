/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Made-up processes and their tokens, and what the driver under test asks about them. References
 * are counted, so that a test sees one that was not given back.
 */
#include "pstest_process.h"

#define FAKE_TAG 0x7473504dU /* MPst */

static KSPIN_LOCK lock;
static LIST_ENTRY processes; /* running, and ended with references left */
static struct {
    uint64_t references; /* of those, what the driver under test took */
    uint64_t token_references;
    uint64_t violations;
    uint64_t running;
} counts;

typedef VOID FASTCALL dereference_function(PVOID object);
static dereference_function *real_dereference;

static void *system_routine(const WCHAR *name)
{
    UNICODE_STRING text;

    RtlInitUnicodeString(&text, name);
    return MmGetSystemRoutineAddress(&text);
}

void fake_processes_init(void)
{
    /* S-1-5-18 */
    static const struct pstest_raise system = {
        .pid = FAKE_SYSTEM_PID,
        .create_time = FAKE_SYSTEM_CREATE_TIME,
        .integrity_rid = 0x4000,
        .logon_id = 0x3e7,
        .flags = PSTEST_ADMIN,
        .sid_bytes = 12,
        .sid = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0},
    };

    KeInitializeSpinLock(&lock);
    InitializeListHead(&processes);
    real_dereference = (dereference_function *)(ULONG_PTR)system_routine(L"ObfDereferenceObject");
    (void)fake_process_begin(&system);
}

void fake_processes_deinit(void)
{
    while (!IsListEmpty(&processes))
        ExFreePoolWithTag(CONTAINING_RECORD(RemoveHeadList(&processes), struct fake_process, entry), FAKE_TAG);
}

struct fake_process *fake_process_begin(const struct pstest_raise *raise)
{
    KIRQL irql;
    struct fake_process *process = ExAllocatePoolWithTag(NonPagedPool, sizeof(*process), FAKE_TAG);

    if (!process)
        return NULL;
    RtlZeroMemory(process, sizeof(*process));
    process->references = 1;
    process->running = TRUE;
    process->pid = raise->pid;
    process->create_time = raise->create_time;
    process->exit_status = raise->exit_status;
    process->flags = raise->flags;
    process->session_id = raise->session_id;
    process->integrity_rid = raise->integrity_rid;
    process->logon_id = raise->logon_id;
    process->sid_bytes = raise->sid_bytes;
    RtlCopyMemory(process->sid, raise->sid, sizeof(process->sid));
    process->token.process = process;

    KeAcquireSpinLock(&lock, &irql);
    InsertHeadList(&processes, &process->entry);
    counts.running++;
    KeReleaseSpinLock(&lock, irql);
    return process;
}

static struct fake_process *find(uint64_t pid, BOOLEAN counted)
{
    KIRQL irql;
    struct fake_process *found = NULL;

    KeAcquireSpinLock(&lock, &irql);
    for (LIST_ENTRY *entry = processes.Flink; entry != &processes && !found; entry = entry->Flink) {
        struct fake_process *process = CONTAINING_RECORD(entry, struct fake_process, entry);
        if (process->running && process->pid == pid)
            found = process;
    }
    if (found) {
        found->references++;
        counts.references += counted;
    }
    KeReleaseSpinLock(&lock, irql);
    return found;
}

struct fake_process *fake_process_find(uint64_t pid)
{
    return find(pid, FALSE);
}

/* False where `object` is none of ours. `lock` is held. */
static BOOLEAN is_fake(const void *object)
{
    for (LIST_ENTRY *entry = processes.Flink; entry != &processes; entry = entry->Flink)
        if (CONTAINING_RECORD(entry, struct fake_process, entry) == object)
            return TRUE;
    return FALSE;
}

static BOOLEAN drop(struct fake_process *process)
{
    /* The reference of its running is not the caller's to give back. */
    if (process->references <= (process->running ? 1 : 0)) {
        counts.violations++;
        return FALSE;
    }
    process->references--;
    if (process->references || process->token_references)
        return FALSE;
    RemoveEntryList(&process->entry);
    return TRUE;
}

void fake_process_release(struct fake_process *process)
{
    KIRQL irql;
    BOOLEAN last;

    KeAcquireSpinLock(&lock, &irql);
    last = drop(process);
    KeReleaseSpinLock(&lock, irql);
    if (last)
        ExFreePoolWithTag(process, FAKE_TAG);
}

void fake_process_end(struct fake_process *process)
{
    KIRQL irql;

    KeAcquireSpinLock(&lock, &irql);
    process->running = FALSE;
    process->references--; /* the caller has another */
    counts.running--;
    KeReleaseSpinLock(&lock, irql);
}

void fake_processes_count(struct pstest_status *status)
{
    KIRQL irql;

    KeAcquireSpinLock(&lock, &irql);
    status->references = counts.references;
    status->token_references = counts.token_references;
    status->violations = counts.violations;
    status->processes = counts.running;
    KeReleaseSpinLock(&lock, irql);
}

/* ---- what pstest.def exports under the kernel's names ---------------------------------------------- */

NTSTATUS NTAPI pstest_lookup_process(HANDLE pid, PEPROCESS *ret_process);
NTSTATUS NTAPI pstest_lookup_process(HANDLE pid, PEPROCESS *ret_process)
{
    struct fake_process *process = find((uint64_t)(ULONG_PTR)pid, TRUE);

    if (!process)
        return STATUS_INVALID_PARAMETER;
    *ret_process = (PEPROCESS)(void *)process;
    return STATUS_SUCCESS;
}

VOID FASTCALL pstest_dereference_object(PVOID object);
VOID FASTCALL pstest_dereference_object(PVOID object)
{
    KIRQL irql;
    BOOLEAN fake;
    BOOLEAN last = FALSE;

    KeAcquireSpinLock(&lock, &irql);
    fake = is_fake(object);
    if (fake && !counts.references)
        counts.violations++;
    else if (fake) {
        counts.references--;
        last = drop(object);
    }
    KeReleaseSpinLock(&lock, irql);
    if (last)
        ExFreePoolWithTag(object, FAKE_TAG);
    if (!fake)
        real_dereference(object);
}

static struct fake_process *fake_of(PEPROCESS process)
{
    return (struct fake_process *)(void *)process;
}

LONGLONG NTAPI pstest_process_create_time(PEPROCESS process);
LONGLONG NTAPI pstest_process_create_time(PEPROCESS process)
{
    return fake_of(process)->create_time;
}

NTSTATUS NTAPI pstest_process_exit_status(PEPROCESS process);
NTSTATUS NTAPI pstest_process_exit_status(PEPROCESS process)
{
    return fake_of(process)->exit_status;
}

PACCESS_TOKEN NTAPI pstest_reference_token(PEPROCESS process);
PACCESS_TOKEN NTAPI pstest_reference_token(PEPROCESS process)
{
    KIRQL irql;
    struct fake_process *fake = fake_of(process);

    KeAcquireSpinLock(&lock, &irql);
    fake->token_references++;
    counts.token_references++;
    KeReleaseSpinLock(&lock, irql);
    return &fake->token;
}

VOID NTAPI pstest_dereference_token(PACCESS_TOKEN token);
VOID NTAPI pstest_dereference_token(PACCESS_TOKEN token)
{
    KIRQL irql;
    struct fake_process *fake = ((struct fake_token *)token)->process;
    BOOLEAN last = FALSE;

    KeAcquireSpinLock(&lock, &irql);
    if (fake->token_references <= 0)
        counts.violations++;
    else {
        fake->token_references--;
        counts.token_references--;
        last = !fake->token_references && !fake->references;
        if (last)
            RemoveEntryList(&fake->entry);
    }
    KeReleaseSpinLock(&lock, irql);
    if (last)
        ExFreePoolWithTag(fake, FAKE_TAG);
}

BOOLEAN NTAPI pstest_token_is_admin(PACCESS_TOKEN token);
BOOLEAN NTAPI pstest_token_is_admin(PACCESS_TOKEN token)
{
    return (((struct fake_token *)token)->process->flags & PSTEST_ADMIN) != 0;
}

/* The caller frees with ExFreePool, so without a tag. */
static NTSTATUS give_user(const struct fake_process *fake, PVOID *ret_information)
{
    TOKEN_USER *user = ExAllocatePool(PagedPool, sizeof(*user) + fake->sid_bytes);

    if (!user)
        return STATUS_INSUFFICIENT_RESOURCES;
    user->User.Sid = user + 1;
    user->User.Attributes = 0;
    RtlCopyMemory(user->User.Sid, fake->sid, fake->sid_bytes);
    *ret_information = user;
    return STATUS_SUCCESS;
}

static NTSTATUS give_statistics(const struct fake_process *fake, PVOID *ret_information)
{
    TOKEN_STATISTICS *statistics = ExAllocatePool(PagedPool, sizeof(*statistics));

    if (!statistics)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(statistics, sizeof(*statistics));
    statistics->AuthenticationId.LowPart = (ULONG)fake->logon_id;
    statistics->AuthenticationId.HighPart = (LONG)(fake->logon_id >> 32);
    *ret_information = statistics;
    return STATUS_SUCCESS;
}

/* As Windows does it: what is a ULONG is not allocated but stands in the pointer's place, four bytes of it. */
NTSTATUS NTAPI pstest_query_token(PACCESS_TOKEN token, TOKEN_INFORMATION_CLASS class, PVOID *ret_information);
NTSTATUS NTAPI pstest_query_token(PACCESS_TOKEN token, TOKEN_INFORMATION_CLASS class, PVOID *ret_information)
{
    const struct fake_process *fake = ((struct fake_token *)token)->process;

    if (fake->flags & PSTEST_NO_TOKEN)
        return STATUS_ACCESS_DENIED;
    switch ((int)class) {
    case TokenUser:
        return give_user(fake, ret_information);
    case TokenStatistics:
        return give_statistics(fake, ret_information);
    case TokenSessionId:
        *(ULONG *)ret_information = fake->session_id;
        return STATUS_SUCCESS;
    case TokenIntegrityLevel:
        *(ULONG *)ret_information = fake->integrity_rid;
        return STATUS_SUCCESS;
    case TokenElevation:
        *(ULONG *)ret_information = (fake->flags & PSTEST_ADMIN) != 0;
        return STATUS_SUCCESS;
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}
