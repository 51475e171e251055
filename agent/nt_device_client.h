/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's device (muster/nt_device.h), from the side of the program that opens it. One thread. */
#ifndef MUSTER_NT_DEVICE_CLIENT_H
#define MUSTER_NT_DEVICE_CLIENT_H

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <stdbool.h>
#include <stddef.h>

#include "muster/nt_device.h"
#include "muster/sensor.h"

struct nt_device {
    HANDLE handle;
    struct muster_nt_hello_reply hello;
};

/* Opens the device and says HELLO. False, *ret_error set and nothing open, where it is not there, where
 * we may not, and where it refuses us. */
bool nt_device_open(enum muster_nt_role role, struct nt_device *ret_device,
                    struct muster_sensor_error *ret_error) MUSTER_MUST_CHECK;
void nt_device_close(struct nt_device *device);

/* ERROR_SUCCESS, or what failed. */
DWORD nt_device_status(const struct nt_device *device, struct muster_nt_status_reply *ret_status);

/* A READ on its way. Nothing of it, nor the buffer, may move or go before it has ended. */
struct nt_read {
    OVERLAPPED overlapped; /* hEvent is the caller's: set when the READ has ended */
    struct muster_nt_read_request request;
};

/* Begins one into `buffer`. ERROR_SUCCESS: nt_read_end tells the rest; else it is over at once. */
DWORD nt_read_begin(const struct nt_device *device, struct nt_read *read, void *buffer, size_t buffer_bytes);

bool nt_read_has_ended(const struct nt_read *read);

/* What came of it: ERROR_SUCCESS, ERROR_MORE_DATA, or what failed; *ret_bytes is set in the first two. Waits
 * for it. */
DWORD nt_read_end(const struct nt_device *device, struct nt_read *read, DWORD *ret_bytes);

/* Ends it early; nt_read_end then tells ERROR_OPERATION_ABORTED, or that it was quicker. */
void nt_read_cancel(const struct nt_device *device, struct nt_read *read);

/* Fills *ret_error from an error of the system; returns false, for the caller to return. */
bool nt_fail(struct muster_sensor_error *ret_error, const char *what, DWORD error);

#endif
