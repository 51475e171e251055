/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps's inside: processes as objects, and the list of routines that are told of them. For io_driver.c and
 * between the two files of ps.
 */
#ifndef SIMULATED_NT_PS_INTERNAL_H
#define SIMULATED_NT_PS_INTERNAL_H

#include <ntifs.h>

#include "simulated_nt/include/simulated_nt_io.h"
#include "simulated_nt/se_internal.h"
#include "simulated_nt/sim_internal.h"
#include "simulated_nt/sim_object.h"

/* What a PEPROCESS points to. */
struct sim_process {
    struct sim_process *next; /* processes_lock */
    uint64_t process_id;
    uint64_t parent_process_id;
    int64_t create_time_100ns;
    uint64_t start_key;
    struct sim_token *token; /* a reference */
    int32_t exit_status;     /* atomic; STATUS_PENDING while it runs */
};

struct sim_process *sim_process_of(const char *call, PEPROCESS process);
struct sim_process *sim_process_system(void);
/* Makes the System process; may be called again. */
void sim_process_init(void);
void sim_process_reset(void);

/* Calls every registered routine, in this thread. `info` NULL: an exit. */
void sim_notify_call(struct sim_process *process, PS_CREATE_NOTIFY_INFO *info);
void sim_notify_check_leaks(const char *call);

/* Not in mingw-w64's headers. */
NTSTATUS NTAPI PsGetProcessExitStatus(PEPROCESS Process);
ULONG NTAPI PsGetProcessSessionId(PEPROCESS Process);
HANDLE NTAPI PsGetProcessInheritedFromUniqueProcessId(PEPROCESS Process);
ULONGLONG NTAPI PsGetProcessStartKey(PEPROCESS Process);

#endif
