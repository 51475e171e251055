/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.h: the thread that serves READ.
 *
 * Waking, without an event for each push: the thread says that it wants to be woken, looks into the queue
 * once more, and sleeps; a pusher pushes first and looks at that word then. Both do it with one atomic
 * exchange, so one of the two sees the other.
 */
#include "driver_nt/reader.h"

#include "driver_nt/pending_read.h"
#include "platform/platform.h"

#define RETRY_TICKS 100000U /* of 100 ns: what could not be had is asked for again after 10 ms */

/* ---- one READ ---------------------------------------------------------------------------------- */

/* Whatever callbacks have pushed becomes the cache's. */
static void refill(struct reader *reader)
{
    struct muster_batch batch;

    if (muster_queue_extract_all(reader->queue, &batch) != MUSTER_OK)
        return;
    /* This thread runs at PASSIVE_LEVEL, where nothing is refused; to let go of the batch would be a loss that
     * nobody counts. */
    if (muster_cache_absorb(reader->cache, &batch) != MUSTER_OK)
        muster_platform_panic("the cache refused a batch at PASSIVE_LEVEL");
}

/* Once for each READ. A lease that was acknowledged last may be acknowledged again: the READ that did
 * so may have been cancelled before it could tell. */
static NTSTATUS acknowledge(struct reader *reader, const struct pending_read *read)
{
    const uint64_t id = read->acknowledge_lease_id;

    if (reader->acknowledged_serial == read->serial)
        return reader->acknowledged_status;
    reader->acknowledged_serial = read->serial;
    reader->acknowledged_status = STATUS_SUCCESS;
    if (id == 0 || id == reader->last_acknowledged_id)
        return STATUS_SUCCESS;
    if (muster_cache_ack(reader->cache, id) == MUSTER_OK)
        reader->last_acknowledged_id = id;
    else
        reader->acknowledged_status = STATUS_INVALID_DEVICE_STATE;
    return reader->acknowledged_status;
}

static bool something_is_cached(struct reader *reader)
{
    struct muster_cache_counts counts;

    return muster_cache_counts(reader->cache, &counts) && counts.record_count != 0;
}

static void complete(IRP *irp, NTSTATUS status, size_t information)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
}

/* Leases and copies; the IRP is ours. */
static void deliver(struct reader *reader, const struct pending_read *read)
{
    struct muster_nt_read_header header = {.epoch = reader->epoch};
    struct muster_lease lease;
    size_t needed = 0;
    NTSTATUS result = STATUS_SUCCESS;
    const enum muster_status status =
        muster_cache_lease(reader->cache, read->buffer_bytes - sizeof header, &lease, &needed);

    if (status == MUSTER_OK) {
        header.lease_id = lease.id;
        header.record_count = (uint32_t)lease.record_count;
        header.record_bytes = (uint32_t)lease.record_bytes;
        muster_lease_copy(&lease, read->unsafe_buffer + sizeof header);
    } else if (status == MUSTER_TOO_SMALL) {
        header.bytes_needed = (uint32_t)(sizeof header + needed);
        result = STATUS_BUFFER_OVERFLOW;
    }
    muster_copy(read->unsafe_buffer, &header, sizeof header);
    complete(read->irp, result, sizeof header + header.record_bytes);
}

/* ---- the thread -------------------------------------------------------------------------------- */

static bool is_over(const struct pending_read *read)
{
    return read->deadline != UINT64_MAX && KeQueryInterruptTime() >= read->deadline;
}

/* Whether the thread may go to sleep: it will be woken. Where what is to be told cannot be taken for want of memory,
 * nobody will wake it when there is some: so it looks once more, and then after a while. */
static bool may_sleep(struct reader *reader)
{
    const bool again = !reader->starved;

    atomic_store(&reader->wants_wake, true);
    reader->starved = !muster_queue_is_empty(reader->queue);
    if (!reader->starved || !again)
        return true;
    atomic_store(&reader->wants_wake, false);
    return false;
}

/* Serves the READ that waits, if there is one and there is something to say to it. */
static void serve(struct reader *reader)
{
    struct pending_read read;

    reader->starved = false;
    while (pending_read_peek(reader, &read)) {
        const NTSTATUS status = acknowledge(reader, &read);

        refill(reader);
        if (status == STATUS_SUCCESS && !something_is_cached(reader) && !is_over(&read)) {
            if (may_sleep(reader))
                return;
            continue;
        }
        reader->starved = false;
        if (!pending_read_take(reader, read.serial))
            continue;
        if (status == STATUS_SUCCESS)
            deliver(reader, &read);
        else
            complete(read.irp, status, 0);
    }
}

/* How long to sleep, as KeWaitForSingleObject wants it: negative is from now on. False: until woken. */
static bool time_left(struct reader *reader, LARGE_INTEGER *ret_time)
{
    struct pending_read read;
    uint64_t now;

    if (!pending_read_peek(reader, &read))
        return false;
    now = KeQueryInterruptTime();
    if (reader->starved && read.deadline > now + RETRY_TICKS)
        read.deadline = now + RETRY_TICKS;
    if (read.deadline == UINT64_MAX)
        return false;
    ret_time->QuadPart = read.deadline > now ? -(LONGLONG)(read.deadline - now) : -1;
    return true;
}

static void NTAPI reader_run(PVOID context)
{
    struct reader *reader = context;
    bool stopping;

    do {
        LARGE_INTEGER time;
        const bool timed = time_left(reader, &time);

        (void)KeWaitForSingleObject(&reader->work, Executive, KernelMode, FALSE, timed ? &time : NULL);
        atomic_store(&reader->wants_wake, false);
        /* Asked first: what was told before the stop is still served. */
        stopping = pending_read_stopping(reader);
        serve(reader);
    } while (!stopping);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* ---- life -------------------------------------------------------------------------------------- */

NTSTATUS reader_start(struct reader *reader, struct muster_queue *queue, struct muster_cache *cache, uint64_t epoch)
{
    OBJECT_ATTRIBUTES attributes;

    reader->queue = queue;
    reader->cache = cache;
    reader->epoch = epoch;
    KeInitializeSpinLock(&reader->lock);
    KeInitializeEvent(&reader->work, SynchronizationEvent, FALSE);
    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    return PsCreateSystemThread(&reader->thread, THREAD_ALL_ACCESS, &attributes, NULL, NULL, reader_run, reader);
}

void reader_stop(struct reader *reader)
{
    struct pending_read read;

    pending_read_stop(reader);
    (void)KeSetEvent(&reader->work, IO_NO_INCREMENT, FALSE);
    (void)ZwWaitForSingleObject(reader->thread, FALSE, NULL);
    (void)ZwClose(reader->thread);
    reader->thread = NULL;
    if (pending_read_peek(reader, &read) && pending_read_take(reader, read.serial))
        complete(read.irp, STATUS_CANCELLED, 0);
}

void reader_wake(struct reader *reader)
{
    if (atomic_exchange(&reader->wants_wake, false))
        (void)KeSetEvent(&reader->work, IO_NO_INCREMENT, FALSE);
}
