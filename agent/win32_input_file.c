/* SPDX-License-Identifier: Apache-2.0 */
/* input_file.h by CreateFileW. */
#include "input_file.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "win32_error.h"
#include "win32_text.h"

static bool open_failed(unsigned long error)
{
    errno = win32_errno(error);
    return false;
}

/* Somebody may still be writing it. */
static HANDLE file_open(const wchar_t *path)
{
    return CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                       FILE_FLAG_SEQUENTIAL_SCAN, NULL);
}

bool input_file_open(struct input_file *file, const char *path)
{
    HANDLE handle;
    wchar_t *wide;
    DWORD error;

    if (strcmp(path, "-") == 0) {
        handle = GetStdHandle(STD_INPUT_HANDLE);
        *file = (struct input_file){.name = "standard input", .handle = (intptr_t)handle, .standard = true};
        return (handle && handle != INVALID_HANDLE_VALUE) || open_failed(ERROR_INVALID_HANDLE);
    }
    wide = wide_from_text(path);
    handle = wide ? file_open(wide) : INVALID_HANDLE_VALUE;
    error = wide ? GetLastError() : ERROR_NOT_ENOUGH_MEMORY;
    free(wide);
    *file = (struct input_file){.name = path, .handle = (intptr_t)handle};
    return handle != INVALID_HANDLE_VALUE || open_failed(error);
}

long input_file_read(void *context, char *bytes, size_t size_bytes)
{
    const struct input_file *file = context;
    DWORD count = 0, error;

    if (size_bytes > LONG_MAX)
        size_bytes = LONG_MAX;
    if (ReadFile((HANDLE)file->handle, bytes, (DWORD)size_bytes, &count, NULL))
        return (long)count;
    error = GetLastError();
    if (error == ERROR_BROKEN_PIPE || error == ERROR_HANDLE_EOF)
        return 0; /* whoever wrote has ended */
    (void)open_failed(error);
    return -1;
}

void input_file_close(struct input_file *file)
{
    if (!file->standard && (HANDLE)file->handle != INVALID_HANDLE_VALUE)
        CloseHandle((HANDLE)file->handle);
    file->handle = (intptr_t)INVALID_HANDLE_VALUE;
}

static bool file_identity(const char *path, BY_HANDLE_FILE_INFORMATION *ret_identity)
{
    struct input_file file;
    bool known;

    if (strcmp(path, "-") == 0 || !input_file_open(&file, path))
        return false;
    known = GetFileInformationByHandle((HANDLE)file.handle, ret_identity);
    input_file_close(&file);
    return known;
}

bool input_file_same(const char *path, const char *other)
{
    BY_HANDLE_FILE_INFORMATION one, two;

    return file_identity(path, &one) && file_identity(other, &two) &&
           one.dwVolumeSerialNumber == two.dwVolumeSerialNumber && one.nFileIndexHigh == two.nFileIndexHigh &&
           one.nFileIndexLow == two.nFileIndexLow;
}
