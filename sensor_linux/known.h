/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The known: the processes that the stream has told to be alive, and of which the exit would be told too. It is what a
 * look at all processes is compared with after a loss (reconcile.h), and nothing else is taken from it: no name, no
 * parent (docs/adr/0004).
 *
 * A fixed number of slots, in memory that may outlive the agent (service: a map in bpffs). A slot is taken and given up
 * by one store of its word, so it is whole whatever instruction the agent dies at. A record that is read again changes
 * the same again, so slots may be ahead of what the output has. Only what no record will tell again is marked until the
 * output has it: KNOWN_START_TOLD and KNOWN_EXIT_TOLD. The index is the agent's own, and made anew.
 *
 * One thread. Where there are more processes than slots, the rest is counted (left_out), and none of those that are not
 * known is concluded upon before all of them were known again.
 */
#ifndef MUSTER_KNOWN_H
#define MUSTER_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/wire.h"

/* A slot's word: its state, and what is known of the process. */
#define KNOWN_STATE      3U
#define KNOWN_FREE       0U
#define KNOWN_ALIVE      1U
#define KNOWN_START_TOLD 2U /* alive; it was concluded, and the output does not have that yet */
#define KNOWN_EXIT_TOLD  3U /* gone; likewise */
#define KNOWN_EXECED     4U
#define KNOWN_IMAGE      (~7U) /* of what it runs, a hash of device and inode; 0: not known */

struct known_slot {
    uint64_t start_ns; /* identity, with pid; of a free one the number of the next that is free */
    uint32_t pid;
    uint32_t word;
};

/* When something was lost that the known have not been compared after: both 0 where nothing was. */
struct known_head {
    uint64_t due_start_ns;
    uint64_t due_end_ns;
    uint64_t all_told; /* the baseline was: whoever is not known has begun since, or was lost */
    uint64_t reserved;
};

#define KNOWN_HEAD_SLOTS (sizeof(struct known_head) / sizeof(struct known_slot))

struct known {
    struct known_head *head;
    struct known_slot *slots;
    uint32_t capacity;
    uint32_t used; /* slots that were ever taken: those behind are empty */
    uint32_t count;
    uint32_t free_first; /* number of a free slot below `used`, plus 1; 0: none */
    uint32_t *index;     /* by hash: the slot's number plus 1; 0: nothing */
    uint32_t index_size; /* a power of two, at least twice `count` */
    uint64_t left_out;   /* had no slot, since that was set to 0 */
    size_t own_bytes;    /* of memory that is ours, and not kept; else 0 */
};

/* How many slots this machine is to have: as many as it may have processes, with a limit. */
uint32_t known_capacity(void);

/* Memory of `capacity` slots that is empty, and goes with the agent. False where there is none. */
bool known_make(struct known *known, uint32_t capacity);

/* What an earlier agent has left, or zeros, in the caller's memory. What its output did not get is taken back. */
bool known_open(struct known *known, void *memory, size_t size_bytes);

void known_deinit(struct known *known);

/* NULL where it is not known. */
struct known_slot *known_find(const struct known *known, uint32_t pid, uint64_t start_ns);

/* Takes a slot, or changes the word of the one it has. NULL where there is no room. */
struct known_slot *known_put(struct known *known, uint32_t pid, uint64_t start_ns, uint32_t word);

void known_remove(struct known *known, uint32_t pid, uint64_t start_ns);

/* What a record of a start, fork or exit changes. */
void known_apply(struct known *known, const struct muster_record *record);

/* The word of a process that has exec'ed what `start` says. */
uint32_t known_word_of(const struct muster_process_start *start, bool execed);

/* The output has all that was told so far. */
void known_confirm(struct known *known);

#endif
