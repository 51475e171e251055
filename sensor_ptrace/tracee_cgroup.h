/* SPDX-License-Identifier: Apache-2.0 */
/* The cgroup of a process in the unified hierarchy (v2), as /proc/PID/cgroup shows it to whoever reads. */
#ifndef MUSTER_TRACEE_CGROUP_H
#define MUSTER_TRACEE_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "muster/event.h"

/* Begins as zeros, and may be used again and again. */
struct tracee_cgroup {
    bool exists; /* this kernel has the unified hierarchy; known or not */
    bool known;
    bool id_known;
    uint32_t size_bytes;
    uint64_t id;
    char path[MUSTER_PATH_MAX_BYTES]; /* terminated */

    bool mount_looked;
    char mount[256]; /* of a cgroup2 file system; "": none was found */
};

/* Its path. */
void tracee_cgroup_read(uint32_t pid, struct tracee_cgroup *ret_cgroup);

/* And, of a cgroup whose path is known, its number. That needs a cgroup2 file system somewhere in sight. */
void tracee_cgroup_identify(struct tracee_cgroup *cgroup);

#endif
