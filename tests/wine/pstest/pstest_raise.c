/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the one callback, and calls it as Windows does: a start in the context of its creator, with
 * strings of exactly the length that was given and no NUL behind them; an exit without CreateInfo.
 * Removing waits for calls in flight.
 */
#include "pstest_raise.h"
#include "pstest_main.h"
#include "pstest_process.h"

#define RAISE_TAG     0x7273504dU /* MPsr */
#define STORM_THREADS 16
#define STORM_UNITS   0x8000
#define STRING_MAX    0xfffeU
#define NOT_A_NUL     0x2603 /* stands behind a string, where a careless reader looks for a NUL */
#define POLL_100NS    (-10000LL)

static PCREATE_PROCESS_NOTIFY_ROUTINE_EX volatile callback;
static LONG volatile in_flight;
static LONG volatile storm_threads;
static LONG volatile stopping;
static HANDLE threads[STORM_THREADS]; /* that were started and not waited for */
static uint32_t thread_count;
static struct {
    LONG64 volatile registrations, refusals, raised, unheard, denied;
} counts;

static void pause(void)
{
    LARGE_INTEGER interval = {.QuadPart = POLL_100NS};

    KeDelayExecutionThread(KernelMode, FALSE, &interval);
}

/* What the policy says that registration fails with. */
static NTSTATUS refusal(void)
{
    UCHAR answer[sizeof(KEY_VALUE_PARTIAL_INFORMATION) + sizeof(NTSTATUS)] __attribute__((aligned(8)));
    KEY_VALUE_PARTIAL_INFORMATION *value = (KEY_VALUE_PARTIAL_INFORMATION *)(void *)answer;
    UNICODE_STRING key_name, value_name;
    OBJECT_ATTRIBUTES attributes;
    NTSTATUS refused = STATUS_SUCCESS;
    HANDLE key;
    ULONG bytes;

    RtlInitUnicodeString(&key_name, L"\\Registry\\Machine\\" PSTEST_POLICY_KEY);
    RtlInitUnicodeString(&value_name, PSTEST_POLICY_REFUSE);
    InitializeObjectAttributes(&attributes, &key_name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    if (!NT_SUCCESS(ZwOpenKey(&key, KEY_QUERY_VALUE, &attributes)))
        return STATUS_SUCCESS;
    if (NT_SUCCESS(ZwQueryValueKey(key, &value_name, KeyValuePartialInformation, value, sizeof(answer), &bytes)) &&
        value->DataLength == sizeof(refused))
        RtlCopyMemory(&refused, value->Data, sizeof(refused));
    ZwClose(key);
    return refused;
}

static NTSTATUS add_routine(PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine)
{
    NTSTATUS status = refusal();

    if (NT_SUCCESS(status) && callback)
        status = STATUS_INVALID_PARAMETER;
    if (NT_SUCCESS(status))
        status = pstest_begin();
    if (!NT_SUCCESS(status))
        return status;
    stopping = 0;
    InterlockedExchangePointer((PVOID volatile *)&callback, (PVOID)(ULONG_PTR)routine);
    InterlockedIncrement64(&counts.registrations);
    return STATUS_SUCCESS;
}

static void join_threads(void)
{
    while (thread_count) {
        HANDLE thread = threads[--thread_count];
        ZwWaitForSingleObject(thread, FALSE, NULL);
        ZwClose(thread);
    }
}

static NTSTATUS remove_routine(PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine)
{
    PVOID expected = (PVOID)(ULONG_PTR)routine;

    if (InterlockedCompareExchangePointer((PVOID volatile *)&callback, NULL, expected) != expected)
        return STATUS_PROCEDURE_NOT_FOUND;
    while (in_flight)
        pause();
    /* What follows is of no meaning to Windows: the image of these threads goes with the one that removed. */
    InterlockedExchange(&stopping, 1);
    join_threads();
    pstest_end();
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI pstest_set_notify_routine(PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine, BOOLEAN remove);
NTSTATUS NTAPI pstest_set_notify_routine(PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine, BOOLEAN remove)
{
    NTSTATUS status = remove ? remove_routine(routine) : add_routine(routine);

    if (!NT_SUCCESS(status))
        InterlockedIncrement64(&counts.refusals);
    return status;
}

static void call(struct fake_process *process, PS_CREATE_NOTIFY_INFO *info)
{
    PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine;

    InterlockedIncrement(&in_flight); /* before the look, so that a remover waits for whoever saw it */
    routine = callback;
    if (routine) {
        routine((PEPROCESS)(void *)process, (HANDLE)(ULONG_PTR)process->pid, info);
        InterlockedIncrement64(&counts.raised);
    } else
        InterlockedIncrement64(&counts.unheard);
    InterlockedDecrement(&in_flight);
}

/* A copy with NOT_A_NUL behind it; freed by the caller. */
static NTSTATUS exact_string(const void *units, uint32_t bytes, UNICODE_STRING *ret_string)
{
    PWCH copy = ExAllocatePoolWithTag(NonPagedPool, bytes + sizeof(WCHAR), RAISE_TAG);

    if (!copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlCopyMemory(copy, units, bytes);
    copy[bytes / sizeof(WCHAR)] = NOT_A_NUL;
    ret_string->Buffer = copy;
    ret_string->Length = (USHORT)bytes;
    ret_string->MaximumLength = (USHORT)bytes;
    return STATUS_SUCCESS;
}

static void free_string(UNICODE_STRING *string)
{
    if (string->Buffer)
        ExFreePoolWithTag(string->Buffer, RAISE_TAG);
}

static void tell_start(const struct pstest_raise *raise, struct fake_process *process, UNICODE_STRING *image,
                       UNICODE_STRING *command)
{
    PS_CREATE_NOTIFY_INFO info;

    RtlZeroMemory(&info, sizeof(info));
    info.Size = sizeof(info);
    info.FileOpenNameAvailable = (raise->flags & PSTEST_OPENED_NAME) != 0;
    info.ParentProcessId = (HANDLE)(ULONG_PTR)raise->parent_pid;
    info.CreatingThreadId.UniqueProcess = (HANDLE)(ULONG_PTR)raise->creator_pid;
    info.CreatingThreadId.UniqueThread = (HANDLE)(ULONG_PTR)raise->creator_tid;
    info.ImageFileName = raise->flags & PSTEST_HAS_IMAGE ? image : NULL;
    info.CommandLine = raise->flags & PSTEST_HAS_COMMAND ? command : NULL;
    call(process, &info);
    if (info.CreationStatus != STATUS_SUCCESS)
        InterlockedIncrement64(&counts.denied);
}

/* `strings` has the image path and then the command line. */
static NTSTATUS start_process(const struct pstest_raise *raise, const uint8_t *strings)
{
    UNICODE_STRING image = {0}, command = {0};
    struct fake_process *process;
    NTSTATUS status = exact_string(strings, raise->image_bytes, &image);

    if (NT_SUCCESS(status))
        status = exact_string(strings + raise->image_bytes, raise->command_bytes, &command);
    if (NT_SUCCESS(status)) {
        process = fake_process_begin(raise);
        if (process)
            tell_start(raise, process, &image, &command);
        else
            status = STATUS_INSUFFICIENT_RESOURCES;
    }
    free_string(&command);
    free_string(&image);
    return status;
}

static NTSTATUS end_process(const struct pstest_raise *raise)
{
    struct fake_process *process = fake_process_find(raise->pid);

    if (!process) {
        struct fake_process *stranger = fake_process_begin(raise);
        process = stranger ? fake_process_find(raise->pid) : NULL;
    }
    if (!process)
        return STATUS_INSUFFICIENT_RESOURCES;
    process->exit_status = raise->exit_status;
    call(process, NULL); /* as on Windows, while it can still be looked up */
    fake_process_end(process);
    fake_process_release(process);
    return STATUS_SUCCESS;
}

NTSTATUS raise_event(const struct pstest_raise *raise, ULONG bytes)
{
    if (bytes < sizeof(*raise) || raise->bytes != bytes || raise->sid_bytes > PSTEST_SID_MAX_BYTES)
        return STATUS_INVALID_PARAMETER;
    if (raise->image_bytes > STRING_MAX || raise->image_bytes % 2 || raise->command_bytes > STRING_MAX ||
        raise->command_bytes % 2)
        return STATUS_INVALID_PARAMETER;
    if (bytes != sizeof(*raise) + raise->image_bytes + raise->command_bytes)
        return STATUS_INVALID_PARAMETER;
    switch (raise->kind) {
    case PSTEST_START:
        return start_process(raise, (const uint8_t *)(raise + 1));
    case PSTEST_EXIT:
        return end_process(raise);
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

/* ---- storms --------------------------------------------------------------------------------------- */

struct storm_thread {
    struct pstest_storm storm;
    uint32_t number;
    struct pstest_raise raise;
    WCHAR units[2 * STORM_UNITS];
};

static uint32_t put_text(WCHAR *units, uint32_t at, const char *text)
{
    while (*text)
        units[at++] = (WCHAR)*text++;
    return at;
}

static uint32_t put_number(WCHAR *units, uint32_t at, uint32_t number)
{
    char digits[11];
    uint32_t first = sizeof(digits) - 1;

    digits[first] = '\0';
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    return put_text(units, at, digits + first);
}

static void prepare(struct storm_thread *thread, uint32_t i)
{
    struct pstest_raise *raise = &thread->raise;
    WCHAR *command;
    uint32_t at;

    RtlZeroMemory(raise, sizeof(*raise));
    raise->kind = PSTEST_START;
    raise->pid = thread->storm.first_pid + 4 * (thread->number * thread->storm.count + i);
    raise->parent_pid = FAKE_SYSTEM_PID;
    raise->creator_pid = FAKE_SYSTEM_PID;
    raise->creator_tid = 8 + thread->number;
    raise->create_time = FAKE_SYSTEM_CREATE_TIME + (LONGLONG)raise->pid;
    raise->exit_status = (int32_t)i;
    raise->flags = PSTEST_HAS_IMAGE | PSTEST_HAS_COMMAND | PSTEST_OPENED_NAME | PSTEST_NO_TOKEN;

    at = put_text(thread->units, 0, "\\??\\C:\\storm\\");
    at = put_number(thread->units, at, thread->number);
    at = put_text(thread->units, at, "\\");
    at = put_number(thread->units, at, i);
    at = put_text(thread->units, at, ".exe");
    raise->image_bytes = at * sizeof(WCHAR);

    command = thread->units + at;
    at = put_text(command, 0, "storm ");
    at = put_number(command, at, thread->number);
    at = put_text(command, at, " ");
    at = put_number(command, at, i);
    while (at < thread->storm.command_bytes / sizeof(WCHAR))
        command[at++] = 'x';
    raise->command_bytes = at * sizeof(WCHAR);
}

static VOID NTAPI storm_main(PVOID context)
{
    struct storm_thread *thread = context;

    for (uint32_t i = 0; i < thread->storm.count && !stopping; i++) {
        prepare(thread, i);
        if (NT_SUCCESS(start_process(&thread->raise, (const uint8_t *)thread->units)))
            (void)end_process(&thread->raise);
    }
    ExFreePoolWithTag(thread, RAISE_TAG);
    InterlockedDecrement(&storm_threads);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static NTSTATUS start_thread(const struct pstest_storm *storm, uint32_t number)
{
    NTSTATUS status;
    struct storm_thread *thread = ExAllocatePoolWithTag(NonPagedPool, sizeof(*thread), RAISE_TAG);

    if (!thread)
        return STATUS_INSUFFICIENT_RESOURCES;
    thread->storm = *storm;
    thread->number = number;
    InterlockedIncrement(&storm_threads);
    status = PsCreateSystemThread(&threads[thread_count], THREAD_ALL_ACCESS, NULL, NULL, NULL, storm_main, thread);
    if (!NT_SUCCESS(status)) {
        InterlockedDecrement(&storm_threads);
        ExFreePoolWithTag(thread, RAISE_TAG);
        return status;
    }
    thread_count++;
    return STATUS_SUCCESS;
}

NTSTATUS raise_storm(const struct pstest_storm *storm)
{
    NTSTATUS status = STATUS_SUCCESS;

    if (storm->threads > STORM_THREADS || storm->command_bytes > STRING_MAX)
        return STATUS_INVALID_PARAMETER;
    if (storm_threads)
        return STATUS_DEVICE_BUSY;
    join_threads();
    for (uint32_t number = 0; number < storm->threads && NT_SUCCESS(status); number++)
        status = start_thread(storm, number);
    return status;
}

void raise_count(struct pstest_status *status)
{
    status->registered = callback != NULL;
    status->storm_threads = (uint32_t)storm_threads;
    status->registrations = (uint64_t)counts.registrations;
    status->refusals = (uint64_t)counts.refusals;
    status->raised = (uint64_t)counts.raised;
    status->unheard = (uint64_t)counts.unheard;
    status->denied = (uint64_t)counts.denied;
}
