/* SPDX-License-Identifier: Apache-2.0 */
/* Of the Windows API what agent/nt_source.c uses, for its unit test on another host. Events are flags. */
#ifndef MUSTER_TESTS_FEW_WINDOWS_H
#define MUSTER_TESTS_FEW_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

typedef uint32_t DWORD;
typedef void *HANDLE;

typedef struct {
    HANDLE hEvent;
} OVERLAPPED;

#define TRUE  1
#define FALSE 0

#define ERROR_SUCCESS           0U
#define ERROR_NOT_ENOUGH_MEMORY 8U
#define ERROR_INVALID_DATA      13U
#define ERROR_BAD_COMMAND       22U
#define ERROR_MORE_DATA         234U
#define ERROR_OPERATION_ABORTED 995U

#define MEM_RESERVE    0
#define MEM_COMMIT     0
#define MEM_RELEASE    0
#define PAGE_READWRITE 0

#define VirtualAlloc(address, bytes, type, protection) calloc(1, (bytes))
#define VirtualFree(memory, bytes, type)               free(memory)
#define CreateEventW(attributes, manual, set, name)    calloc(1, sizeof(bool))
#define CloseHandle(handle)                            free(handle)
#define SetEvent(event)                                (*(bool *)(event) = true)
#define ResetEvent(event)                              (*(bool *)(event) = false)
#define GetLastError()                                 ERROR_NOT_ENOUGH_MEMORY

#endif
