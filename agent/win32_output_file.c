/* SPDX-License-Identifier: Apache-2.0 */
/* output_file.h by CreateFileW. */
#include "output_file.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <errno.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "win32_console.h"
#include "win32_error.h"
#include "win32_sid.h"
#include "win32_text.h"

/* One a process, as the standard handles are. */
static struct win32_output the_output;

static long output_write(void *context, const char *bytes, size_t size_bytes)
{
    struct output_file *file = context;
    long taken = win32_output_write(&the_output, bytes, size_bytes);

    if (taken > 0)
        __atomic_fetch_add(&file->written, (uint64_t)taken, __ATOMIC_RELAXED); /* the main thread looks for progress */
    return taken;
}

/* Nothing inherited; full access for who runs this, SYSTEM and the administrators. NULL with
 * GetLastError set; the caller calls LocalFree. */
static PSECURITY_DESCRIPTOR private_descriptor(void)
{
    wchar_t text[SID_TEXT_MAX + 64], user[SID_TEXT_MAX];
    PSECURITY_DESCRIPTOR descriptor = NULL;

    if (!sid_text_of_process(GetCurrentProcess(), user))
        return NULL;
    _snwprintf(text, sizeof(text) / sizeof(*text), L"D:P(A;;FA;;;%ls)(A;;FA;;;SY)(A;;FA;;;BA)", user);
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1, &descriptor, NULL))
        return NULL;
    return descriptor;
}

/* The descriptor counts for a file that is new; of one that is there its own stays. */
static HANDLE file_open(const wchar_t *path)
{
    SECURITY_ATTRIBUTES attributes = {.nLength = sizeof(attributes), .lpSecurityDescriptor = private_descriptor()};
    HANDLE handle = INVALID_HANDLE_VALUE;
    DWORD error;

    if (attributes.lpSecurityDescriptor)
        handle =
            CreateFileW(path, GENERIC_WRITE, FILE_SHARE_READ, &attributes, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    error = GetLastError();
    LocalFree(attributes.lpSecurityDescriptor);
    SetLastError(error);
    return handle;
}

static bool open_failed(unsigned long error)
{
    errno = win32_errno(error);
    return false;
}

static bool path_open(struct output_file *file, const char *path)
{
    wchar_t *wide = wide_from_text(path);
    HANDLE handle = wide ? file_open(wide) : INVALID_HANDLE_VALUE;
    DWORD error = wide ? GetLastError() : ERROR_NOT_ENOUGH_MEMORY;

    free(wide);
    if (handle == INVALID_HANDLE_VALUE)
        return open_failed(error);
    file->regular = GetFileType(handle) == FILE_TYPE_DISK;
    if (file->regular && !SetEndOfFile(handle)) {
        error = GetLastError();
        CloseHandle(handle);
        return open_failed(error);
    }
    file->handle = (intptr_t)handle;
    win32_output_init(&the_output, handle);
    file->terminal = the_output.is_console;
    return true;
}

bool output_file_open(struct output_file *file, const char *path)
{
    HANDLE handle = GetStdHandle(STD_OUTPUT_HANDLE);

    *file = (struct output_file){.name = path, .handle = -1};
    if (path && strcmp(path, "-") != 0)
        return path_open(file, path);
    file->name = "standard output";
    file->standard = true;
    if (!handle || handle == INVALID_HANDLE_VALUE)
        return open_failed(ERROR_INVALID_HANDLE);
    file->handle = (intptr_t)handle;
    win32_output_init(&the_output, handle);
    file->terminal = the_output.is_console;
    return true;
}

struct muster_output_target output_file_target(struct output_file *file)
{
    return (struct muster_output_target){.write = output_write, .context = file};
}

bool output_file_sync(struct output_file *file)
{
    return !file->regular || FlushFileBuffers((HANDLE)file->handle) || open_failed(GetLastError());
}

void output_file_cut(struct output_file *file, uint64_t whole_bytes)
{
    LARGE_INTEGER end = {.QuadPart = (LONGLONG)whole_bytes};

    /* Where that fails the unfinished line stays; the error that led here is told anyway. */
    if (file->regular && SetFilePointerEx((HANDLE)file->handle, end, NULL, FILE_BEGIN))
        (void)SetEndOfFile((HANDLE)file->handle);
}

bool output_file_close(struct output_file *file)
{
    intptr_t handle = file->handle;

    file->handle = -1;
    return file->standard || handle == -1 || CloseHandle((HANDLE)handle) || open_failed(GetLastError());
}
