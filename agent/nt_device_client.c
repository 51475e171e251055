/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nt_device_client.h. The handle is opened for overlapped operations, because a READ waits for events
 * while the program has to hear Ctrl-C; so all others are overlapped too, and waited for.
 */
#include "nt_device_client.h"

#include <stdio.h>

#include "win32_error.h"

/* What a reader cannot do without. */
#define NEEDED_FEATURES (MUSTER_NT_FEATURE_PROCESS_EVENTS | MUSTER_NT_FEATURE_LEASES)

bool nt_fail(struct muster_sensor_error *ret_error, const char *what, DWORD error)
{
    ret_error->what = what;
    ret_error->advice = win32_advice(error);
    win32_reason(error, ret_error->reason, sizeof(ret_error->reason));
    return false;
}

/* One request and its answer, which comes at once: no lock of the driver is held for long. */
static DWORD control(HANDLE device, DWORD code, const void *request, DWORD request_bytes, void *reply,
                     DWORD reply_bytes, DWORD *ret_bytes)
{
    OVERLAPPED overlapped = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    union {
        const void *constant;
        void *plain;
    } in = {.constant = request}; /* DeviceIoControl does not write to it, and does not say so */
    DWORD error = ERROR_SUCCESS;

    if (!overlapped.hEvent)
        return GetLastError();
    if (!DeviceIoControl(device, code, in.plain, request_bytes, reply, reply_bytes, NULL, &overlapped))
        error = GetLastError();
    if (error == ERROR_IO_PENDING || error == ERROR_SUCCESS)
        error = GetOverlappedResult(device, &overlapped, ret_bytes, TRUE) ? ERROR_SUCCESS : GetLastError();
    CloseHandle(overlapped.hEvent);
    return error;
}

static bool refused(const struct muster_nt_hello_reply *reply, struct muster_sensor_error *ret_error)
{
    static const char *const advices[] = {
        [MUSTER_NT_REFUSED_PROTOCOL] = "muster.exe and the driver are of different versions: stop the driver, and "
                                       "install the muster.sys that came with this muster.exe",
        [MUSTER_NT_REFUSED_RECORDS] = "muster.exe and the driver are of different versions: stop the driver, and "
                                      "install the muster.sys that came with this muster.exe",
        [MUSTER_NT_REFUSED_FEATURES] = "the driver cannot report processes here: the System event log says more; a "
                                       "restart, or another version of the driver, may help",
        [MUSTER_NT_REFUSED_ROLE] = "muster.exe and the driver are of different versions: stop the driver, and "
                                   "install the muster.sys that came with this muster.exe",
        [MUSTER_NT_REFUSED_READER_TAKEN] = "one program at a time can read: end the other `muster watch` first; "
                                           "`muster driver status` says whether there is one",
    };
    static const char *const reasons[] = {
        [MUSTER_NT_REFUSED_PROTOCOL] = "it speaks another version of the protocol",
        [MUSTER_NT_REFUSED_RECORDS] = "its records are of another version",
        [MUSTER_NT_REFUSED_FEATURES] = "it lacks something that is needed",
        [MUSTER_NT_REFUSED_ROLE] = "it does not know the role asked for",
        [MUSTER_NT_REFUSED_READER_TAKEN] = "another program is reading already",
    };
    const bool known = reply->refusal < sizeof(reasons) / sizeof(*reasons) && reasons[reply->refusal];

    ret_error->what = "the driver refuses this muster";
    ret_error->advice = advices[known ? reply->refusal : MUSTER_NT_REFUSED_PROTOCOL];
    if (!known)
        snprintf(ret_error->reason, sizeof(ret_error->reason), "reason %u, which this muster does not know",
                 reply->refusal);
    else if (reply->refusal == MUSTER_NT_REFUSED_READER_TAKEN)
        snprintf(ret_error->reason, sizeof(ret_error->reason), "%s", reasons[reply->refusal]);
    else
        snprintf(ret_error->reason, sizeof(ret_error->reason),
                 "%s (driver %u.%u.%u.%u: protocol %u, records %u; muster " MUSTER_VERSION ": %u, %u)",
                 reasons[reply->refusal], reply->driver_version[0], reply->driver_version[1], reply->driver_version[2],
                 reply->driver_version[3], reply->protocol_version, reply->record_version, MUSTER_NT_PROTOCOL_VERSION,
                 MUSTER_RECORD_VERSION);
    return false;
}

static bool hello(HANDLE device, enum muster_nt_role role, struct muster_nt_hello_reply *ret_reply,
                  struct muster_sensor_error *ret_error)
{
    const struct muster_nt_hello_request request = {
        .protocol_version = MUSTER_NT_PROTOCOL_VERSION,
        .record_version = MUSTER_RECORD_VERSION,
        .record_header_bytes = sizeof(struct muster_record),
        .role = role,
        .needed_features = role == MUSTER_NT_ROLE_READER ? NEEDED_FEATURES : 0,
    };
    struct muster_nt_hello_reply reply = {0};
    DWORD bytes = 0;
    DWORD error = control(device, MUSTER_NT_CONTROL_HELLO, &request, sizeof(request), &reply, sizeof(reply), &bytes);

    if (error == ERROR_SUCCESS && bytes != sizeof(reply))
        error = ERROR_NOT_SUPPORTED;
    if (error != ERROR_SUCCESS)
        return nt_fail(ret_error, "the driver does not answer as Muster's does", error);
    if (reply.refusal != MUSTER_NT_ACCEPTED)
        return refused(&reply, ret_error);
    *ret_reply = reply;
    return true;
}

bool nt_device_open(enum muster_nt_role role, struct nt_device *ret_device, struct muster_sensor_error *ret_error)
{
    struct nt_device device;

    device.handle = CreateFileW(MUSTER_NT_DEVICE_USER_PATH, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                                FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, NULL);
    if (device.handle == INVALID_HANDLE_VALUE)
        return nt_fail(ret_error, "cannot open the driver's device", GetLastError());
    if (!hello(device.handle, role, &device.hello, ret_error)) {
        CloseHandle(device.handle);
        return false;
    }
    *ret_device = device;
    return true;
}

void nt_device_close(struct nt_device *device)
{
    CloseHandle(device->handle);
}

DWORD nt_device_status(const struct nt_device *device, struct muster_nt_status_reply *ret_status)
{
    struct muster_nt_status_reply reply = {0};
    DWORD bytes = 0;
    DWORD error = control(device->handle, MUSTER_NT_CONTROL_STATUS, NULL, 0, &reply, sizeof(reply), &bytes);

    if (error == ERROR_SUCCESS && bytes != sizeof(reply))
        error = ERROR_NOT_SUPPORTED;
    if (error == ERROR_SUCCESS)
        *ret_status = reply;
    return error;
}

DWORD nt_read_begin(const struct nt_device *device, struct nt_read *read, void *buffer, size_t buffer_bytes)
{
    HANDLE event = read->overlapped.hEvent;
    DWORD error;

    read->overlapped = (OVERLAPPED){.hEvent = event};
    ResetEvent(event);
    if (DeviceIoControl(device->handle, MUSTER_NT_CONTROL_READ, &read->request, sizeof(read->request), buffer,
                        (DWORD)buffer_bytes, NULL, &read->overlapped))
        return ERROR_SUCCESS;
    error = GetLastError();
    return error == ERROR_IO_PENDING || error == ERROR_MORE_DATA ? ERROR_SUCCESS : error;
}

bool nt_read_has_ended(const struct nt_read *read)
{
    return HasOverlappedIoCompleted(&read->overlapped);
}

DWORD nt_read_end(const struct nt_device *device, struct nt_read *read, DWORD *ret_bytes)
{
    /* The event may be set by others too, so the wait for it can be over too early. */
    while (!nt_read_has_ended(read))
        (void)WaitForSingleObject(read->overlapped.hEvent, 1);
    *ret_bytes = 0;
    return GetOverlappedResult(device->handle, &read->overlapped, ret_bytes, FALSE) ? ERROR_SUCCESS : GetLastError();
}

void nt_read_cancel(const struct nt_device *device, struct nt_read *read)
{
    (void)CancelIoEx(device->handle, &read->overlapped);
}
