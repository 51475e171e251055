/* SPDX-License-Identifier: Apache-2.0 */
/* host.h: the stream's clock is the system time since 1970, so that nothing has to be added to it. */
#include "host.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <ntsecapi.h>
#include <stdio.h>
#include <string.h>

#include "muster/identity.h"
#include "user_names.h"
#include "uuid.h"
#include "win32_text.h"
#include "win32_time.h"

#define NS_PER_S 1000000000ULL

/* KUSER_SHARED_DATA.BootId: counts the starts of this Windows; 0 where it is not known (Wine). The
 * address is the same in every process since Windows 2000; the member came with Windows 8. */
#define USER_SHARED_BOOT_ID ((const volatile ULONG *)(uintptr_t)0x7ffe02c4)

static bool machine_guid(char *text, size_t capacity_bytes)
{
    wchar_t wide[64];
    DWORD bytes = sizeof(wide);

    return RegGetValueW(HKEY_LOCAL_MACHINE, L"SOFTWARE\\Microsoft\\Cryptography", L"MachineGuid",
                        RRF_RT_REG_SZ | RRF_SUBKEY_WOW6464KEY, NULL, wide, &bytes) == ERROR_SUCCESS &&
           text_copy_wide(wide, text, capacity_bytes) && text[0];
}

/* identity.h has the definition. */
static bool boot_id(const char *guid, uint8_t ret_id[16])
{
    uint32_t boot = *USER_SHARED_BOOT_ID;
    uint8_t machine[16];

    if (boot == 0 || !uuid_parse(guid, machine))
        return false;
    muster_entity_id(machine, boot, 0, ret_id);
    return true;
}

/* GetVersionEx tells what a program's manifest knows; this tells what runs. */
static bool kernel_version(char *text, size_t capacity_bytes)
{
    typedef LONG(WINAPI * get_version_function)(RTL_OSVERSIONINFOW *);
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    FARPROC found = ntdll ? GetProcAddress(ntdll, "RtlGetVersion") : NULL;
    RTL_OSVERSIONINFOW version = {.dwOSVersionInfoSize = sizeof(version)};
    get_version_function get_version;

    if (!found)
        return false;
    memcpy(&get_version, &found, sizeof(get_version));
    if (get_version(&version) != 0)
        return false;
    snprintf(text, capacity_bytes, "%lu.%lu.%lu", version.dwMajorVersion, version.dwMinorVersion,
             version.dwBuildNumber);
    return true;
}

static bool computer_name(char *text, size_t capacity_bytes)
{
    wchar_t wide[256];
    DWORD count = sizeof(wide) / sizeof(*wide);

    return GetComputerNameExW(ComputerNameDnsHostname, wide, &count) && text_copy_wide(wide, text, capacity_bytes) &&
           text[0];
}

void host_describe(struct host *host, struct muster_stream *ret_stream)
{
    *host = (struct host){0};
    *ret_stream = (struct muster_stream){
        .tick_ns = MUSTER_TICK_NS_WINDOWS,
        .provider = "muster.sys",
        .os_type = "windows",
        .version = MUSTER_VERSION,
        .user_sid_name = user_name_of_sid,
    };
    if (computer_name(host->name, sizeof(host->name)))
        ret_stream->host_name = host->name;
    if (machine_guid(host->id, sizeof(host->id))) {
        ret_stream->host_id = host->id;
        ret_stream->boot_id_valid = boot_id(host->id, ret_stream->boot_id);
    }
    if (kernel_version(host->kernel, sizeof(host->kernel)))
        ret_stream->os_kernel = host->kernel;
}

uint64_t host_now_ns(void)
{
    FILETIME now;
    uint64_t now_ns = 0;

    GetSystemTimePreciseAsFileTime(&now);
    (void)win32_time_ns(&now, &now_ns);
    return now_ns;
}

int64_t host_clock_offset_ns(void)
{
    return 0;
}

/* The performance counter goes on while the machine sleeps, and nobody sets it. */
uint64_t host_monotonic_ns(void)
{
    LARGE_INTEGER count, frequency;
    uint64_t whole, rest;

    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&frequency);
    whole = (uint64_t)count.QuadPart / (uint64_t)frequency.QuadPart;
    rest = (uint64_t)count.QuadPart % (uint64_t)frequency.QuadPart;
    return whole * NS_PER_S + rest * NS_PER_S / (uint64_t)frequency.QuadPart;
}

uint64_t host_process_id(void)
{
    return GetCurrentProcessId();
}

uint64_t host_random(void)
{
    uint64_t number;

    return RtlGenRandom(&number, sizeof(number)) ? number : 0;
}

void host_memory_trim(void)
{
    /* the heap does so by itself */
}
