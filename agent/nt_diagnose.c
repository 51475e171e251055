/* SPDX-License-Identifier: Apache-2.0 */
/* muster_sensor_diagnose on Windows: what `muster doctor` says. Where a thing can be tried, it is. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "muster/annotations.h"
#include "nt_device_client.h"
#include "nt_process.h"
#include "nt_service.h"
#include "win32_error.h"

struct findings {
    struct muster_sensor_finding *list;
    size_t count;
    size_t capacity;
};

MUSTER_PRINTF(5, 6)
static void finding_add(struct findings *findings, const char *what, bool good, const char *advice, const char *format,
                        ...)
{
    struct muster_sensor_finding *finding;
    va_list arguments;

    if (findings->count == findings->capacity)
        return;
    finding = &findings->list[findings->count++];
    finding->what = what;
    finding->good = good;
    finding->advice = good ? NULL : advice;
    va_start(arguments, format);
    vsnprintf(finding->detail, sizeof(finding->detail), format, arguments);
    va_end(arguments);
}

static FARPROC ntdll_find(const char *name)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");

    return ntdll ? GetProcAddress(ntdll, name) : NULL;
}

/* The driver's callback, and its memory from ExAllocatePool2 or not, want nothing newer. */
static void version_check(struct findings *findings)
{
    LONG(WINAPI * get_version)(RTL_OSVERSIONINFOW *);
    FARPROC found = ntdll_find("RtlGetVersion");
    RTL_OSVERSIONINFOW version = {.dwOSVersionInfoSize = sizeof(version)};

    memcpy(&get_version, &found, sizeof(get_version));
    if (found)
        (void)get_version(&version);
    finding_add(findings, "Windows 10 1607 or later", version.dwMajorVersion >= 10 && version.dwBuildNumber >= 14393,
                "use a newer Windows; on an older one the driver was not tried", "%lu.%lu.%lu", version.dwMajorVersion,
                version.dwMinorVersion, version.dwBuildNumber);
}

/* Whether the administrators' group is there and enabled: without elevation it is there for denying only. */
static void privilege_check(struct findings *findings)
{
    SID_IDENTIFIER_AUTHORITY authority = {SECURITY_NT_AUTHORITY};
    PSID administrators;
    BOOL is_member = FALSE;

    if (AllocateAndInitializeSid(&authority, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS, 0, 0, 0, 0, 0, 0,
                                 &administrators)) {
        if (!CheckTokenMembership(NULL, administrators, &is_member))
            is_member = FALSE;
        FreeSid(administrators);
    }
    finding_add(findings, "administrator", is_member != FALSE, win32_advice(ERROR_ACCESS_DENIED), "%s",
                is_member ? "yes" : "no, or not elevated");
}

static bool secure_boot(void)
{
    DWORD enabled = 0, bytes = sizeof(enabled);

    return RegGetValueW(HKEY_LOCAL_MACHINE, L"SYSTEM\\CurrentControlSet\\Control\\SecureBoot\\State",
                        L"UEFISecureBootEnabled", RRF_RT_REG_DWORD, NULL, &enabled, &bytes) == ERROR_SUCCESS &&
           enabled != 0;
}

/* SYSTEM_CODEINTEGRITY_INFORMATION, of NtQuerySystemInformation. */
static bool test_signing(void)
{
    enum { SYSTEM_CODE_INTEGRITY = 103, OPTION_TESTSIGN = 2 };
    LONG(WINAPI * query)(ULONG, void *, ULONG, ULONG *);
    FARPROC found = ntdll_find("NtQuerySystemInformation");
    struct {
        ULONG length;
        ULONG options;
    } information = {.length = sizeof(information)};

    memcpy(&query, &found, sizeof(query));
    return found && query(SYSTEM_CODE_INTEGRITY, &information, sizeof(information), NULL) == 0 &&
           (information.options & OPTION_TESTSIGN) != 0;
}

/* Neither is wrong; which signature the driver needs follows from it. */
static void signing_tell(struct findings *findings)
{
    const bool testing = test_signing();

    finding_add(findings, "driver signing", true, NULL, "test signing %s, Secure Boot %s: %s", testing ? "on" : "off",
                secure_boot() ? "on" : "off", testing ? "a test signature will do" : "needs Microsoft's signature");
}

/* True where it runs, so that it is worth asking. */
static bool service_check(struct findings *findings)
{
    struct nt_service_facts facts;
    char reason[96];
    DWORD error = nt_service_ask(&facts);

    if (error != ERROR_SUCCESS) {
        win32_reason(error, reason, sizeof(reason));
        finding_add(findings, "driver is installed", false, win32_service_advice(error), "%s", reason);
        return false;
    }
    finding_add(findings, "driver is installed", facts.is_installed && facts.is_ours,
                facts.is_installed ? "another service has its name: remove that first" : "`muster driver install PATH`",
                "%s",
                !facts.is_installed ? facts.is_deleted ? "the service is being removed" : "no service of its name"
                : facts.is_ours     ? "service Muster"
                                    : "the service of its name is not Muster's");
    if (!facts.is_installed)
        return false;
    finding_add(findings, "driver runs", facts.state == SERVICE_RUNNING, "`muster driver start`", "%s",
                nt_service_state_text(facts.state));
    return facts.state == SERVICE_RUNNING;
}

static void device_check(struct findings *findings)
{
    struct muster_nt_status_reply status = {0};
    struct muster_sensor_error error;
    struct nt_device device;
    bool good = nt_device_open(MUSTER_NT_ROLE_OBSERVER, &device, &error);

    finding_add(findings, "driver answers, versions agree", good, good ? NULL : error.advice, "%s%s%s",
                good ? "muster " MUSTER_VERSION : error.what, good ? "" : ": ", good ? "" : error.reason);
    if (!good)
        return;
    good = nt_device_status(&device, &status) == ERROR_SUCCESS && status.process_events;
    finding_add(findings, "driver reports processes", good,
                "Windows did not let the driver register its callback: the System event log says more", "%s",
                good ? "its callback is registered" : "its callback is not registered");
    finding_add(findings, "no other reader", !status.reader_present,
                "one program at a time can read: end the other `muster watch` first", "%s",
                status.reader_present ? "another program reads now" : "none reads now");
    nt_device_close(&device);
}

static void list_check(struct findings *findings)
{
    struct nt_process_list list = {0};
    bool good = nt_process_list_make(&list);

    finding_add(findings, "running processes are listed", good, "try again as administrator", "%zu processes",
                list.count);
    nt_process_list_free(&list);
}

size_t muster_sensor_diagnose(struct muster_sensor_finding *ret_findings, size_t capacity)
{
    struct findings findings = {.list = ret_findings, .capacity = capacity};

    version_check(&findings);
    privilege_check(&findings);
    signing_tell(&findings);
    if (service_check(&findings))
        device_check(&findings);
    list_check(&findings);
    return findings.count;
}
