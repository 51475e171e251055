/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind muster/kept.h and the sensor use of each other. */
#ifndef MUSTER_KEPT_INTERNAL_H
#define MUSTER_KEPT_INTERNAL_H

#include "kernel_side.h"
#include "muster/kept.h"

#define KEPT_PATH_BYTES 256

struct muster_kept {
    int fd;
    char path[KEPT_PATH_BYTES];
};

#define KEPT_FOLDER_BYTES (KEPT_PATH_BYTES + 32)

/* In the place of an epoch: what is being made, or was left half made. */
#define KEPT_UNFINISHED "new"

/* The folder of one side. */
void kept_side_folder(const struct muster_kept *kept, uint64_t epoch, char ret_folder[KEPT_FOLDER_BYTES]);

/* Runs of a program that the kernel skipped, ever; 0 where the kernel is too old to say, or there is no program. */
uint64_t program_misses(int program_fd);

/* After this nothing that began before it is under way in a tracepoint: those run within an RCU read-side section
 * (membarrier(2): the global command is synchronize_rcu since Linux 4.14). */
void programs_wait(void);

/* A name for one start of the kernel side. */
uint64_t epoch_choose(void);

#endif
