/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io: requests with buffers: control codes, reads and writes. What the I/O manager checks before the driver
 * sees anything, the buffers that it makes, each exactly as long as it has to be, and what comes of them when
 * the request completes.
 */
#include "simulated_nt/io_internal.h"

static uint32_t poison = 0xA5; /* atomic */

void sim_buffer_poison(uint8_t pattern)
{
    __atomic_store_n(&poison, pattern, __ATOMIC_RELAXED);
}

uint8_t sim_buffer_poison_now(void)
{
    return (uint8_t)__atomic_load_n(&poison, __ATOMIC_RELAXED);
}

/* ---- text ------------------------------------------------------------------------------------- */

/* "IRP_MJ_DEVICE_CONTROL 0x00222004" */
static void name_control(char name[SIM_GUARD_NAME_BYTES], uint32_t code)
{
    const char *text = "IRP_MJ_DEVICE_CONTROL 0x";
    unsigned at = 0;

    for (; text[at] != 0; at++)
        name[at] = text[at];
    for (int shift = 28; shift >= 0; shift -= 4)
        name[at++] = "0123456789abcdef"[(code >> shift) & 15];
    name[at] = 0;
}

/* ---- buffers at the start --------------------------------------------------------------------- */

/* One block for input and output, as long as the longer. Nothing is made for two empty ones. */
static void make_system_buffer(struct sim_request *request, const void *input, size_t input_bytes, void *output,
                               size_t output_bytes)
{
    size_t bytes = input_bytes > output_bytes ? input_bytes : output_bytes;

    request->output = output;
    request->output_bytes = output_bytes;
    if (bytes == 0)
        return;
    request->system_buffer =
        sim_guard_allocate(bytes, 0, sim_buffer_poison_now(), "the SystemBuffer of %s", request->name);
    if (input_bytes != 0)
        __builtin_memcpy(request->system_buffer, input, input_bytes);
    request->irp->AssociatedIrp.SystemBuffer = request->system_buffer;
}

static void make_mdl(struct sim_request *request, void *buffer, size_t bytes)
{
    request->output = buffer;
    request->output_bytes = bytes;
    if (bytes == 0)
        return;
    request->mdl = sim_mdl_create(request->name, buffer, bytes);
    request->irp->MdlAddress = request->mdl;
}

static void make_control_buffers(struct sim_request *request, uint32_t code, const void *input, size_t input_bytes,
                                 void *output, size_t output_bytes)
{
    switch (code & 3) {
    case METHOD_BUFFERED:
        request->is_buffered = true;
        make_system_buffer(request, input, input_bytes, output, output_bytes);
        request->irp->UserBuffer = output;
        break;
    case METHOD_IN_DIRECT:
    case METHOD_OUT_DIRECT:
        make_system_buffer(request, input, input_bytes, NULL, 0);
        make_mdl(request, output, output_bytes);
        break;
    default:
        sim_request_stack(request)->Parameters.DeviceIoControl.Type3InputBuffer = (PVOID)(ULONG_PTR)input;
        request->irp->UserBuffer = output;
        request->output_bytes = output_bytes;
        break;
    }
}

/* ---- and at the end --------------------------------------------------------------------------- */

static bool transfers(const struct sim_request *request)
{
    return request->major == IRP_MJ_DEVICE_CONTROL || request->major == IRP_MJ_READ || request->major == IRP_MJ_WRITE;
}

void sim_buffers_finish(struct sim_request *request, const IO_STATUS_BLOCK *result)
{
    bool is_error = NT_ERROR(result->Status);
    IRP *irp = request->irp;

    if (!is_error && transfers(request) && result->Information > request->output_bytes)
        sim_broken("IoCompleteRequest", "IRP %p of %s: Information is %llu, and the output has room for %llu",
                   (void *)irp, request->name, (unsigned long long)result->Information,
                   (unsigned long long)request->output_bytes);
    if (irp->AssociatedIrp.SystemBuffer != request->system_buffer || irp->MdlAddress != request->mdl)
        sim_broken("IoCompleteRequest", "IRP %p of %s: SystemBuffer or MdlAddress was changed", (void *)irp,
                   request->name);
    if (request->is_buffered && !is_error && request->output != NULL && result->Information != 0)
        __builtin_memcpy(request->output, request->system_buffer, result->Information);
    if (request->system_buffer != NULL)
        sim_guard_free("IoCompleteRequest", request->system_buffer, "was freed: its IRP was completed");
    if (request->mdl != NULL)
        sim_mdl_finish(request->mdl, request->output);
    request->system_buffer = NULL;
    request->mdl = NULL;
}

/* ---- control codes ---------------------------------------------------------------------------- */

static bool access_suffices(uint32_t code, uint32_t granted)
{
    uint32_t wanted = (code >> 14) & 3;

    return ((wanted & FILE_READ_ACCESS) == 0 || (granted & FILE_READ_DATA) != 0) &&
           ((wanted & FILE_WRITE_ACCESS) == 0 || (granted & FILE_WRITE_DATA) != 0);
}

struct sim_request *sim_ioctl_begin(struct sim_file *file, uint32_t code, const void *input, size_t input_bytes,
                                    void *output, size_t output_bytes)
{
    char name[SIM_GUARD_NAME_BYTES];
    struct sim_request *request;
    IO_STACK_LOCATION *stack;
    FILE_OBJECT *object;
    uint32_t granted;

    object = sim_file_reference(file, &granted);
    if (object == NULL)
        return sim_request_refused(STATUS_INVALID_HANDLE);
    if (!access_suffices(code, granted)) {
        sim_object_dereference("sim_ioctl_begin", object);
        return sim_request_refused(STATUS_ACCESS_DENIED);
    }
    sim_delay_here();
    name_control(name, code);
    request = sim_request_create(object, IRP_MJ_DEVICE_CONTROL, 0, name);
    stack = sim_request_stack(request);
    stack->Parameters.DeviceIoControl.IoControlCode = code;
    stack->Parameters.DeviceIoControl.InputBufferLength = (ULONG)input_bytes;
    stack->Parameters.DeviceIoControl.OutputBufferLength = (ULONG)output_bytes;
    make_control_buffers(request, code, input, input_bytes, output, output_bytes);
    sim_request_send(request);
    sim_object_dereference("sim_ioctl_begin", object);
    return request;
}

static sim_status wait_and_free(struct sim_request *request, uint64_t *ret_information)
{
    sim_status status = sim_request_wait(request, SIM_WAIT_FOREVER, ret_information);

    sim_request_free(request);
    return status;
}

sim_status sim_ioctl(struct sim_file *file, uint32_t code, const void *input, size_t input_bytes, void *output,
                     size_t output_bytes, uint64_t *ret_information)
{
    return wait_and_free(sim_ioctl_begin(file, code, input, input_bytes, output, output_bytes), ret_information);
}

/* ---- the rest --------------------------------------------------------------------------------- */

sim_status sim_send(struct sim_file *file, uint8_t major, uint8_t minor)
{
    uint32_t granted;
    FILE_OBJECT *object = sim_file_reference(file, &granted);
    sim_status status;

    if (object == NULL)
        return STATUS_INVALID_HANDLE;
    if (major > IRP_MJ_MAXIMUM_FUNCTION || major == IRP_MJ_CREATE || major == IRP_MJ_CLEANUP || major == IRP_MJ_CLOSE)
        sim_broken("sim_send", "major function %u is sent by opening and closing, or is none", major);
    status = sim_request_run(sim_request_create(object, major, minor, NULL), NULL);
    sim_object_dereference("sim_send", object);
    return status;
}

static sim_status transfer(struct sim_file *file, UCHAR major, ACCESS_MASK access, void *buffer, size_t bytes,
                           uint64_t *ret_information)
{
    uint32_t granted;
    FILE_OBJECT *object = sim_file_reference(file, &granted);
    struct sim_request *request;
    ULONG flags;

    if (object == NULL || (granted & access) == 0) {
        if (object != NULL)
            sim_object_dereference("sim_read", object);
        return object == NULL ? STATUS_INVALID_HANDLE : STATUS_ACCESS_DENIED;
    }
    request = sim_request_create(object, major, 0, NULL);
    sim_request_stack(request)->Parameters.Read.Length = (ULONG)bytes; /* Write has the same shape */
    flags = object->DeviceObject->Flags;
    if ((flags & DO_BUFFERED_IO) != 0) {
        request->is_buffered = major == IRP_MJ_READ;
        make_system_buffer(request, buffer, major == IRP_MJ_WRITE ? bytes : 0, buffer, bytes);
    } else if ((flags & DO_DIRECT_IO) != 0) {
        make_mdl(request, buffer, bytes);
    } else {
        request->irp->UserBuffer = buffer;
        request->output_bytes = bytes;
    }
    sim_request_send(request);
    sim_object_dereference("sim_read", object);
    return wait_and_free(request, ret_information);
}

sim_status sim_read(struct sim_file *file, void *to, size_t bytes, uint64_t *ret_information)
{
    return transfer(file, IRP_MJ_READ, FILE_READ_DATA, to, bytes, ret_information);
}

sim_status sim_write(struct sim_file *file, const void *from, size_t bytes, uint64_t *ret_information)
{
    return transfer(file, IRP_MJ_WRITE, FILE_WRITE_DATA | FILE_APPEND_DATA, (void *)(ULONG_PTR)from, bytes,
                    ret_information);
}
