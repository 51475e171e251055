/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one READ that waits, and who may have its IRP: the reader's thread takes it to complete it, or a
 * cancel routine does, never both. All functions take the reader's spin lock; none completes an IRP under
 * it, but for the cancel routine's own, without it.
 */
#ifndef MUSTER_DRIVER_NT_PENDING_READ_H
#define MUSTER_DRIVER_NT_PENDING_READ_H

#include "driver_nt/reader.h"

/*
 * Takes over a READ of which request and buffer have been checked: STATUS_PENDING, and the IRP is the
 * reader's. Anything else: it stays the caller's to complete (STATUS_DEVICE_BUSY: another one waits;
 * STATUS_CANCELLED; STATUS_FILE_CLOSED: after CLEANUP; STATUS_DELETE_PENDING: the driver stops). The device's
 * extension points to the reader's driver.
 */
_IRQL_requires_max_(DISPATCH_LEVEL) NTSTATUS
    pending_read_submit(struct reader *reader, IRP *irp, const struct muster_nt_read_request *request,
                        void *unsafe_buffer, size_t buffer_bytes);

/* A copy of what waits; false where nothing does. The IRP may be gone any time. */
_IRQL_requires_max_(DISPATCH_LEVEL) bool pending_read_peek(struct reader *reader, struct pending_read *ret_read);

/* Makes the IRP of that READ the caller's, to be completed. False where it was cancelled meanwhile. */
_IRQL_requires_max_(DISPATCH_LEVEL) bool pending_read_take(struct reader *reader, uint64_t serial);

/* CLEANUP: cancels the READ that waits, if it came by that file, and lets none wait that still comes by it. */
_IRQL_requires_max_(DISPATCH_LEVEL) void pending_read_close(struct reader *reader, FILE_OBJECT *file);

/* The READ that waits, if it came by that handle, is no longer served: its cancel routine alone completes it. */
_IRQL_requires_max_(DISPATCH_LEVEL) void pending_read_forget(struct reader *reader, const FILE_OBJECT *file);

/* No further READ is taken over. */
_IRQL_requires_max_(DISPATCH_LEVEL) void pending_read_stop(struct reader *reader);
_IRQL_requires_max_(DISPATCH_LEVEL) bool pending_read_stopping(struct reader *reader);

#endif
