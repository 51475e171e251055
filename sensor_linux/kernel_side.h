/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel has of one sensor: maps and programs, by file descriptor, and what of it is mapped here. Either that
 * of programs that were just loaded, or what is pinned in a folder of bpffs:
 *
 *     journal   struct kept_area         ring, cpus, control   maps of the programs
 *     running, running_ring   the list of processes (iterator.h)     known   those that were told (known.h)
 *     exec, exit, fork   the programs    exec_link, exit_link, fork_link   what attaches them
 *
 * The names, the first members of kept_meta and the ring's own layout are the same in all versions.
 */
#ifndef MUSTER_KERNEL_SIDE_H
#define MUSTER_KERNEL_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/sensor_shared.h"
#include "journal.h"

#define KEPT_MAGIC 0x7473756d7470656bULL

/* Written once, before the side begins, but for attached_ns and clock_offset_ns. */
struct kept_meta {
    uint64_t magic;
    uint32_t abi; /* SENSOR_ABI_VERSION */
    uint32_t record_version;
    uint64_t epoch;
    uint64_t created_ns;
    uint64_t build;
    /* what follows is read where abi and layout are ours */
    uint64_t layout; /* of all that is shared: a change of it that nobody has counted is seen, too */
    uint64_t ring_bytes;
    uint64_t filter;
    uint64_t attached_ns;    /* 0: not yet */
    int64_t clock_offset_ns; /* 0: nobody has read yet */
    uint64_t control_offset;
    uint32_t forks;
    uint32_t cpu_count;
};

/* The value of the map `journal`. */
struct kept_area {
    struct kept_meta meta;
    struct journal journal;
};

struct kernel_side {
    int ring_fd, cpus_fd, control_fd, journal_fd;
    int program_fds[SENSOR_PROGRAM_COUNT]; /* exec, exit, fork; -1: there is none */
    int iterator_fd, iterator_ring_fd;     /* process_running, and where it writes to */
    int known_fd;                          /* -1: it is not kept */

    struct sensor_control *control;
    struct sensor_cpu *cpus;
    struct kept_area *area; /* NULL: it is not kept */
    uint32_t cpu_count;

    void *control_memory, *known_memory;
    size_t control_bytes, cpus_bytes, area_bytes, known_bytes;
};

/* All closed and not mapped. */
void kernel_side_init(struct kernel_side *side);
void kernel_side_deinit(struct kernel_side *side);

struct muster_bpf;

/* Of loaded programs, which may be destroyed then. False with errno set. */
bool kernel_side_of_programs(struct kernel_side *side, const struct muster_bpf *programs);

/* Makes the maps `journal`, with *meta in it and an account that begins, and `known`, empty. False with errno set. */
bool kernel_side_keep(struct kernel_side *side, const struct kept_meta *meta);

/* Maps the pinned journal alone, and the ring's map. `write`: not only to look. */
bool kernel_side_open_area(struct kernel_side *side, const char *folder, bool write);

/* The rest; the area has been found readable. */
bool kernel_side_open_rest(struct kernel_side *side, const char *folder, bool write);

bool kernel_side_pin(const struct kernel_side *side, const char *folder);

/* Whether what is shared has the layout that this program was built with. */
bool kept_meta_is_readable(const struct kept_meta *meta);
uint64_t kept_layout(void);

/* Pins or opens folder/name. */
bool pin_put(int fd, const char *folder, const char *name);
int pin_get(const char *folder, const char *name);

/* The program's name in the folder, by type - 1. */
extern const char *const pin_programs[SENSOR_PROGRAM_COUNT];

/* For build, layout and filter; not against anybody. */
uint64_t hash_bytes(const void *bytes, size_t size_bytes);

#endif
