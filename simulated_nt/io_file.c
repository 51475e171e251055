/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io: files and handles, from the open, which has to get past name, device and DACL before the driver hears
 * of it, to IRP_MJ_CLEANUP with the last handle and IRP_MJ_CLOSE with the last reference.
 */
#include "simulated_nt/io_internal.h"

struct sim_file {
    struct sim_file *next;
    FILE_OBJECT *object; /* a reference, until it is closed */
    ACCESS_MASK granted;
    bool is_closed; /* io_lock */
};

static struct sim_file *files; /* io_lock; closed ones too, until the reset */

struct sim_file_state *sim_file_state_of(const FILE_OBJECT *object)
{
    return (struct sim_file_state *)object->FileObjectExtension;
}

/* ---- file objects ----------------------------------------------------------------------------- */

static void send_close(FILE_OBJECT *object)
{
    if (sim_irql() != PASSIVE_LEVEL)
        sim_broken("ObDereferenceObject",
                   "the last reference to file object %p goes at IRQL %u, and IRP_MJ_CLOSE is sent "
                   "at PASSIVE_LEVEL",
                   (void *)object, sim_irql());
    (void)sim_request_run(sim_request_create(object, IRP_MJ_CLOSE, 0, NULL), NULL);
}

static void file_destroy(void *memory)
{
    FILE_OBJECT *object = memory;
    struct sim_file_state *state = sim_file_state_of(object);

    if (state->was_created)
        send_close(object);
    sim_device_open_end(object->DeviceObject);
    sim_object_dereference("a file's end", object->DeviceObject);
    sim_object_dereference("a file's end", state->token);
    if (object->FileName.Buffer != NULL)
        sim_guard_free("a file's end", object->FileName.Buffer, "went with its file object");
    sim_host_free(state);
}

static void set_name(FILE_OBJECT *object, const WCHAR *rest, ULONG rest_units)
{
    USHORT bytes = (USHORT)(rest_units * sizeof(WCHAR));

    if (rest_units == 0)
        return;
    object->FileName.Buffer = sim_guard_allocate(bytes, (16U - bytes) % 16U, 0, "FileObject->FileName");
    object->FileName.Length = bytes;
    object->FileName.MaximumLength = bytes;
    __builtin_memcpy(object->FileName.Buffer, rest, bytes);
}

/* Takes over the reference to the device and its count of opens. */
static FILE_OBJECT *file_create(DEVICE_OBJECT *device, struct sim_token *token, const WCHAR *rest, ULONG rest_units,
                                ACCESS_MASK granted, ULONG share)
{
    FILE_OBJECT *object = sim_object_create(SIM_OBJECT_FILE, sizeof(*object), file_destroy);
    struct sim_file_state *state = sim_host_allocate(sizeof(*state));

    sim_object_reference("an open", token);
    state->object = object;
    state->token = token;
    object->Type = IO_TYPE_FILE;
    object->Size = sizeof(*object);
    object->DeviceObject = device;
    object->ReadAccess = (granted & FILE_READ_DATA) != 0;
    object->WriteAccess = (granted & (FILE_WRITE_DATA | FILE_APPEND_DATA)) != 0;
    object->DeleteAccess = (granted & DELETE) != 0;
    object->SharedRead = (share & FILE_SHARE_READ) != 0;
    object->SharedWrite = (share & FILE_SHARE_WRITE) != 0;
    object->SharedDelete = (share & FILE_SHARE_DELETE) != 0;
    object->FileObjectExtension = state;
    set_name(object, rest, rest_units);
    return object;
}

/* ---- opening ---------------------------------------------------------------------------------- */

static NTSTATUS send_create(FILE_OBJECT *object, ACCESS_MASK desired, ACCESS_MASK granted, ULONG share)
{
    ACCESS_STATE *state = sim_guard_allocate(sizeof(*state), 0, 0, "the access state of IRP_MJ_CREATE");
    IO_SECURITY_CONTEXT *context = sim_guard_allocate(sizeof(*context), 0, 0, "the security context of IRP_MJ_CREATE");
    struct sim_request *request = sim_request_create(object, IRP_MJ_CREATE, 0, NULL);
    IO_STACK_LOCATION *stack = sim_request_stack(request);
    NTSTATUS status;

    state->OriginalDesiredAccess = desired;
    state->PreviouslyGrantedAccess = granted;
    state->SubjectSecurityContext.PrimaryToken = sim_file_state_of(object)->token;
    context->AccessState = state;
    context->DesiredAccess = granted;
    stack->Parameters.Create.SecurityContext = context;
    stack->Parameters.Create.Options = FILE_OPEN << 24;
    stack->Parameters.Create.ShareAccess = (USHORT)share;
    request->irp->Flags = IRP_CREATE_OPERATION | IRP_SYNCHRONOUS_API;
    status = sim_request_run(request, NULL);
    sim_guard_free("IRP_MJ_CREATE", context, "went with its IRP");
    sim_guard_free("IRP_MJ_CREATE", state, "went with its IRP");
    return status;
}

static struct sim_file *handle_create(FILE_OBJECT *object, ACCESS_MASK granted)
{
    struct sim_file *file = sim_host_allocate(sizeof(*file));

    file->object = object;
    file->granted = granted;
    sim_io_lock();
    sim_file_state_of(object)->handle_count++;
    file->next = files;
    files = file;
    sim_io_unlock();
    return file;
}

/* Without FILE_DEVICE_SECURE_OPEN, a name behind the device's is the driver's to protect. */
static NTSTATUS check_access(DEVICE_OBJECT *device, struct sim_token *token, ACCESS_MASK desired, ULONG rest_units,
                             ACCESS_MASK *ret_granted)
{
    static const struct sim_security everybody = {.is_set = true, .dacl = NULL};
    bool is_open = rest_units != 0 && (device->Characteristics & FILE_DEVICE_SECURE_OPEN) == 0;
    NTSTATUS status;

    sim_io_lock();
    status = sim_access_check(is_open ? &everybody : &sim_device_of("an open", device)->security, token, desired,
                              ret_granted);
    sim_io_unlock();
    return status;
}

static NTSTATUS open_device(DEVICE_OBJECT *device, struct sim_token *token, const WCHAR *rest, ULONG rest_units,
                            ACCESS_MASK desired, ULONG share, struct sim_file **ret_file)
{
    ACCESS_MASK granted = 0;
    FILE_OBJECT *object;
    NTSTATUS status = sim_device_open_begin(device);

    if (!NT_SUCCESS(status)) {
        sim_object_dereference("an open", device);
        return status;
    }
    status = check_access(device, token, desired, rest_units, &granted);
    if (!NT_SUCCESS(status)) {
        sim_device_open_end(device);
        sim_object_dereference("an open", device);
        return status;
    }
    object = file_create(device, token, rest, rest_units, granted, share);
    status = send_create(object, desired, granted, share);
    if (!NT_SUCCESS(status)) {
        sim_object_dereference("an open", object); /* neither clean-up nor close is sent */
        return status;
    }
    sim_file_state_of(object)->was_created = true;
    *ret_file = handle_create(object, granted);
    return status;
}

struct sim_file *sim_open(const sim_utf16 *path, struct sim_token *token, uint32_t access, uint32_t share,
                          sim_status *ret_status)
{
    struct sim_file *file = NULL;
    WCHAR rest[SIM_NAME_UNITS_MAX];
    UNICODE_STRING name;
    ULONG rest_units = 0;
    NTSTATUS status;
    void *device;

    RtlInitUnicodeString(&name, (PCWSTR)path);
    status = sim_name_resolve(&name, &device, rest, &rest_units);
    sim_delay_here();
    if (NT_SUCCESS(status))
        status = open_device(device, sim_token_or_system(token), rest, rest_units, access, share, &file);
    if (ret_status != NULL)
        *ret_status = status;
    return file;
}

/* ---- handles ---------------------------------------------------------------------------------- */

FILE_OBJECT *sim_file_reference(struct sim_file *file, uint32_t *ret_granted)
{
    FILE_OBJECT *object = NULL;

    sim_io_lock();
    if (file != NULL && !file->is_closed) {
        object = file->object;
        if (ret_granted != NULL)
            *ret_granted = file->granted;
        sim_object_reference("a handle", object);
    }
    sim_io_unlock();
    return object;
}

uint32_t sim_granted_access(struct sim_file *file)
{
    return file->granted;
}

struct sim_file *sim_handle_duplicate(struct sim_file *file)
{
    uint32_t granted;
    FILE_OBJECT *object = sim_file_reference(file, &granted);

    if (object == NULL)
        sim_broken("sim_handle_duplicate", "handle %p is closed", (void *)file);
    return handle_create(object, granted);
}

/* By now the driver completes what it has pended for the file, at once or soon. */
static void wait_for_requests(struct sim_file_state *state)
{
    uint64_t until_ns = sim_host_monotonic_ns() + sim_cleanup_grace_now() * 1000000ULL;

    sim_io_lock();
    while (state->outstanding_count != 0)
        if (!sim_io_wait_until(until_ns) && state->outstanding_count != 0)
            sim_broken("IRP_MJ_CLEANUP", "%u IRP(s) of file object %p are still pending", state->outstanding_count,
                       (void *)state->object);
    sim_io_unlock();
}

sim_status sim_close(struct sim_file *file)
{
    FILE_OBJECT *object;
    bool is_closed, is_last = false;

    sim_io_lock();
    is_closed = file->is_closed;
    object = file->object;
    file->is_closed = true;
    if (!is_closed)
        is_last = --sim_file_state_of(object)->handle_count == 0;
    sim_io_unlock();
    if (is_closed)
        return STATUS_INVALID_HANDLE;
    sim_delay_here();
    if (is_last) {
        (void)sim_request_run(sim_request_create(object, IRP_MJ_CLEANUP, 0, NULL), NULL);
        wait_for_requests(sim_file_state_of(object));
    }
    sim_object_dereference("sim_close", object);
    return STATUS_SUCCESS;
}

void sim_file_reset(void)
{
    struct sim_file *file, *next;

    sim_io_lock();
    for (file = files; file != NULL; file = next) {
        next = file->next;
        if (!file->is_closed)
            sim_broken("sim_io_reset", "handle %p is open", (void *)file);
        sim_host_free(file);
    }
    files = NULL;
    sim_io_unlock();
}
