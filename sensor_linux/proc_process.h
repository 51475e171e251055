/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process as /proc shows it: for those that the BPF iterator leaves out. (Seen: a 6.18 kernel
 * whose iterator starts behind pid 1.) The fields are read one after the other, so a process that
 * execs meanwhile would be a mixture; its start is looked at before and after, and its exec is then
 * in the ring.
 */
#ifndef MUSTER_PROC_PROCESS_H
#define MUSTER_PROC_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/record.h"

struct proc_process {
    struct muster_process_start start;
    struct muster_text texts[MUSTER_FIELD_COUNT - MUSTER_FIELD_FIRST_TEXT];
    size_t text_count;
    /* what the texts point to */
    char executable[MUSTER_PATH_MAX_BYTES];
    char working_directory[MUSTER_PATH_MAX_BYTES];
    char name[64];
    char args[MUSTER_ARGS_MAX_BYTES];
};

/* False where there is no such process (any more), or it is a thread. The time and the parent's start are left to
 * the caller. */
bool proc_process_read(uint32_t pid, struct proc_process *ret_process);

enum proc_life {
    PROC_ALIVE,
    PROC_ENDING, /* or alive, with a first thread that has ended */
    PROC_GONE,   /* all its threads are done with their exit, whether somebody has waited for them or not */
};

/* Of the process that began at `start_ns`. Never waits for the process. */
enum proc_life proc_life(uint32_t pid, uint64_t start_ns);

#endif
