/* SPDX-License-Identifier: Apache-2.0 */
/* The files and folders of a process that stands still, by the links in /proc/PID. */
#ifndef MUSTER_EXEC_PATHS_H
#define MUSTER_EXEC_PATHS_H

#include <stdbool.h>
#include <stdint.h>

#include "muster/event.h"

struct exec_path {
    bool known;
    bool deleted; /* had no name any more */
    bool memfd;   /* never had one */
    uint32_t size_bytes;
    char bytes[MUSTER_PATH_MAX_BYTES];
};

/* `link` is "exe" or "cwd". False, nothing known, where it cannot be read; errno is ENOENT where the kernel has no
 * such thing for this process. */
bool exec_path_read(uint32_t pid, const char *link, struct exec_path *ret_path);

/* Whether `path`, as that process would open it, is a file other than its image. */
bool exec_path_differs(uint32_t pid, const char *path);

#endif
