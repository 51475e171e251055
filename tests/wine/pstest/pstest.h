/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control device of pstest.sys: how a test says what processes start and end. All numbers are
 * little-endian; the Python side packs the same structures by hand.
 */
#ifndef MUSTER_TESTS_PSTEST_H
#define MUSTER_TESTS_PSTEST_H

#include <stdint.h>

#define PSTEST_USER_PATH L"\\\\.\\MusterPsTest"

/* METHOD_BUFFERED, FILE_ANY_ACCESS, of a device type of our own. */
#define PSTEST_DEVICE_TYPE            0x9d55U
#define PSTEST_CONTROL_CODE(function) ((PSTEST_DEVICE_TYPE << 16) | ((function) << 2))
#define PSTEST_CONTROL_RAISE          PSTEST_CONTROL_CODE(0x800U)
#define PSTEST_CONTROL_STORM          PSTEST_CONTROL_CODE(0x801U)
#define PSTEST_CONTROL_STATUS         PSTEST_CONTROL_CODE(0x802U)

/* What registration fails with, a DWORD value of this key of HKEY_LOCAL_MACHINE; absent or 0: nothing. */
#define PSTEST_POLICY_KEY    L"Software\\MusterPsTest"
#define PSTEST_POLICY_REFUSE L"RefuseWith"

enum pstest_kind {
    PSTEST_START = 1,
    PSTEST_EXIT = 2,
};

#define PSTEST_HAS_IMAGE   1U
#define PSTEST_HAS_COMMAND 2U
#define PSTEST_OPENED_NAME 4U /* FileOpenNameAvailable */
#define PSTEST_NO_TOKEN    8U /* every question about the token fails */
#define PSTEST_ADMIN       16U

#define PSTEST_SID_MAX_BYTES 68U

/* One start or exit. `bytes` in all; behind it the image path and the command line, UTF-16 units
 * without a NUL. An exit needs the pid, and of a process that never started its create_time too. */
struct pstest_raise {
    uint32_t bytes;
    uint32_t kind;
    uint64_t pid;
    uint64_t parent_pid;
    uint64_t creator_pid;
    uint64_t creator_tid;
    int64_t create_time; /* 100 ns since 1601 */
    uint64_t logon_id;
    uint32_t flags;
    int32_t exit_status;
    uint32_t session_id;
    uint32_t integrity_rid;
    uint32_t sid_bytes;
    uint32_t image_bytes;
    uint32_t command_bytes;
    uint8_t sid[PSTEST_SID_MAX_BYTES];
};

/* `threads` threads at once, each raises `count` starts, each followed by its exit. Process i of
 * thread t has the pid first_pid + 4 * (t * count + i), the parent and creator 4, the image
 * "\??\C:\storm\t\i.exe" and the command line "storm t i", filled up with 'x' to command_bytes. */
struct pstest_storm {
    uint32_t threads;
    uint32_t count;
    uint32_t first_pid;
    uint32_t command_bytes;
};

struct pstest_status {
    uint32_t registered;
    uint32_t storm_threads; /* still running */
    uint64_t registrations; /* that succeeded */
    uint64_t refusals;      /* calls to register or remove that failed */
    uint64_t raised;        /* events that a callback was told of */
    uint64_t unheard;       /* events at which none was registered */
    uint64_t references;    /* to processes, taken and not given back */
    uint64_t token_references;
    uint64_t violations; /* given back without having been taken */
    uint64_t denied;     /* starts whose CreationStatus came back changed */
    uint64_t processes;  /* that run */
};

_Static_assert(sizeof(struct pstest_raise) == 152, "pstest_raise changed size");
_Static_assert(sizeof(struct pstest_storm) == 16, "pstest_storm changed size");
_Static_assert(sizeof(struct pstest_status) == 80, "pstest_status changed size");

#endif
