/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of the processes that run, by the BPF iterator (bpf/process_running.bpf.c). It runs in a process of its own:
 * reading another process's arguments may have to wait for a page, and whose page it is may let it wait for ever (a
 * file system in user space that does not answer). Such a wait cannot even be killed. So the list comes in steps, and
 * whoever wants it can do other things between them.
 */
#ifndef MUSTER_ITERATOR_H
#define MUSTER_ITERATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "muster/wire.h"
#include "ring.h"

/* Records of processes, one behind the other. Of each, record.flags may have the FOUND_ bits of sensor_shared.h until
 * found_complete. */
struct stash {
    unsigned char *bytes;
    size_t used;
    size_t capacity;
};

bool stash_add(struct stash *stash, const void *record, size_t size_bytes);

/* The record at *at, which moves behind it; NULL at the end. */
struct muster_process_start *stash_next(const struct stash *stash, size_t *at);

/* Takes the FOUND_ bits away, and adds what the iterator cannot see. */
void found_complete(struct muster_process_start *start);

enum iterator_state {
    ITERATOR_RUNNING,
    ITERATOR_DONE,
    ITERATOR_STALLED, /* it found nothing more for some time, and was left alone: the list is not whole */
    ITERATOR_FAILED,  /* errno says why */
};

struct iterator {
    struct stash stash; /* the caller's to free */
    struct ring ring;
    int link_fd;
    int fd;
    pid_t child;
    uint64_t position;
    uint64_t progress_ns;
};

/* `ring_fd`: the map baseline_ring. False with errno set; then there is nothing to end. */
bool iterator_begin(struct iterator *iterator, int program_fd, int ring_fd);

/* Takes what there is. After anything but ITERATOR_RUNNING comes iterator_end. */
enum iterator_state iterator_step(struct iterator *iterator);

/* Keeps the stash. True where no child is left that cannot be ended. */
bool iterator_end(struct iterator *iterator);

#endif
