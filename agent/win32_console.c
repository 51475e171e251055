/* SPDX-License-Identifier: Apache-2.0 */
/*
 * win32_console.h. A console's code page is left as it is: it belongs to whoever else writes there,
 * and with WriteConsoleW it does not matter.
 */
#include "win32_console.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "utf8_tail.h"
#include "win32_error.h"

#define CHUNK_BYTES 4096 /* of UTF-8 at once: well within what every console takes */

void win32_output_init(struct win32_output *output, void *handle)
{
    DWORD mode;

    *output = (struct win32_output){.handle = handle};
    output->is_console = handle && handle != INVALID_HANDLE_VALUE && GetConsoleMode(handle, &mode);
}

static long write_failed(void)
{
    errno = win32_errno(GetLastError());
    return -1;
}

static bool units_write(HANDLE console, const wchar_t *units, DWORD count)
{
    while (count > 0) {
        DWORD taken = 0;

        if (!WriteConsoleW(console, units, count, &taken, NULL))
            return false;
        if (taken == 0) {
            SetLastError(ERROR_WRITE_FAULT);
            return false;
        }
        units += taken;
        count -= taken;
    }
    return true;
}

/* Converts a chunk of whole characters; what is not UTF-8 becomes U+FFFD. */
static bool chunk_write(HANDLE console, const unsigned char *bytes, size_t size_bytes)
{
    wchar_t units[CHUNK_BYTES]; /* a byte makes one unit at most */
    int count = MultiByteToWideChar(CP_UTF8, 0, (const char *)bytes, (int)size_bytes, units, CHUNK_BYTES);

    return size_bytes == 0 || (count > 0 && units_write(console, units, (DWORD)count));
}

static long console_write(struct win32_output *output, const char *bytes, size_t size_bytes)
{
    unsigned char chunk[CHUNK_BYTES];
    size_t done = 0;

    while (done < size_bytes) {
        size_t used = output->carried_count, more = CHUNK_BYTES - used, unfinished;

        if (more > size_bytes - done)
            more = size_bytes - done;
        memcpy(chunk, output->carried, used);
        memcpy(chunk + used, bytes + done, more);
        used += more;
        unfinished = utf8_unfinished_bytes(chunk, used);
        if (!chunk_write(output->handle, chunk, used - unfinished))
            return write_failed();
        memcpy(output->carried, chunk + used - unfinished, unfinished);
        output->carried_count = (unsigned)unfinished;
        done += more;
    }
    return (long)size_bytes;
}

long win32_output_write(struct win32_output *output, const char *bytes, size_t size_bytes)
{
    DWORD taken = 0;

    if (size_bytes > LONG_MAX)
        size_bytes = LONG_MAX;
    if (output->is_console)
        return console_write(output, bytes, size_bytes);
    if (!output->handle) {
        errno = EBADF;
        return -1;
    }
    if (!WriteFile(output->handle, bytes, (DWORD)size_bytes, &taken, NULL))
        return write_failed();
    return (long)taken;
}
