/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracee_cgroup.h; cgroups(7) has the file. A path begins at the root of the reader's cgroup namespace, and so does
 * what is mounted in that: so path and folder go together, in a container too.
 */
#include "tracee_cgroup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define UNIFIED    "0::"
#define LINE_BYTES (MUSTER_PATH_MAX_BYTES + 1024)

void tracee_cgroup_read(uint32_t pid, struct tracee_cgroup *ret_cgroup)
{
    char name[64], line[LINE_BYTES];
    FILE *file;

    snprintf(name, sizeof(name), "/proc/%" PRIu32 "/cgroup", pid);
    ret_cgroup->known = ret_cgroup->id_known = false;
    file = fopen(name, "re");
    ret_cgroup->exists = file || errno != ENOENT;
    while (file && !ret_cgroup->known && fgets(line, sizeof(line), file)) {
        size_t size = strcspn(line, "\n");

        if (strncmp(line, UNIFIED, strlen(UNIFIED)) != 0 || size - strlen(UNIFIED) >= sizeof(ret_cgroup->path))
            continue;
        ret_cgroup->size_bytes = (uint32_t)(size - strlen(UNIFIED));
        memcpy(ret_cgroup->path, line + strlen(UNIFIED), ret_cgroup->size_bytes);
        ret_cgroup->path[ret_cgroup->size_bytes] = '\0';
        ret_cgroup->known = ret_cgroup->size_bytes > 0;
    }
    if (file && !ret_cgroup->known && !ferror(file))
        ret_cgroup->exists = false; /* it was read, and has no such line */
    if (file)
        fclose(file);
}

/* Finds where the hierarchy is mounted whole, as far as this namespace has it. proc(5) has mountinfo. */
static void mount_find(struct tracee_cgroup *cgroup)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[LINE_BYTES], root[3], place[sizeof(cgroup->mount)];

    cgroup->mount_looked = true;
    while (file && !cgroup->mount[0] && fgets(line, sizeof(line), file))
        if (strstr(line, " - cgroup2 ") && sscanf(line, "%*s %*s %*s %2s %255s", root, place) == 2 &&
            strcmp(root, "/") == 0)
            memcpy(cgroup->mount, place, sizeof(place));
    if (file)
        fclose(file);
}

/* Whether it is one outside of this namespace: what such a path leads to from the mount's root is another folder. */
static bool is_outside(const struct tracee_cgroup *cgroup)
{
    return strncmp(cgroup->path, "/..", 3) == 0 && (cgroup->path[3] == '/' || cgroup->path[3] == '\0');
}

void tracee_cgroup_identify(struct tracee_cgroup *cgroup)
{
    char name[sizeof(cgroup->mount) + sizeof(cgroup->path)];
    struct stat status;

    if (!cgroup->mount_looked)
        mount_find(cgroup);
    if (!cgroup->known || !cgroup->mount[0] || is_outside(cgroup))
        return;
    snprintf(name, sizeof(name), "%s%s", cgroup->mount, cgroup->path);
    cgroup->id_known = stat(name, &status) == 0;
    cgroup->id = status.st_ino;
}
