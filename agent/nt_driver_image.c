/* SPDX-License-Identifier: Apache-2.0 */
/* nt_driver_image.h: the PE headers ("PE Format", learn.microsoft.com), and the version resource. */
#include "nt_driver_image.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <stdlib.h>
#include <string.h>

#define HEADERS_BYTES 4096 /* of the file's beginning: where a driver's headers end well before */
#define PRODUCT       L"Muster"

/* What the headers are read from; nothing behind `count` is touched. */
struct headers {
    unsigned char bytes[HEADERS_BYTES];
    DWORD count;
};

static DWORD headers_read(const wchar_t *path, struct headers *ret_headers)
{
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, 0, NULL);
    DWORD error = ERROR_SUCCESS;

    if (file == INVALID_HANDLE_VALUE)
        return GetLastError();
    if (GetFileType(file) != FILE_TYPE_DISK)
        error = ERROR_BAD_EXE_FORMAT;
    else if (!ReadFile(file, ret_headers->bytes, sizeof(ret_headers->bytes), &ret_headers->count, NULL))
        error = GetLastError();
    CloseHandle(file);
    return error;
}

/* False where the file is too short for what it says. */
static bool nt_headers_copy(const struct headers *headers, IMAGE_NT_HEADERS64 *ret_nt)
{
    IMAGE_DOS_HEADER dos;

    if (headers->count < sizeof(dos))
        return false;
    memcpy(&dos, headers->bytes, sizeof(dos));
    if (dos.e_magic != IMAGE_DOS_SIGNATURE || dos.e_lfanew < 0 || (DWORD)dos.e_lfanew > headers->count - sizeof(dos) ||
        headers->count - (DWORD)dos.e_lfanew < sizeof(*ret_nt))
        return false;
    memcpy(ret_nt, headers->bytes + dos.e_lfanew, sizeof(*ret_nt));
    return ret_nt->Signature == IMAGE_NT_SIGNATURE;
}

static const char *headers_judge(const struct headers *headers, struct nt_driver_image *ret_image)
{
    IMAGE_NT_HEADERS64 nt;

    if (!nt_headers_copy(headers, &nt))
        return "it is no program of Windows";
    if (nt.FileHeader.Machine != IMAGE_FILE_MACHINE_AMD64 || nt.OptionalHeader.Magic != IMAGE_NT_OPTIONAL_HDR64_MAGIC)
        return "it is for another kind of machine than this muster";
    if (nt.OptionalHeader.Subsystem != IMAGE_SUBSYSTEM_NATIVE)
        return "it is a program, and no driver";
    ret_image->is_signed = nt.OptionalHeader.NumberOfRvaAndSizes > IMAGE_DIRECTORY_ENTRY_SECURITY &&
                           nt.OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_SECURITY].Size > 0;
    return NULL;
}

/* version.dll is loaded from the system's folder, and only where it is needed: a program's own folder
 * would else come first. */
struct version_functions {
    HMODULE library;
    DWORD(WINAPI *size)(LPCWSTR, LPDWORD);
    BOOL(WINAPI *read)(LPCWSTR, DWORD, DWORD, LPVOID);
    BOOL(WINAPI *query)(LPCVOID, LPCWSTR, LPVOID *, PUINT);
};

static bool version_functions_load(struct version_functions *ret_functions)
{
    static const char *const names[] = {"GetFileVersionInfoSizeW", "GetFileVersionInfoW", "VerQueryValueW"};
    FARPROC found[3];
    HMODULE library = LoadLibraryExW(L"version.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);

    if (!library)
        return false;
    for (unsigned i = 0; i < 3; i++) {
        found[i] = GetProcAddress(library, names[i]);
        if (!found[i]) {
            FreeLibrary(library);
            return false;
        }
    }
    ret_functions->library = library;
    memcpy(&ret_functions->size, &found[0], sizeof(found[0]));
    memcpy(&ret_functions->read, &found[1], sizeof(found[1]));
    memcpy(&ret_functions->query, &found[2], sizeof(found[2]));
    return true;
}

static const char *version_judge(const struct version_functions *functions, const void *resource,
                                 struct nt_driver_image *ret_image)
{
    VS_FIXEDFILEINFO *fixed;
    const wchar_t *product;
    void *value;
    UINT count;

    if (!functions->query(resource, L"\\", &value, &count) || count < sizeof(*fixed))
        return "its version resource is broken";
    fixed = value;
    ret_image->version[0] = HIWORD(fixed->dwFileVersionMS);
    ret_image->version[1] = LOWORD(fixed->dwFileVersionMS);
    ret_image->version[2] = HIWORD(fixed->dwFileVersionLS);
    ret_image->version[3] = LOWORD(fixed->dwFileVersionLS);
    /* American English in Unicode, as muster.sys has it. */
    if (!functions->query(resource, L"\\StringFileInfo\\040904b0\\ProductName", &value, &count) || count == 0)
        return "it does not say what product it belongs to";
    product = value;
    if (count > 0 && product[count - 1] == L'\0')
        count--;
    if (count != wcslen(PRODUCT) || wmemcmp(product, PRODUCT, count) != 0)
        return "it is another product's driver";
    return NULL;
}

static const char *version_check(const wchar_t *path, struct nt_driver_image *ret_image)
{
    struct version_functions functions;
    const char *what = "it has no version resource, as Muster's driver has";
    DWORD bytes, unused;
    void *resource;

    if (!version_functions_load(&functions))
        return "version.dll of Windows cannot be loaded";
    bytes = functions.size(path, &unused);
    resource = bytes ? malloc(bytes) : NULL;
    if (resource && functions.read(path, 0, bytes, resource))
        what = version_judge(&functions, resource, ret_image);
    free(resource);
    FreeLibrary(functions.library);
    return what;
}

bool nt_driver_image_check(const wchar_t *path, struct nt_driver_image *ret_image, const char **ret_what,
                           unsigned long *ret_error)
{
    struct nt_driver_image image = {0};
    struct headers headers;
    const char *what = "it cannot be read";

    headers.count = 0;
    *ret_error = headers_read(path, &headers);
    if (*ret_error == ERROR_SUCCESS)
        what = headers_judge(&headers, &image);
    if (!what)
        what = version_check(path, &image);
    *ret_what = what;
    if (!what)
        *ret_image = image;
    return what == NULL;
}
