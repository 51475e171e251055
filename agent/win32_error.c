/* SPDX-License-Identifier: Apache-2.0 */
/* win32_error.h */
#include "win32_error.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "win32_text.h"

/* In English, as all that muster says; in the system's language where it has no English. */
static DWORD message_find(DWORD error, wchar_t *text, DWORD capacity)
{
    const DWORD flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK;
    const DWORD english = MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US);
    DWORD length = FormatMessageW(flags, NULL, error, english, text, capacity, NULL);

    return length ? length : FormatMessageW(flags, NULL, error, 0, text, capacity, NULL);
}

void win32_reason(unsigned long error, char *text, size_t capacity_bytes)
{
    wchar_t wide[128];
    char said[3 * 128];
    DWORD length = message_find(error, wide, sizeof(wide) / sizeof(*wide));

    while (length > 0 && wcschr(L" .\r\n", wide[length - 1]))
        length--;
    wide[length] = L'\0';
    if (length > 0 && text_copy_wide(wide, said, sizeof(said)))
        snprintf(text, capacity_bytes, "%s (error %lu)", said, error);
    else
        snprintf(text, capacity_bytes, "error %lu", error);
}

int win32_errno(unsigned long error)
{
    static const struct {
        DWORD error;
        int number;
    } numbers[] = {
        {ERROR_FILE_NOT_FOUND, ENOENT},    {ERROR_PATH_NOT_FOUND, ENOENT},      {ERROR_INVALID_NAME, ENOENT},
        {ERROR_BAD_PATHNAME, ENOENT},      {ERROR_ACCESS_DENIED, EACCES},       {ERROR_SHARING_VIOLATION, EBUSY},
        {ERROR_LOCK_VIOLATION, EBUSY},     {ERROR_WRITE_PROTECT, EROFS},        {ERROR_DISK_FULL, ENOSPC},
        {ERROR_HANDLE_DISK_FULL, ENOSPC},  {ERROR_BROKEN_PIPE, EPIPE},          {ERROR_NO_DATA, EPIPE},
        {ERROR_PIPE_NOT_CONNECTED, EPIPE}, {ERROR_INVALID_HANDLE, EBADF},       {ERROR_NOT_ENOUGH_MEMORY, ENOMEM},
        {ERROR_OUTOFMEMORY, ENOMEM},       {ERROR_TOO_MANY_OPEN_FILES, EMFILE},
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        if (numbers[i].error == error)
            return numbers[i].number;
    return EIO;
}
