/* SPDX-License-Identifier: Apache-2.0 */
/* output_file.h */
#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
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

/* Where the last whole line ends. False with errno set. */
static bool last_line_end(int fd, off_t size, off_t *ret_end)
{
    char bytes[4096];

    for (off_t begin, end = size; end > 0; end = begin) {
        ssize_t got;

        begin = end > (off_t)sizeof(bytes) ? end - (off_t)sizeof(bytes) : 0;
        got = pread(fd, bytes, (size_t)(end - begin), begin);
        if (got < 0)
            return false;
        while (got > 0 && bytes[got - 1] != '\n')
            got--;
        if (got > 0) {
            *ret_end = begin + got;
            return true;
        }
    }
    *ret_end = 0;
    return true;
}

/* The file's name is to outlast a loss of power, too. */
static bool folder_sync(const char *path)
{
    char *copy = strdup(path);
    int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool done = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    free(copy);
    return done;
}

static bool whole_lines_keep(struct output_file *file, const char *path, off_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    off_t end;
    bool done = fd >= 0 && last_line_end(fd, size, &end) && (end == size || ftruncate((int)file->handle, end) == 0);

    if (fd >= 0)
        close(fd);
    if (done)
        file->begin_bytes = (uint64_t)end;
    return done;
}

bool output_file_append(struct output_file *file, const char *path)
{
    struct stat status;

    if (!path || strcmp(path, "-") == 0)
        return output_file_open(file, path);
    *file = (struct output_file){.name = path};
    file->handle = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
    if (file->handle < 0 || fstat((int)file->handle, &status) != 0)
        return false;
    file->regular = S_ISREG(status.st_mode);
    return !file->regular || (whole_lines_keep(file, path, status.st_size) && folder_sync(path));
}

bool output_file_sync(struct output_file *file)
{
    return !file->regular || fdatasync((int)file->handle) == 0;
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
    if (file->regular && ftruncate((int)file->handle, (off_t)(file->begin_bytes + whole_bytes)) != 0)
        return; /* the unfinished line stays; the error that led here is told anyway */
}

bool output_file_close(struct output_file *file)
{
    int fd = (int)file->handle;

    file->handle = -1;
    return file->standard || fd < 0 || close(fd) == 0;
}
