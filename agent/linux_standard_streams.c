/* SPDX-License-Identifier: Apache-2.0 */
/* standard_streams.h by stdio. */
#include "standard_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool standard_streams_fill(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
            return false;
    return true;
}

void standard_output_write(const char *bytes, size_t size_bytes)
{
    (void)fwrite(bytes, 1, size_bytes, stdout);
}

void standard_error_write(const char *bytes, size_t size_bytes)
{
    (void)fwrite(bytes, 1, size_bytes, stderr);
}

int standard_output_finish(void)
{
    errno = 0;
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : errno ? errno : EIO;
}

static bool has_colors(int fd)
{
    const char *terminal = getenv("TERM");

    return isatty(fd) && terminal && strcmp(terminal, "dumb") != 0;
}

bool standard_output_has_colors(void)
{
    return has_colors(STDOUT_FILENO);
}

bool standard_error_has_colors(void)
{
    return has_colors(STDERR_FILENO);
}
