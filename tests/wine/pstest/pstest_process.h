/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes that pstest.sys makes up. A fake_process stands for a PEPROCESS, and its `token` for
 * the PACCESS_TOKEN; the driver under test only ever passes them back to the exports of pstest.def.
 */
#ifndef MUSTER_TESTS_PSTEST_PROCESS_H
#define MUSTER_TESTS_PSTEST_PROCESS_H

#include <ntifs.h>

#include "pstest.h"

#define FAKE_SYSTEM_PID         4U
#define FAKE_SYSTEM_CREATE_TIME 132000000000000000LL

struct fake_token {
    struct fake_process *process;
};

struct fake_process {
    LIST_ENTRY entry;
    LONG references; /* one is that of its running */
    LONG token_references;
    BOOLEAN running;
    uint64_t pid;
    int64_t create_time;
    int32_t exit_status;
    uint32_t flags;
    uint32_t session_id;
    uint32_t integrity_rid;
    uint64_t logon_id;
    uint32_t sid_bytes;
    uint8_t sid[PSTEST_SID_MAX_BYTES];
    struct fake_token token;
};

/* Once, before anything else; makes the process FAKE_SYSTEM_PID. */
void fake_processes_init(void);

/* After the last use of any; frees what is left. */
void fake_processes_deinit(void);

/* Running from now on, as `raise` says. NULL without memory. */
struct fake_process *fake_process_begin(const struct pstest_raise *raise);

/* The one that runs under that pid, with a reference, or NULL. */
struct fake_process *fake_process_find(uint64_t pid);

/* No longer running. The caller keeps a reference of its own. */
void fake_process_end(struct fake_process *process);

void fake_process_release(struct fake_process *process);

void fake_processes_count(struct pstest_status *status);

#endif
