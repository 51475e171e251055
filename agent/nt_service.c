/* SPDX-License-Identifier: Apache-2.0 */
/* nt_service.h */
#include "nt_service.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "muster/nt_device.h"

#define DISPLAY_NAME   L"Muster process sensor"
#define BINARY_PATH    L"\\SystemRoot\\System32\\drivers\\muster.sys"
#define FILE_IN_FOLDER L"\\drivers\\muster.sys"
#define STOP_WAIT_MS   10000
#define STOP_POLL_MS   50

/* Both handles, or none. */
struct service {
    SC_HANDLE manager;
    SC_HANDLE service;
};

static void service_close(struct service *service)
{
    DWORD error = GetLastError();

    if (service->service)
        CloseServiceHandle(service->service);
    if (service->manager)
        CloseServiceHandle(service->manager);
    SetLastError(error);
}

static DWORD service_open(DWORD access, struct service *ret_service)
{
    struct service service = {.manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT)};
    DWORD error;

    if (service.manager)
        service.service = OpenServiceW(service.manager, MUSTER_NT_SERVICE_NAME, access);
    if (service.service) {
        *ret_service = service;
        return ERROR_SUCCESS;
    }
    error = GetLastError();
    service_close(&service);
    return error;
}

bool nt_service_file(wchar_t ret_path[MAX_PATH])
{
    const UINT behind = sizeof(FILE_IN_FOLDER) / sizeof(wchar_t);
    UINT count = GetSystemDirectoryW(ret_path, MAX_PATH);

    if (count == 0 || count + behind > MAX_PATH)
        return false;
    wcscpy(ret_path + count, FILE_IN_FOLDER);
    return true;
}

/* The forms in which it may stand: ours, and what others and older versions write. */
static bool path_is_ours(const wchar_t *path)
{
    static const wchar_t *const prefixes[] = {L"\\SystemRoot\\", L"%SystemRoot%\\", L""};
    wchar_t file[MAX_PATH];

    for (unsigned i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
        size_t count = wcslen(prefixes[i]);

        if (_wcsnicmp(path, prefixes[i], count) == 0 && _wcsicmp(path + count, L"System32\\drivers\\muster.sys") == 0)
            return true;
    }
    if (_wcsnicmp(path, L"\\??\\", 4) == 0)
        path += 4;
    return nt_service_file(file) && _wcsicmp(path, file) == 0;
}

static DWORD config_read(SC_HANDLE service, struct nt_service_facts *facts)
{
    union {
        QUERY_SERVICE_CONFIGW config;
        unsigned char bytes[8192]; /* the most that there can be */
    } *buffer = malloc(sizeof(*buffer));
    DWORD needed, error = ERROR_SUCCESS;

    if (!buffer)
        return ERROR_NOT_ENOUGH_MEMORY;
    if (QueryServiceConfigW(service, &buffer->config, sizeof(*buffer), &needed)) {
        wcsncpy(facts->path, buffer->config.lpBinaryPathName, MAX_PATH - 1);
        facts->start_type = buffer->config.dwStartType;
        facts->is_ours = buffer->config.dwServiceType == SERVICE_KERNEL_DRIVER && path_is_ours(facts->path);
    } else {
        error = GetLastError();
    }
    free(buffer);
    return error;
}

DWORD nt_service_ask(struct nt_service_facts *ret_facts)
{
    struct nt_service_facts facts = {0};
    struct service service;
    SERVICE_STATUS status;
    DWORD error = service_open(SERVICE_QUERY_CONFIG | SERVICE_QUERY_STATUS, &service);

    if (error == ERROR_SERVICE_DOES_NOT_EXIST || error == ERROR_SERVICE_MARKED_FOR_DELETE) {
        facts.is_deleted = error == ERROR_SERVICE_MARKED_FOR_DELETE;
        *ret_facts = facts;
        return ERROR_SUCCESS;
    }
    if (error != ERROR_SUCCESS)
        return error;
    facts.is_installed = true;
    if (QueryServiceStatus(service.service, &status)) {
        facts.state = status.dwCurrentState;
        error = config_read(service.service, &facts);
    } else {
        error = GetLastError();
    }
    service_close(&service);
    if (error == ERROR_SUCCESS)
        *ret_facts = facts;
    return error;
}

static DWORD service_update(SC_HANDLE service)
{
    if (ChangeServiceConfigW(service, SERVICE_KERNEL_DRIVER, SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, BINARY_PATH,
                             NULL, NULL, NULL, NULL, NULL, DISPLAY_NAME))
        return ERROR_SUCCESS;
    return GetLastError();
}

DWORD nt_service_install(bool *ret_was_there)
{
    struct service service = {.manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE)};
    bool was_there = false;
    DWORD error = ERROR_SUCCESS;

    if (!service.manager)
        return GetLastError();
    service.service = CreateServiceW(service.manager, MUSTER_NT_SERVICE_NAME, DISPLAY_NAME, SERVICE_QUERY_STATUS,
                                     SERVICE_KERNEL_DRIVER, SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, BINARY_PATH,
                                     NULL, NULL, NULL, NULL, NULL);
    if (!service.service)
        error = GetLastError();
    if (error == ERROR_SERVICE_EXISTS) {
        was_there = true;
        service.service = OpenServiceW(service.manager, MUSTER_NT_SERVICE_NAME, SERVICE_CHANGE_CONFIG);
        error = service.service ? service_update(service.service) : GetLastError();
    }
    service_close(&service);
    if (error == ERROR_SUCCESS)
        *ret_was_there = was_there;
    return error;
}

DWORD nt_service_start(bool *ret_was_running)
{
    struct service service;
    DWORD error = service_open(SERVICE_START, &service);

    if (error != ERROR_SUCCESS)
        return error;
    if (!StartServiceW(service.service, 0, NULL))
        error = GetLastError();
    service_close(&service);
    if (error != ERROR_SUCCESS && error != ERROR_SERVICE_ALREADY_RUNNING)
        return error;
    *ret_was_running = error == ERROR_SERVICE_ALREADY_RUNNING;
    return ERROR_SUCCESS;
}

static DWORD stopped_wait(SC_HANDLE service)
{
    SERVICE_STATUS status;

    for (unsigned waited_ms = 0; waited_ms < STOP_WAIT_MS; waited_ms += STOP_POLL_MS) {
        if (!QueryServiceStatus(service, &status))
            return GetLastError();
        if (status.dwCurrentState == SERVICE_STOPPED)
            return ERROR_SUCCESS;
        Sleep(STOP_POLL_MS);
    }
    return ERROR_SERVICE_REQUEST_TIMEOUT;
}

DWORD nt_service_stop(bool *ret_was_running)
{
    struct service service;
    SERVICE_STATUS status;
    DWORD error = service_open(SERVICE_STOP | SERVICE_QUERY_STATUS, &service);
    bool was_running = true;

    if (error != ERROR_SUCCESS)
        return error;
    if (!ControlService(service.service, SERVICE_CONTROL_STOP, &status))
        error = GetLastError();
    if (error == ERROR_SERVICE_NOT_ACTIVE) {
        was_running = false;
        error = ERROR_SUCCESS;
    } else if (error == ERROR_SUCCESS) {
        error = stopped_wait(service.service);
    }
    service_close(&service);
    if (error == ERROR_SUCCESS)
        *ret_was_running = was_running;
    return error;
}

DWORD nt_service_delete(void)
{
    struct service service;
    DWORD error = service_open(DELETE, &service);

    if (error != ERROR_SUCCESS)
        return error;
    if (!DeleteService(service.service))
        error = GetLastError();
    service_close(&service);
    return error;
}

const char *nt_service_state_text(DWORD state)
{
    static const char *const texts[] = {
        [SERVICE_STOPPED] = "stopped", [SERVICE_START_PENDING] = "starting",      [SERVICE_STOP_PENDING] = "stopping",
        [SERVICE_RUNNING] = "running", [SERVICE_CONTINUE_PENDING] = "continuing", [SERVICE_PAUSE_PENDING] = "pausing",
        [SERVICE_PAUSED] = "paused",
    };

    return state < sizeof(texts) / sizeof(*texts) && texts[state] ? texts[state] : "in a state that is not known";
}
