/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small driver, right in all that it does, that the tests of io, ob, ps and se load; and switches by which
 * tests make it wrong in one thing.
 */
#ifndef SIMULATED_NT_SAMPLE_DRIVER_H
#define SIMULATED_NT_SAMPLE_DRIVER_H

#include <ntifs.h>

#include "simulated_nt/include/simulated_nt_io.h"

#define SAMPLE_ECHO   SIM_CTL_CODE(0x22, 0x800, SIM_METHOD_BUFFERED, SIM_FILE_ANY_ACCESS)
#define SAMPLE_FILL   SIM_CTL_CODE(0x22, 0x801, SIM_METHOD_OUT_DIRECT, SIM_FILE_READ_ACCESS)
#define SAMPLE_SUM    SIM_CTL_CODE(0x22, 0x802, SIM_METHOD_IN_DIRECT, SIM_FILE_WRITE_ACCESS)
#define SAMPLE_READ   SIM_CTL_CODE(0x22, 0x803, SIM_METHOD_BUFFERED, SIM_FILE_READ_ACCESS) /* pends */
#define SAMPLE_WAKE   SIM_CTL_CODE(0x22, 0x804, SIM_METHOD_BUFFERED, SIM_FILE_ANY_ACCESS)  /* completes what pends */
#define SAMPLE_BEYOND SIM_CTL_CODE(0x22, 0x805, SIM_METHOD_OUT_DIRECT, SIM_FILE_READ_ACCESS)
#define SAMPLE_MISDO  SIM_CTL_CODE(0x22, 0x806, SIM_METHOD_BUFFERED, SIM_FILE_ANY_ACCESS) /* the first byte says how */
#define SAMPLE_WHO    SIM_CTL_CODE(0x22, 0x808, SIM_METHOD_BUFFERED, SIM_FILE_ANY_ACCESS) /* the sender's process */
#define SAMPLE_UNWRITTEN                                                                                               \
    SIM_CTL_CODE(0x22, 0x809, SIM_METHOD_BUFFERED, SIM_FILE_ANY_ACCESS) /* tells of bytes that it did not write */
#define SAMPLE_RAW SIM_CTL_CODE(0x22, 0x807, SIM_METHOD_NEITHER, SIM_FILE_ANY_ACCESS)

enum sample_misdeed {
    SAMPLE_COMPLETE_TWICE = 1,
    SAMPLE_TOUCH_AFTER_COMPLETION,
    SAMPLE_RETURN_UNCOMPLETED,
    SAMPLE_PENDING_UNMARKED,
    SAMPLE_MARKED_NOT_PENDING,
    SAMPLE_OTHER_STATUS,
    SAMPLE_KEEP_CANCEL_ROUTINE,
    SAMPLE_TOO_MUCH_INFORMATION,
    SAMPLE_WRITE_BEHIND_SYSTEM_BUFFER,
    SAMPLE_STAY_AT_DISPATCH,
    SAMPLE_STAY_IN_REGION,
    SAMPLE_COMPLETE_WITH_PENDING,
    SAMPLE_KEEP_FILE_REFERENCE,
    SAMPLE_DEREFERENCE_TOO_OFTEN,
    SAMPLE_USE_SYSTEM_BUFFER_LATER,
    SAMPLE_COMPLETE_UNDER_LOCK,
};

enum sample_flaw {
    SAMPLE_LEAVES_DEVICE = 1,
    SAMPLE_LEAVES_LINK = 2,
    SAMPLE_LEAVES_ROUTINE = 4,
    SAMPLE_NO_DACL = 8,
    SAMPLE_USER_HANDLE = 16,
    SAMPLE_LEAKS_HANDLE = 32,
    SAMPLE_IGNORES_CLEANUP = 64,
    SAMPLE_CANCEL_KEEPS_LOCK = 128,
    SAMPLE_ROUTINE_REMOVES_ITSELF = 256,
    SAMPLE_ROUTINE_READS_BEHIND = 512,
    SAMPLE_ROUTINE_DENIES = 1024,
    SAMPLE_ROUTINE_OPENS_PROCESS = 2048,
    SAMPLE_ROUTINE_STAYS_AT_APC = 4096,
    SAMPLE_NO_ROUTINE = 8192,
    SAMPLE_EXCLUSIVE = 16384,
    SAMPLE_REFUSES_CREATE = 32768,
    SAMPLE_OPEN_NAMES = 65536, /* without FILE_DEVICE_SECURE_OPEN */
    SAMPLE_NULL_DACL = 131072,
    SAMPLE_EMPTY_DACL = 262144,
    SAMPLE_FAILS_AND_LEAVES = 524288,
    SAMPLE_KEEPS_TOKEN = 1048576,
    SAMPLE_LEAVES_THREAD = 2097152,
};
extern ULONG sample_flaws; /* set before it is loaded */

#define SAMPLE_DEVICE ((const sim_utf16 *)L"\\Device\\Sample")
#define SAMPLE_PATH   ((const sim_utf16 *)L"\\\?\?\\Sample")

NTSTATUS sample_driver_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path);

/* What it has seen. */
struct sample_counts {
    ULONG creates, cleanups, closes, cancels, completions, creations, exits;
    ULONG after_removal; /* calls of the notify routine after its removal came back */
};
extern struct sample_counts sample_counts; /* Interlocked */

/* What the notify routine saw last, when one thread creates. */
struct sample_seen {
    HANDLE process_id, parent_process_id, creating_thread;
    USHORT image_bytes, command_line_bytes;
    WCHAR image_first, command_line_last;
    BOOLEAN has_image, has_command_line, is_admin;
    ULONG session_id, integrity;
    LUID logon_id;
    WCHAR user[64];
    LONGLONG create_time;
    NTSTATUS exit_status;
};
extern struct sample_seen sample_seen;
extern BOOLEAN sample_looks; /* fills sample_seen */

NTSTATUS sample_register(void);
NTSTATUS sample_unregister(void);

#endif
