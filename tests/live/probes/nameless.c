/* SPDX-License-Identifier: Apache-2.0 */
/* Runs an image that has no name: COPY is made of IMAGE, opened and deleted; or, with "memfd", the
 * image stands in a memfd called COPY. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "probe.h"

static void copy_into(int to, const char *image)
{
    int from = open(image, O_RDONLY | O_CLOEXEC);
    struct stat status;

    if (from < 0 || fstat(from, &status) != 0 || sendfile(to, from, NULL, (size_t)status.st_size) != status.st_size)
        die(image);
    close(from);
}

static int open_deleted(const char *image, const char *copy)
{
    int to = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    int fd;

    if (to < 0)
        die(copy);
    copy_into(to, image);
    close(to);
    fd = open(copy, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || unlink(copy) != 0)
        die(copy);
    return fd;
}

static int open_memfd(const char *image, const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    if (fd < 0)
        die("memfd_create");
    copy_into(fd, image);
    return fd;
}

int main(int argc, char **argv)
{
    char *arguments[] = {argc == 5 ? argv[3] : NULL, argc == 5 ? argv[4] : NULL, NULL};
    char *environment[] = {NULL};
    int fd;

    if (argc != 5 || (strcmp(argv[1], "deleted") != 0 && strcmp(argv[1], "memfd") != 0))
        usage("nameless deleted|memfd IMAGE COPY TOKEN");
    fd = argv[1][0] == 'd' ? open_deleted(argv[2], argv[3]) : open_memfd(argv[2], argv[3]);
    tell_self(argv[4]);
    fexecve(fd, arguments, environment);
    die("fexecve");
    return PROBE_BROKEN;
}
