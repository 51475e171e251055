/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nt_process.h. The list is toolhelp's, and what is not in it is asked of each process by a handle that
 * may query limited information, which an administrator gets of all but the idle process; of
 * protected ones too.
 */
#include "nt_process.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <stdlib.h>
#include <string.h>
#include <tlhelp32.h>

#include "host.h"
#include "win32_sid.h"
#include "win32_text.h"
#include "win32_time.h"

/* ---- the list ------------------------------------------------------------------------------------ */

static uint64_t start_of(uint32_t pid)
{
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    FILETIME start, exit, kernel, user;
    uint64_t start_ns = 0;

    if (!process)
        return 0;
    if (GetProcessTimes(process, &start, &exit, &kernel, &user))
        (void)win32_time_ns(&start, &start_ns);
    CloseHandle(process);
    return start_ns;
}

static bool list_add(struct nt_process_list *list, size_t *capacity, const PROCESSENTRY32W *entry)
{
    struct nt_process_name *processes = list->processes;

    if (list->count == *capacity) {
        *capacity = *capacity ? 2 * *capacity : 256;
        processes = realloc(list->processes, *capacity * sizeof(*processes));
        if (!processes) {
            SetLastError(ERROR_NOT_ENOUGH_MEMORY);
            return false;
        }
        list->processes = processes;
    }
    processes[list->count++] = (struct nt_process_name){
        .pid = entry->th32ProcessID,
        .parent_pid = entry->th32ParentProcessID,
        .start_ns = start_of(entry->th32ProcessID),
    };
    return true;
}

static int by_pid(const void *left, const void *right)
{
    const struct nt_process_name *a = left, *b = right;

    return a->pid < b->pid ? -1 : a->pid > b->pid;
}

bool nt_process_list_make(struct nt_process_list *ret_list)
{
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    PROCESSENTRY32W entry = {.dwSize = sizeof(entry)};
    struct nt_process_list list = {0};
    size_t capacity = 0;
    bool more, done = true;

    if (snapshot == INVALID_HANDLE_VALUE)
        return false;
    for (more = Process32FirstW(snapshot, &entry); more && done; more = done && Process32NextW(snapshot, &entry))
        done = entry.th32ProcessID == 0 || list_add(&list, &capacity, &entry); /* 0: the idle process is none */
    done = done && GetLastError() == ERROR_NO_MORE_FILES;
    CloseHandle(snapshot);
    if (!done) {
        nt_process_list_free(&list);
        return false;
    }
    if (list.count > 0)
        qsort(list.processes, list.count, sizeof(*list.processes), by_pid);
    *ret_list = list;
    return true;
}

void nt_process_list_free(struct nt_process_list *list)
{
    DWORD error = GetLastError();

    free(list->processes);
    SetLastError(error);
}

const struct nt_process_name *nt_process_list_find(const struct nt_process_list *list, uint32_t pid)
{
    const struct nt_process_name wanted = {.pid = pid};

    return list->count ? bsearch(&wanted, list->processes, list->count, sizeof(wanted), by_pid) : NULL;
}

/* ---- one process --------------------------------------------------------------------------------- */

static void known(struct nt_process *process, enum muster_field field, bool is_known)
{
    uint64_t *bits = is_known ? &process->start.record.valid : &process->start.record.unavailable;

    *bits |= MUSTER_FIELD_BIT(field);
}

static void text_add(struct nt_process *process, enum muster_field field, const char *text, bool is_known)
{
    if (is_known)
        process->texts[process->text_count++] = muster_text_whole(field, text, (uint32_t)strlen(text));
    else
        known(process, field, false);
}

/* The pid of a parent that ended may be another process's by now: that one began later. */
static void parent_read(const struct nt_process_list *list, const struct nt_process_name *name,
                        struct nt_process *process)
{
    const struct nt_process_name *parent = nt_process_list_find(list, name->parent_pid);

    if (name->parent_pid == 0 || !parent || parent->start_ns == 0 || name->start_ns == 0 ||
        parent->start_ns > name->start_ns)
        return;
    process->start.process.parent_pid = parent->pid;
    process->start.process.parent_start_ns = parent->start_ns;
    known(process, MUSTER_FIELD_PARENT_PID, true);
    known(process, MUSTER_FIELD_PARENT_START, true);
}

static void session_read(struct nt_process *process)
{
    DWORD session;
    bool is_known = ProcessIdToSessionId(process->start.process.pid, &session);

    if (is_known)
        process->start.terminal_session_id = session;
    known(process, MUSTER_FIELD_TERMINAL_SESSION, is_known);
}

static void path_read(HANDLE handle, struct nt_process *process)
{
    static wchar_t path[32768];
    DWORD count = sizeof(path) / sizeof(*path);
    bool is_known = handle && QueryFullProcessImageNameW(handle, 0, path, &count) && count > 0 &&
                    text_copy_wide(path, process->path, sizeof(process->path));

    text_add(process, MUSTER_FIELD_EXECUTABLE, process->path, is_known);
}

/* The last part of the label's identifier is the level. */
static bool integrity_of(HANDLE token, uint32_t *ret_rid)
{
    union {
        TOKEN_MANDATORY_LABEL label;
        unsigned char bytes[sizeof(TOKEN_MANDATORY_LABEL) + SECURITY_MAX_SID_SIZE];
    } information;
    DWORD bytes;
    UCHAR count;

    if (!token || !GetTokenInformation(token, TokenIntegrityLevel, &information, sizeof(information), &bytes))
        return false;
    count = *GetSidSubAuthorityCount(information.label.Label.Sid);
    if (count == 0)
        return false;
    *ret_rid = *GetSidSubAuthority(information.label.Label.Sid, count - 1U);
    return true;
}

static void token_read(HANDLE token, struct nt_process *process)
{
    struct muster_process_start *start = &process->start;
    TOKEN_STATISTICS statistics;
    TOKEN_ELEVATION elevation;
    wchar_t sid[SID_TEXT_MAX];
    DWORD bytes;
    bool is_known = token && GetTokenInformation(token, TokenStatistics, &statistics, sizeof(statistics), &bytes);

    if (is_known)
        start->logon_id =
            (uint64_t)(uint32_t)statistics.AuthenticationId.HighPart << 32 | statistics.AuthenticationId.LowPart;
    known(process, MUSTER_FIELD_LOGON_ID, is_known);
    is_known = token && GetTokenInformation(token, TokenElevation, &elevation, sizeof(elevation), &bytes);
    if (is_known)
        start->elevated = elevation.TokenIsElevated != 0;
    known(process, MUSTER_FIELD_ELEVATED, is_known);
    known(process, MUSTER_FIELD_INTEGRITY, integrity_of(token, &start->integrity_rid));
    is_known = token && sid_text_of_token(token, sid) && text_copy_wide(sid, process->sid, sizeof(process->sid));
    text_add(process, MUSTER_FIELD_USER_SID, process->sid, is_known);
}

void nt_process_read(const struct nt_process_list *list, const struct nt_process_name *name,
                     struct nt_process *ret_process)
{
    HANDLE handle = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, name->pid), token = NULL;

    ret_process->text_count = 0;
    ret_process->start = (struct muster_process_start){
        .record = {.type = MUSTER_EVENT_PROCESS_RUNNING,
                   .version = MUSTER_RECORD_VERSION,
                   .flags = MUSTER_RECORD_WTF8,
                   .fixed_bytes = sizeof(ret_process->start)},
        .process = {.pid = name->pid, .start_ns = name->start_ns},
    };
    known(ret_process, MUSTER_FIELD_PID, true);
    known(ret_process, MUSTER_FIELD_START, name->start_ns != 0);
    parent_read(list, name, ret_process);
    session_read(ret_process);
    path_read(handle, ret_process);
    if (handle && !OpenProcessToken(handle, TOKEN_QUERY, &token))
        token = NULL;
    token_read(token, ret_process);
    if (token)
        CloseHandle(token);
    if (handle)
        CloseHandle(handle);
    ret_process->start.record.time_ns = host_now_ns();
}
