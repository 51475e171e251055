/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h. A request is checked, copied out of the buffer that it shares with its reply, answered into a
 * local structure that has no holes, and copied back: so nothing is read twice, and no stale byte leaves.
 *
 * That a handle has said HELLO stands in its FsContext; that it reads, in driver->owner. The I/O manager
 * asks for a handle's access by the bits of each code.
 */
#include "driver_nt/control.h"

#include "driver_nt/pending_read.h"
#include "muster/nt_device.h"
#include "platform/platform.h"

#define CODE_IS(ours, function, method, access)                                                                        \
    _Static_assert((ours) == (ULONG)CTL_CODE(MUSTER_NT_DEVICE_TYPE, (function), (method), (access)),                   \
                   #ours " is what CTL_CODE makes")
CODE_IS(MUSTER_NT_CONTROL_HELLO, 0x800, METHOD_BUFFERED, FILE_READ_ACCESS);
CODE_IS(MUSTER_NT_CONTROL_STATUS, 0x801, METHOD_BUFFERED, FILE_READ_ACCESS);
CODE_IS(MUSTER_NT_CONTROL_READ, 0x802, METHOD_OUT_DIRECT, FILE_READ_ACCESS | FILE_WRITE_ACCESS);
_Static_assert(MUSTER_CAUSE_COUNT <= MUSTER_GAP_CAUSES, "STATUS holds every cause");

/* For Windows, maps the buffer so that it cannot be executed; in no header of mingw-w64 10. */
#define MDL_MAPPING_NO_EXECUTE 0x40000000UL

struct request {
    FILE_OBJECT *file;
    ULONG input_bytes;
    ULONG output_bytes;
    void *buffer; /* METHOD_BUFFERED: input, then output; METHOD_OUT_DIRECT: input */
    IRP *irp;
};

/* ---- who asks ---------------------------------------------------------------------------------- */

static bool has_greeted(const FILE_OBJECT *file)
{
    return __atomic_load_n(&file->FsContext, __ATOMIC_ACQUIRE) != NULL;
}

static bool is_reader(struct driver *driver, const FILE_OBJECT *file)
{
    return atomic_load(&driver->owner) == file;
}

static bool claim_reader(struct driver *driver, FILE_OBJECT *file)
{
    FILE_OBJECT *owner = NULL;

    return atomic_compare_exchange_strong(&driver->owner, &owner, file) || owner == file;
}

void control_forget(struct driver *driver, const FILE_OBJECT *file)
{
    if (!is_reader(driver, file))
        return;
    /* A dispatch routine runs at PASSIVE_LEVEL, where nothing is refused. */
    (void)(muster_cache_unlease(driver->cache) == MUSTER_OK);
    atomic_store(&driver->owner, NULL);
}

/* ---- HELLO ------------------------------------------------------------------------------------- */

static enum muster_nt_refusal judge(struct driver *driver, FILE_OBJECT *file,
                                    const struct muster_nt_hello_request *request)
{
    if (request->protocol_version != MUSTER_NT_PROTOCOL_VERSION)
        return MUSTER_NT_REFUSED_PROTOCOL;
    if (request->record_version != MUSTER_RECORD_VERSION ||
        request->record_header_bytes != sizeof(struct muster_record))
        return MUSTER_NT_REFUSED_RECORDS;
    if ((request->needed_features & ~MUSTER_NT_FEATURES) != 0)
        return MUSTER_NT_REFUSED_FEATURES;
    if (request->role != MUSTER_NT_ROLE_OBSERVER && request->role != MUSTER_NT_ROLE_READER)
        return MUSTER_NT_REFUSED_ROLE;
    if (request->role == MUSTER_NT_ROLE_READER && !claim_reader(driver, file))
        return MUSTER_NT_REFUSED_READER_TAKEN;
    return MUSTER_NT_ACCEPTED;
}

static void tell_refusal(struct driver *driver, enum muster_nt_refusal refusal)
{
    static const char *const texts[] = {
        [MUSTER_NT_REFUSED_PROTOCOL] = "muster.sys refused a client: it speaks another version of the protocol",
        [MUSTER_NT_REFUSED_RECORDS] = "muster.sys refused a client: it knows another version of records",
        [MUSTER_NT_REFUSED_FEATURES] = "muster.sys refused a client: it needs what this driver does not have",
        [MUSTER_NT_REFUSED_ROLE] = "muster.sys refused a client: it asked for a role that there is not",
        [MUSTER_NT_REFUSED_READER_TAKEN] = "muster.sys refused a second reader",
    };

    driver_tell(driver, texts[refusal]);
}

static NTSTATUS hello(struct driver *driver, const struct request *request, size_t *ret_information)
{
    struct muster_nt_hello_request greeting;
    struct muster_nt_hello_reply reply = {
        .protocol_version = MUSTER_NT_PROTOCOL_VERSION,
        .record_version = MUSTER_RECORD_VERSION,
        .record_header_bytes = sizeof(struct muster_record),
        .features = MUSTER_NT_FEATURES,
        .epoch = driver->epoch,
        .started_ns = driver->started_ns,
        .read_header_bytes = sizeof(struct muster_nt_read_header),
        .read_most_bytes = sizeof(struct muster_nt_read_header) + MUSTER_RECORD_MAX_BYTES,
        .driver_version = {MUSTER_VERSION_NUMBERS},
    };

    if (request->input_bytes < sizeof greeting)
        return STATUS_INVALID_PARAMETER;
    if (request->output_bytes < sizeof reply)
        return STATUS_BUFFER_TOO_SMALL;
    muster_copy(&greeting, request->buffer, sizeof greeting);
    reply.refusal = judge(driver, request->file, &greeting);
    if (reply.refusal == MUSTER_NT_ACCEPTED)
        __atomic_store_n(&request->file->FsContext, (void *)driver, __ATOMIC_RELEASE);
    else
        tell_refusal(driver, reply.refusal);
    muster_copy(request->buffer, &reply, sizeof reply);
    *ret_information = sizeof reply;
    return STATUS_SUCCESS;
}

/* ---- STATUS ------------------------------------------------------------------------------------ */

/* The cache is asked first: what it has acknowledged then was taken out of the queue before. Held is what
 * the queue holds, and what was taken out and not acknowledged: in the cache, or on its way there. */
static bool status_fill(struct driver *driver, struct muster_nt_status_reply *reply)
{
    struct muster_queue_counts queue;
    struct muster_cache_counts cache;

    if (!muster_cache_counts(driver->cache, &cache) || !muster_queue_counts(driver->queue, &queue))
        return false;
    reply->produced = queue.ledger.produced;
    reply->delivered = cache.acknowledged_count;
    reply->filtered = queue.ledger.filtered;
    reply->held = queue.ledger.held + (queue.ledger.delivered - cache.acknowledged_count);
    reply->degraded = queue.ledger.degraded;
    muster_copy(reply->dropped, queue.ledger.dropped, sizeof queue.ledger.dropped);
    reply->last_sequence = queue.last_sequence;
    reply->queue_records = queue.record_count;
    reply->cache_records = cache.record_count;
    reply->leased_records = cache.leased_count;
    reply->lease_id = cache.lease_id;
    reply->charged_bytes = queue.charged_bytes;
    reply->charged_peak_bytes = queue.charged_peak_bytes;
    reply->budget_bytes = queue.budget_bytes;
    reply->refused_calls = queue.refused_calls + cache.refused_calls;
    return true;
}

static NTSTATUS status(struct driver *driver, const struct request *request, size_t *ret_information)
{
    struct muster_nt_status_reply reply = {
        .epoch = driver->epoch,
        .started_ns = driver->started_ns,
        .reader_present = atomic_load(&driver->owner) != NULL,
        .process_events = driver->process_events,
        .denied_requests = atomic_load(&driver->denied_requests),
    };

    if (request->input_bytes != 0)
        return STATUS_INVALID_PARAMETER;
    if (request->output_bytes < sizeof reply)
        return STATUS_BUFFER_TOO_SMALL;
    if (!has_greeted(request->file) || !status_fill(driver, &reply))
        return STATUS_INVALID_DEVICE_STATE;
    muster_copy(request->buffer, &reply, sizeof reply);
    *ret_information = sizeof reply;
    return STATUS_SUCCESS;
}

/* ---- READ -------------------------------------------------------------------------------------- */

static NTSTATUS read(struct driver *driver, const struct request *request)
{
    struct muster_nt_read_request wanted;
    void *unsafe_buffer;

    if (request->input_bytes != sizeof wanted)
        return STATUS_INVALID_PARAMETER;
    if (request->output_bytes < sizeof(struct muster_nt_read_header) || request->irp->MdlAddress == NULL)
        return STATUS_BUFFER_TOO_SMALL;
    muster_copy(&wanted, request->buffer, sizeof wanted);
    if (wanted.reserved != 0)
        return STATUS_INVALID_PARAMETER;
    if (!has_greeted(request->file))
        return STATUS_INVALID_DEVICE_STATE;
    if (!is_reader(driver, request->file))
        return STATUS_ACCESS_DENIED;
    unsafe_buffer = MmGetSystemAddressForMdlSafe(request->irp->MdlAddress, NormalPagePriority | MDL_MAPPING_NO_EXECUTE);
    if (unsafe_buffer == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    return pending_read_submit(&driver->reader, request->irp, &wanted, unsafe_buffer, request->output_bytes);
}

/* ---- dispatch ---------------------------------------------------------------------------------- */

NTSTATUS control_dispatch(struct driver *driver, IRP *irp, size_t *ret_information)
{
    const IO_STACK_LOCATION *stack = IoGetCurrentIrpStackLocation(irp);
    const struct request request = {
        .file = stack->FileObject,
        .input_bytes = stack->Parameters.DeviceIoControl.InputBufferLength,
        .output_bytes = stack->Parameters.DeviceIoControl.OutputBufferLength,
        .buffer = irp->AssociatedIrp.SystemBuffer,
        .irp = irp,
    };

    switch (stack->Parameters.DeviceIoControl.IoControlCode) {
    case MUSTER_NT_CONTROL_HELLO:
        return hello(driver, &request, ret_information);
    case MUSTER_NT_CONTROL_STATUS:
        return status(driver, &request, ret_information);
    case MUSTER_NT_CONTROL_READ:
        return read(driver, &request);
    default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
}
