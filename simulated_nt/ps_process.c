/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps: processes, which tests create and end in threads of their own choosing. The texts of a creation are
 * exactly as long as told and end at a page that nobody may touch; they and the PS_CREATE_NOTIFY_INFO go
 * when the routines are through.
 */
#include "simulated_nt/ps_internal.h"

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/ob_internal.h"
#include "simulated_nt/sim_guard.h"

#define SYSTEM_PROCESS_ID 4U
#define UNIX_EPOCH_100NS  116444736000000000LL
#define TEXT_BYTES_MAX    0xfffeU

PEPROCESS PsInitialSystemProcess;

static struct sim_host_lock processes_lock;
static struct sim_process *processes; /* processes_lock: each holds a reference until its exit */
static uint64_t last_process_id = 1000;
static uint64_t last_start_key = 0x1000000000000ULL;

static void lock(void)
{
    sim_own_begin();
    sim_host_lock_acquire(&processes_lock);
}

static void unlock(void)
{
    sim_host_lock_release(&processes_lock);
    sim_own_end();
}

/* ---- objects ---------------------------------------------------------------------------------- */

static void process_destroy(void *object)
{
    struct sim_process *process = object;

    sim_object_dereference("a process's end", process->token);
}

static int64_t now_100ns(void)
{
    return UNIX_EPOCH_100NS + (int64_t)(sim_host_realtime_ns() / 100);
}

static struct sim_process *process_make(const struct sim_process_spec *spec)
{
    struct sim_process *process = sim_object_create(SIM_OBJECT_PROCESS, sizeof(*process), process_destroy);
    struct sim_thread *self = sim_thread_self();

    process->process_id =
        spec->process_id != 0 ? spec->process_id : __atomic_add_fetch(&last_process_id, 4, __ATOMIC_RELAXED);
    process->parent_process_id = spec->parent_process_id != 0 ? spec->parent_process_id : self->process_id;
    process->create_time_100ns = spec->create_time_100ns != 0 ? spec->create_time_100ns : now_100ns();
    process->start_key =
        spec->start_key != 0 ? spec->start_key : __atomic_add_fetch(&last_start_key, 1, __ATOMIC_RELAXED);
    process->token = sim_token_or_system(spec->token);
    sim_object_reference("sim_process_create", process->token);
    process->exit_status = STATUS_PENDING;
    return process;
}

/* With the lock. */
static struct sim_process *find(uint64_t process_id)
{
    struct sim_process *process = processes;

    while (process != NULL && process->process_id != process_id)
        process = process->next;
    return process;
}

static void list_add(struct sim_process *process)
{
    lock();
    if (find(process->process_id) != NULL)
        sim_broken("sim_process_create", "process %llu runs already", (unsigned long long)process->process_id);
    process->next = processes;
    processes = process;
    unlock();
}

static void list_remove(const char *call, struct sim_process *process)
{
    struct sim_process **link;

    lock();
    for (link = &processes; *link != NULL && *link != process; link = &(*link)->next)
        continue;
    if (*link == NULL)
        sim_broken(call, "process %p does not run", (void *)process);
    *link = process->next;
    unlock();
}

void sim_process_init(void)
{
    static const struct sim_process_spec spec = {.process_id = SYSTEM_PROCESS_ID, .silent = true};

    if (PsInitialSystemProcess != NULL)
        return;
    PsInitialSystemProcess = (PEPROCESS)(void *)process_make(&spec);
    ((struct sim_process *)(void *)PsInitialSystemProcess)->parent_process_id = 0;
    list_add((struct sim_process *)(void *)PsInitialSystemProcess);
    sim_routine_add("PsGetProcessStartKey", (void (*)(void))PsGetProcessStartKey);
}

struct sim_process *sim_process_system(void)
{
    return (struct sim_process *)(void *)PsInitialSystemProcess;
}

struct sim_process *sim_process_of(const char *call, PEPROCESS process)
{
    if (!sim_object_is(process, SIM_OBJECT_PROCESS))
        sim_broken(call, "%p is not a process, or not any more", (void *)process);
    return (struct sim_process *)(void *)process;
}

/* ---- creating --------------------------------------------------------------------------------- */

struct creation {
    PS_CREATE_NOTIFY_INFO *info; /* guarded, and all that it points to */
    UNICODE_STRING *image;
    UNICODE_STRING *command_line;
    FILE_OBJECT *file;
};

static UNICODE_STRING *text_make(const char *what, const sim_utf16 *text, size_t bytes)
{
    UNICODE_STRING *string;

    if (text == NULL)
        return NULL;
    if (bytes > TEXT_BYTES_MAX) /* half a unit at the end is the creator's to bring about */
        sim_broken("sim_process_create", "%s of %zu bytes", what, bytes);
    string = sim_guard_allocate(sizeof(*string), 0, 0, "the UNICODE_STRING of %s", what);
    string->Length = (USHORT)bytes;
    string->MaximumLength = (USHORT)bytes;
    string->Buffer = sim_guard_allocate(bytes, (unsigned)((16 - bytes % 16) % 16), 0, "%s", what);
    __builtin_memcpy(string->Buffer, text, bytes);
    return string;
}

static void text_free(UNICODE_STRING *string)
{
    static const char why[] = "went when the routine came back";

    if (string == NULL)
        return;
    sim_guard_free("a notify routine", string->Buffer, why);
    sim_guard_free("a notify routine", string, why);
}

static struct creation creation_make(const struct sim_process_spec *spec, struct sim_process *process)
{
    struct sim_thread *self = sim_thread_self();
    uint64_t creator = spec->creating_process_id != 0 ? spec->creating_process_id : self->process_id;
    uint64_t thread = spec->creating_thread_id != 0 ? spec->creating_thread_id : self->thread_id;
    struct creation creation = {.image = text_make("CreateInfo->ImageFileName", spec->image, spec->image_bytes),
                                .command_line =
                                    text_make("CreateInfo->CommandLine", spec->command_line, spec->command_line_bytes)};

    if (spec->has_file_object)
        creation.file = sim_object_create(SIM_OBJECT_FILE, sizeof(FILE_OBJECT), NULL);
    creation.info = sim_guard_allocate(sizeof(*creation.info), 0, 0, "CreateInfo");
    *creation.info =
        (PS_CREATE_NOTIFY_INFO){.Size = sizeof(*creation.info),
                                .FileOpenNameAvailable = spec->file_open_name_available,
                                .ParentProcessId = (HANDLE)process->parent_process_id,
                                .CreatingThreadId = {.UniqueProcess = (HANDLE)creator, .UniqueThread = (HANDLE)thread},
                                .FileObject = creation.file,
                                .ImageFileName = creation.image,
                                .CommandLine = creation.command_line,
                                .CreationStatus = STATUS_SUCCESS};
    return creation;
}

static void creation_free(struct creation *creation)
{
    sim_guard_free("a notify routine", creation->info, "went when the routine came back");
    text_free(creation->image);
    text_free(creation->command_line);
    if (creation->file != NULL)
        sim_object_dereference("a notify routine", creation->file);
}

static NTSTATUS announce(const struct sim_process_spec *spec, struct sim_process *process)
{
    struct creation creation = creation_make(spec, process);
    NTSTATUS status;

    sim_notify_call(process, creation.info);
    status = creation.info->CreationStatus;
    creation_free(&creation);
    return status;
}

struct sim_process *sim_process_create(const struct sim_process_spec *spec, sim_status *ret_status)
{
    struct sim_process *process;
    NTSTATUS status;

    sim_process_init();
    process = process_make(spec);
    list_add(process);
    status = spec->silent ? STATUS_SUCCESS : announce(spec, process);
    if (ret_status != NULL)
        *ret_status = status;
    if (!NT_SUCCESS(status)) {
        sim_process_exit(process, status);
        return NULL;
    }
    return process;
}

void sim_process_exit(struct sim_process *process, sim_status exit_status)
{
    (void)sim_process_of("sim_process_exit", (PEPROCESS)(void *)process);
    __atomic_store_n(&process->exit_status, exit_status, __ATOMIC_RELEASE);
    sim_notify_call(process, NULL);
    list_remove("sim_process_exit", process);
    sim_object_dereference("sim_process_exit", process);
}

uint64_t sim_process_id(const struct sim_process *process)
{
    return process->process_id;
}

void sim_thread_process(struct sim_process *process)
{
    sim_thread_self()->process = process;
    sim_thread_process_set(process == NULL ? SYSTEM_PROCESS_ID : process->process_id);
}

/* System stays. */
void sim_process_reset(void)
{
    struct sim_process *process, *next;

    lock();
    process = processes;
    processes = NULL;
    unlock();
    for (; process != NULL; process = next) {
        next = process->next;
        if (process == sim_process_system()) {
            process->next = NULL;
            processes = process;
        } else {
            sim_object_dereference("sim_io_reset", process);
        }
    }
}

NTSTATUS NTAPI PsLookupProcessByProcessId(IN HANDLE ProcessId, OUT PEPROCESS *Process)
{
    struct sim_process *process;

    sim_require_irql_at_most("PsLookupProcessByProcessId", APC_LEVEL);
    if (sim_fault_here("PsLookupProcessByProcessId", __builtin_return_address(0)))
        return STATUS_INVALID_PARAMETER;
    lock();
    process = find((uint64_t)(ULONG_PTR)ProcessId);
    if (process != NULL)
        sim_object_reference_for_driver("PsLookupProcessByProcessId", process);
    unlock();
    if (process == NULL)
        return STATUS_INVALID_PARAMETER;
    *Process = (PEPROCESS)(void *)process;
    return STATUS_SUCCESS;
}
