/* SPDX-License-Identifier: Apache-2.0 */
/* exec_paths.h */
#include "exec_paths.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DELETED " (deleted)"
#define MEMFD   "/memfd:"

static void link_name(char *name, size_t size, uint32_t pid, const char *link)
{
    snprintf(name, size, "/proc/%" PRIu32 "/%s", pid, link);
}

static bool same_file(const char *left, const char *right)
{
    struct stat one, other;

    return stat(left, &one) == 0 && stat(right, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

/* The kernel marks a path without a file by a suffix, which a file's name may also have. */
static void deleted_strip(struct exec_path *path, const char *link)
{
    size_t suffix = strlen(DELETED);

    if (path->size_bytes <= suffix || memcmp(path->bytes + path->size_bytes - suffix, DELETED, suffix) != 0 ||
        same_file(path->bytes, link))
        return;
    path->deleted = true;
    path->size_bytes -= (uint32_t)suffix;
    path->memfd = strncmp(path->bytes, MEMFD, strlen(MEMFD)) == 0;
}

bool exec_path_read(uint32_t pid, const char *link, struct exec_path *ret_path)
{
    char name[64];
    ssize_t size;

    link_name(name, sizeof(name), pid, link);
    ret_path->known = ret_path->deleted = ret_path->memfd = false;
    size = readlink(name, ret_path->bytes, sizeof(ret_path->bytes) - 1);
    if (size <= 0)
        return false;
    ret_path->bytes[size] = '\0';
    ret_path->size_bytes = (uint32_t)size;
    ret_path->known = true;
    deleted_strip(ret_path, name);
    return true;
}

bool exec_path_differs(uint32_t pid, const char *path)
{
    char image[64], name[MUSTER_PATH_MAX_BYTES + 64];

    link_name(image, sizeof(image), pid, "exe");
    snprintf(name, sizeof(name), "/proc/%" PRIu32 "/%s/%s", pid, path[0] == '/' ? "root" : "cwd", path);
    return !same_file(name, image);
}
