/* SPDX-License-Identifier: Apache-2.0 */
/* exec_image.h */
#include "exec_image.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#define BIT(field)   MUSTER_FIELD_BIT(MUSTER_FIELD_##field)
#define NS_PER_S     1000000000ULL
#define SECONDS_MAX  (UINT64_MAX / NS_PER_S) /* until 2554 */
#define IMAGE_FIELDS (BIT(IMAGE_INODE) | BIT(IMAGE_DEVICE) | BIT(IMAGE_MODIFIED))
#define MINOR_BITS   20

static void link_name(char *name, size_t size, uint32_t pid)
{
    snprintf(name, size, "/proc/%" PRIu32 "/exe", pid);
}

/* The second bit means something else where the group may not execute the file. */
static bool is_setgid(const struct stat *status)
{
    const mode_t bits = S_ISGID | S_IXGRP;

    return (status->st_mode & bits) == bits;
}

bool exec_image_put(struct muster_process_start *start)
{
    struct stat status;
    char name[64];

    link_name(name, sizeof(name), start->process.pid);
    if (stat(name, &status) != 0) {
        start->record.unavailable |= IMAGE_FIELDS;
        return false;
    }
    start->image_inode = status.st_ino;
    start->image_device = (uint32_t)(major(status.st_dev) << MINOR_BITS | minor(status.st_dev));
    start->image_flags |=
        (status.st_mode & S_ISUID ? MUSTER_IMAGE_SETUID : 0) | (is_setgid(&status) ? MUSTER_IMAGE_SETGID : 0);
    start->record.valid |= BIT(IMAGE_INODE) | BIT(IMAGE_DEVICE);
    if (status.st_mtim.tv_sec >= 0 && (uint64_t)status.st_mtim.tv_sec < SECONDS_MAX) {
        start->image_modified_ns = (uint64_t)status.st_mtim.tv_sec * NS_PER_S + (uint64_t)status.st_mtim.tv_nsec;
        start->record.valid |= BIT(IMAGE_MODIFIED);
    }
    return true;
}

bool exec_rights_withheld(const struct tracee_facts *facts)
{
    struct statvfs system;
    struct stat status;
    char name[64];

    link_name(name, sizeof(name), facts->process.pid);
    if (facts->no_new_privileges || stat(name, &status) != 0 || statvfs(name, &system) != 0 ||
        system.f_flag & ST_NOSUID)
        return false;
    return (status.st_mode & S_ISUID && status.st_uid != facts->process.user_id) ||
           (is_setgid(&status) && status.st_gid != facts->process.group_id);
}
