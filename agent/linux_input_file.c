/* SPDX-License-Identifier: Apache-2.0 */
/* input_file.h */
#include "input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool input_file_open(struct input_file *file, const char *path)
{
    *file = (struct input_file){.name = "standard input", .handle = STDIN_FILENO, .standard = true};
    if (strcmp(path, "-") == 0)
        return true;
    *file = (struct input_file){.name = path, .handle = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)};
    return file->handle >= 0;
}

long input_file_read(void *context, char *bytes, size_t size_bytes)
{
    const struct input_file *file = context;
    struct pollfd ready = {.fd = (int)file->handle, .events = POLLIN};
    ssize_t count;

    /* Somebody else may have made the file description non-blocking. */
    while ((count = read((int)file->handle, bytes, size_bytes)) < 0 && errno == EAGAIN)
        (void)poll(&ready, 1, -1);
    return count;
}

void input_file_close(struct input_file *file)
{
    if (!file->standard && file->handle >= 0)
        close((int)file->handle);
    file->handle = -1;
}

bool input_file_same(const char *path, const char *other)
{
    struct stat one, two;

    return stat(path, &one) == 0 && stat(other, &two) == 0 && S_ISREG(one.st_mode) && one.st_dev == two.st_dev &&
           one.st_ino == two.st_ino;
}
