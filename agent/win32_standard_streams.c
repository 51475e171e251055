/* SPDX-License-Identifier: Apache-2.0 */
/* standard_streams.h straight on the handles, unbuffered: muster says little. */
#include "standard_streams.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <errno.h>

#include "win32_console.h"

static struct win32_output output, error_output;
static int output_error; /* the first that failed */

/* A handle that was closed is NULL here, and stays so: handles are not numbered from the lowest. */
bool standard_streams_fill(void)
{
    win32_output_init(&output, GetStdHandle(STD_OUTPUT_HANDLE));
    win32_output_init(&error_output, GetStdHandle(STD_ERROR_HANDLE));
    return true;
}

static int write_all(struct win32_output *to, const char *bytes, size_t size_bytes)
{
    while (size_bytes > 0) {
        long taken = win32_output_write(to, bytes, size_bytes);

        if (taken < 0)
            return errno;
        if (taken == 0)
            return EIO;
        bytes += taken;
        size_bytes -= (size_t)taken;
    }
    return 0;
}

void standard_output_write(const char *bytes, size_t size_bytes)
{
    if (output_error == 0)
        output_error = write_all(&output, bytes, size_bytes);
}

void standard_error_write(const char *bytes, size_t size_bytes)
{
    (void)write_all(&error_output, bytes, size_bytes); /* nowhere to tell it */
}

int standard_output_finish(void)
{
    return output_error;
}

/* Since Windows 10, version 1511; before, it is refused, and there are none. */
bool standard_output_has_colors(void)
{
    DWORD mode;

    return output.is_console && GetConsoleMode(output.handle, &mode) &&
           SetConsoleMode(output.handle, mode | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
}
