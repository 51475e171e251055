/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which Windows this claims to be: Windows 10 2004, the first with ExAllocatePool2.
 */
#include <ntddk.h>

#include "simulated_nt/sim_internal.h"

#define MAJOR 10
#define MINOR 0
#define BUILD 19041

NTSTATUS NTAPI RtlGetVersion(PRTL_OSVERSIONINFOW lpVersionInformation)
{
    static const char call[] = "RtlGetVersion";
    const ULONG size = lpVersionInformation->dwOSVersionInfoSize;

    sim_require_irql_exactly(call, PASSIVE_LEVEL);
    if (size != sizeof(RTL_OSVERSIONINFOW) && size != sizeof(RTL_OSVERSIONINFOEXW))
        sim_broken(call, "dwOSVersionInfoSize is %u", size);
    __builtin_memset(lpVersionInformation, 0, size);
    lpVersionInformation->dwOSVersionInfoSize = size;
    lpVersionInformation->dwMajorVersion = MAJOR;
    lpVersionInformation->dwMinorVersion = MINOR;
    lpVersionInformation->dwBuildNumber = BUILD;
    lpVersionInformation->dwPlatformId = 2; /* VER_PLATFORM_WIN32_NT */
    return STATUS_SUCCESS;
}

BOOLEAN NTAPI PsGetVersion(PULONG MajorVersion, PULONG MinorVersion, PULONG BuildNumber, PUNICODE_STRING CSDVersion)
{
    if (MajorVersion != NULL)
        *MajorVersion = MAJOR;
    if (MinorVersion != NULL)
        *MinorVersion = MINOR;
    if (BuildNumber != NULL)
        *BuildNumber = BUILD;
    if (CSDVersion != NULL)
        *CSDVersion = (UNICODE_STRING){.Length = 0};
    return TRUE; /* a free build */
}
