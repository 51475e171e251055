/* SPDX-License-Identifier: Apache-2.0 */
/* output_file.h */
#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static long output_write(void *context, const char *bytes, size_t size_bytes)
{
    struct output_file *file = context;
    int fd = (int)file->handle;
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    ssize_t taken;

    /* Somebody else may have made the file description non-blocking; this thread may wait. */
    while ((taken = write(fd, bytes, size_bytes)) < 0 && errno == EAGAIN)
        (void)poll(&ready, 1, -1);

    if (taken > 0)
        __atomic_fetch_add(&file->written, (uint64_t)taken, __ATOMIC_RELAXED); /* the main thread looks for progress */
    return taken;
}

bool output_file_open(struct output_file *file, const char *path)
{
    struct stat status;
    int fd;

    *file = (struct output_file){.name = path, .handle = STDOUT_FILENO};
    if (!path || strcmp(path, "-") == 0) {
        file->name = "standard output";
        file->standard = true;
        file->terminal = isatty(STDOUT_FILENO);
        return fcntl(STDOUT_FILENO, F_GETFD) >= 0;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
    file->handle = fd;
    if (fd < 0)
        return false;
    file->regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    file->terminal = isatty(fd);
    return true;
}

bool output_file_open_error(struct output_file *file)
{
    *file = (struct output_file){.name = "standard error", .handle = STDERR_FILENO, .standard = true};
    file->terminal = isatty(STDERR_FILENO);
    return fcntl(STDERR_FILENO, F_GETFD) >= 0;
}

struct muster_output_target output_file_target(struct output_file *file)
{
    return (struct muster_output_target){.write = output_write, .context = file};
}

void output_file_cut(struct output_file *file, uint64_t whole_bytes)
{
    if (file->regular && ftruncate((int)file->handle, (off_t)whole_bytes) != 0)
        return; /* the unfinished line stays; the error that led here is told anyway */
}

bool output_file_close(struct output_file *file)
{
    int fd = (int)file->handle;

    file->handle = -1;
    return file->standard || fd < 0 || close(fd) == 0;
}
