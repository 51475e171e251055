/* SPDX-License-Identifier: Apache-2.0 */
/* nt_driver_file.h */
#include "nt_driver_file.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES  65536
#define NAME         L"muster.sys"
#define NEW_SUFFIX   L".new"
#define LONGEST_PATH 32768

static HANDLE file_open(const wchar_t *path)
{
    return CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                       FILE_FLAG_SEQUENTIAL_SCAN, NULL);
}

static bool contents_same(HANDLE left, HANDLE right, unsigned char *chunks)
{
    DWORD left_count, right_count;

    do {
        if (!ReadFile(left, chunks, CHUNK_BYTES, &left_count, NULL) ||
            !ReadFile(right, chunks + CHUNK_BYTES, CHUNK_BYTES, &right_count, NULL) || left_count != right_count ||
            memcmp(chunks, chunks + CHUNK_BYTES, left_count) != 0)
            return false;
    } while (left_count > 0);
    return true;
}

bool nt_driver_file_same(const wchar_t *left, const wchar_t *right)
{
    HANDLE left_file = file_open(left), right_file = file_open(right);
    unsigned char *chunks = malloc(2 * CHUNK_BYTES);
    bool same = chunks && left_file != INVALID_HANDLE_VALUE && right_file != INVALID_HANDLE_VALUE &&
                contents_same(left_file, right_file, chunks);

    if (left_file != INVALID_HANDLE_VALUE)
        CloseHandle(left_file);
    if (right_file != INVALID_HANDLE_VALUE)
        CloseHandle(right_file);
    free(chunks);
    return same;
}

wchar_t *nt_driver_file_new(const wchar_t *to)
{
    wchar_t *fresh = malloc((wcslen(to) + sizeof(NEW_SUFFIX)) * sizeof(*fresh));

    if (fresh) {
        wcscpy(fresh, to);
        wcscat(fresh, NEW_SUFFIX);
    }
    return fresh;
}

unsigned long nt_driver_file_copy(const wchar_t *from, const wchar_t *fresh)
{
    DWORD error;

    /* A file that is read-only could not be replaced later. */
    if (CopyFileW(from, fresh, FALSE) && SetFileAttributesW(fresh, FILE_ATTRIBUTE_NORMAL))
        return ERROR_SUCCESS;
    error = GetLastError();
    (void)DeleteFileW(fresh);
    return error;
}

unsigned long nt_driver_file_place(const wchar_t *fresh, const wchar_t *to)
{
    DWORD error;

    if (MoveFileExW(fresh, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
        return ERROR_SUCCESS;
    error = GetLastError();
    (void)DeleteFileW(fresh);
    return error;
}

unsigned long nt_driver_file_delete(const wchar_t *path, bool *ret_later)
{
    DWORD error = DeleteFileW(path) ? ERROR_SUCCESS : GetLastError();

    *ret_later = false;
    if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND)
        return ERROR_SUCCESS;
    if (error != ERROR_SUCCESS && MoveFileExW(path, NULL, MOVEFILE_DELAY_UNTIL_REBOOT)) {
        *ret_later = true;
        return ERROR_SUCCESS;
    }
    return error;
}

wchar_t *nt_driver_file_beside(void)
{
    wchar_t *path = malloc(LONGEST_PATH * sizeof(*path));
    DWORD count = path ? GetModuleFileNameW(NULL, path, LONGEST_PATH) : 0;
    wchar_t *name = count > 0 && count < LONGEST_PATH ? wcsrchr(path, L'\\') : NULL;

    if (!name || (size_t)(name - path) + 1 + sizeof(NAME) / sizeof(wchar_t) > LONGEST_PATH) {
        free(path);
        return NULL;
    }
    wcscpy(name + 1, NAME);
    return path;
}
