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

bool standard_output_has_colors(void)
{
    const char *terminal = getenv("TERM");

    return isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
}
