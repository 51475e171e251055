/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io: the driver, from DriverEntry to what it may have left behind. One at a time. DriverEntry and DriverUnload
 * run in the calling thread, which is the System process's for that long.
 */
#include "simulated_nt/io_internal.h"

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/ps_internal.h"
#include "simulated_nt/ps_thread.h"

#define SYSTEM_PROCESS_ID   4U
#define ENDED_THREAD_MAX_MS 1000U

static DRIVER_OBJECT *driver; /* written by load and unload alone */
static bool has_integrity;    /* likewise */
static WCHAR driver_name[SIM_NAME_UNITS_MAX];

DRIVER_OBJECT *sim_driver_object(void)
{
    return driver;
}

bool sim_driver_has_integrity(void)
{
    return has_integrity;
}

bool sim_driver_loaded(void)
{
    return driver != NULL;
}

/* ---- as the System process -------------------------------------------------------------------- */

struct context {
    void *process;
    uint64_t process_id;
    struct sim_call call;
};

static void enter_system(struct context *context, const char *name)
{
    struct sim_thread *self = sim_thread_self();

    sim_require_irql_at_most(name, PASSIVE_LEVEL);
    context->process = self->process;
    context->process_id = self->process_id;
    self->process = NULL;
    sim_thread_process_set(SYSTEM_PROCESS_ID);
    sim_call_begin(&context->call, name, KernelMode);
}

static void leave_system(struct context *context)
{
    sim_call_end(&context->call);
    sim_thread_self()->process = context->process;
    sim_thread_process_set(context->process_id);
}

struct system_threads {
    const char *call;
    unsigned count;
};

static void check_thread(void *object, void *context)
{
    const struct sim_kthread *thread = object;
    struct system_threads *threads = context;

    if (thread->routine == NULL)
        return;
    if (thread->header.SignalState == 0)
        sim_broken(threads->call, "system thread %llu, begun at %p, still runs", (unsigned long long)thread->thread_id,
                   (void *)(ULONG_PTR)thread->routine);
    threads->count++;
}

/* A thread that has ended is signalled a moment before it is gone from the host; then this waits for it, so
 * that a test may fork afterwards. Not for ever: the driver may hold a reference, which is told later. */
static void check_threads(const char *call)
{
    struct system_threads threads;

    for (unsigned i = 0; i < ENDED_THREAD_MAX_MS; i++) {
        threads = (struct system_threads){.call = call};
        sim_object_each(SIM_OBJECT_THREAD, check_thread, &threads);
        if (threads.count == 0)
            return;
        sim_host_sleep_ns(1000000);
    }
}

static void check_leaks(const char *call)
{
    check_threads(call);
    if (driver->DeviceObject != NULL)
        sim_broken(call, "device %p is still there", (void *)driver->DeviceObject);
    sim_name_check_leaks(call);
    sim_notify_check_leaks(call);
    sim_request_check_leaks(call);
    sim_handle_check_leaks(call);
    sim_object_check_leaks(call);
    sim_pool_require_no_leaks(call, 0);
}

/* ---- loading ---------------------------------------------------------------------------------- */

static void append(UNICODE_STRING *to, const sim_utf16 *text)
{
    while (*text != 0 && to->Length < SIM_NAME_UNITS_MAX * sizeof(WCHAR)) {
        to->Buffer[to->Length / sizeof(WCHAR)] = (WCHAR)*text++;
        to->Length += sizeof(WCHAR);
    }
    to->MaximumLength = to->Length;
}

static void object_create(sim_driver_entry *entry, const sim_utf16 *name)
{
    driver = sim_object_create(SIM_OBJECT_DRIVER, sizeof(*driver), NULL);
    driver->Type = IO_TYPE_DRIVER;
    driver->Size = sizeof(*driver);
    driver->DriverInit = entry;
    driver->DriverName.Buffer = driver_name;
    append(&driver->DriverName, (const sim_utf16 *)L"\\Driver\\");
    append(&driver->DriverName, name);
    for (unsigned i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        driver->MajorFunction[i] = sim_invalid_device_request;
}

static void object_drop(void)
{
    DRIVER_OBJECT *gone = driver;

    driver = NULL;
    has_integrity = false;
    sim_object_dereference("an unload", gone);
}

/* Gone when DriverEntry has returned, as on Windows: who needs it copies it. */
static UNICODE_STRING *registry_path_create(const sim_utf16 *name)
{
    static const sim_utf16 services[] = L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\";
    WCHAR units[SIM_NAME_UNITS_MAX];
    UNICODE_STRING text = {.Buffer = units};
    UNICODE_STRING *path = sim_guard_allocate(sizeof(*path), 0, 0, "the UNICODE_STRING of RegistryPath");

    append(&text, services);
    append(&text, name);
    *path = text;
    path->Buffer = sim_guard_allocate(text.Length, (16U - text.Length % 16U) % 16U, 0, "RegistryPath");
    __builtin_memcpy(path->Buffer, units, text.Length);
    return path;
}

static void registry_path_free(UNICODE_STRING *path)
{
    sim_guard_free("DriverEntry", path->Buffer, "went when DriverEntry came back");
    sim_guard_free("DriverEntry", path, "went when DriverEntry came back");
}

static NTSTATUS call_entry(sim_driver_entry *entry, const sim_utf16 *name)
{
    UNICODE_STRING *path = registry_path_create(name);
    struct context context;
    NTSTATUS status;

    enter_system(&context, "DriverEntry");
    status = entry(driver, path);
    leave_system(&context);
    registry_path_free(path);
    return status;
}

sim_status sim_driver_load(sim_driver_entry *entry, const sim_utf16 *name, unsigned flags)
{
    NTSTATUS status;

    if (driver != NULL)
        sim_broken("sim_driver_load", "a driver is loaded");
    sim_process_init();
    sim_cancel_init();
    has_integrity = (flags & SIM_FORCE_INTEGRITY) != 0;
    object_create(entry, name);
    status = call_entry(entry, name);
    if (NT_SUCCESS(status)) {
        sim_device_ready_all(driver);
    } else {
        check_leaks("DriverEntry, which failed");
        object_drop();
    }
    return status;
}

/* ---- unloading -------------------------------------------------------------------------------- */

/* False where files are open and nobody wants to wait. */
static bool wait_for_files(bool wait)
{
    bool is_open;

    sim_io_lock();
    is_open = sim_device_any_open(driver);
    if (!is_open || wait)
        sim_device_set_unload_pending(driver);
    while (wait && sim_device_any_open(driver))
        sim_io_wait_for(&sim_io_changed);
    sim_io_unlock();
    sim_device_note_closed();
    return wait || !is_open;
}

sim_status sim_driver_unload(bool wait)
{
    struct context context;

    if (driver == NULL)
        sim_broken("sim_driver_unload", "no driver is loaded");
    if (driver->DriverUnload == NULL)
        return STATUS_INVALID_DEVICE_REQUEST;
    if (!wait_for_files(wait))
        return STATUS_ACCESS_DENIED;
    enter_system(&context, "DriverUnload");
    driver->DriverUnload(driver);
    leave_system(&context);
    check_leaks("DriverUnload");
    object_drop();
    return STATUS_SUCCESS;
}

/* ---- tests' names ----------------------------------------------------------------------------- */

void sim_name_take(const sim_utf16 *path)
{
    UNICODE_STRING name;

    RtlInitUnicodeString(&name, (PCWSTR)path);
    if (!sim_name_insert(&name, NULL, NULL))
        sim_broken("sim_name_take", "\"%s\" is taken", sim_name_text(&name));
}

void sim_name_release(const sim_utf16 *path)
{
    UNICODE_STRING name;

    RtlInitUnicodeString(&name, (PCWSTR)path);
    if (!sim_name_remove(&name, false))
        sim_broken("sim_name_release", "\"%s\" is not taken", sim_name_text(&name));
}

void sim_io_reset(void)
{
    if (driver != NULL)
        sim_broken("sim_io_reset", "a driver is loaded");
    sim_file_reset();
    sim_process_reset();
    sim_name_reset();
}
