/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver as a service: what `muster driver` asks of the service manager. All return ERROR_SUCCESS or
 * the system's error; none prints.
 */
#ifndef MUSTER_NT_SERVICE_H
#define MUSTER_NT_SERVICE_H

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <stdbool.h>

struct nt_service_facts {
    bool is_installed;
    bool is_ours;    /* a kernel driver at our path; else somebody else's service of this name */
    bool is_deleted; /* marked: goes when its last handle is closed */
    DWORD state;     /* SERVICE_RUNNING and so on */
    DWORD start_type;
    wchar_t path[MAX_PATH]; /* as the service manager has it; cut if it is longer */
};

/* Where the driver's file is put: %SystemRoot%\System32\drivers\muster.sys. False where that cannot be
 * told. */
bool nt_service_file(wchar_t ret_path[MAX_PATH]);

DWORD nt_service_ask(struct nt_service_facts *ret_facts);

/* Makes the service, or brings the one that is there up to date. *ret_was_there is set on success. */
DWORD nt_service_install(bool *ret_was_there);

/* *ret_was_running is set on success. */
DWORD nt_service_start(bool *ret_was_running);

/* Waits until it has stopped, for 10 s at most (ERROR_SERVICE_REQUEST_TIMEOUT). */
DWORD nt_service_stop(bool *ret_was_running);

DWORD nt_service_delete(void);

/* "running" and so on. */
const char *nt_service_state_text(DWORD state);

#endif
