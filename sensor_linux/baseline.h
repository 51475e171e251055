/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the processes found by the iterator are news: those that no live event in the ring
 * announces. The iterator runs after the programs are attached, so a process may be both.
 *
 *     found   live event in the ring      told as baseline
 *     yes     fork of it                  no: it began after attach
 *     yes     start of it, before         no: what was found is what the start reports
 *     yes     start of it, after          yes: it ran, and then exec'ed
 *     no      exit of it, no start        yes, from what the exit says: it ended before it was found
 */
#ifndef MUSTER_BASELINE_H
#define MUSTER_BASELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/wire.h"

/* A live event, as far as the question needs it. */
struct live_event {
    uint64_t start_ns; /* identity, with pid */
    uint64_t time_ns;
    uint32_t pid;
    uint16_t type;
    bool claimed; /* exit: of a process that was found, or began after attach */
};

struct live_events {
    struct live_event *events;
    size_t count;
    size_t capacity;
};

/* False where memory ran out. Records of other types are passed over. */
bool live_events_add(struct live_events *live, const struct muster_record *record);

/* After the last add, before the first look-up. */
void live_events_sort(struct live_events *live);

/* Whether a process that the iterator found is to be told; claims its exit. */
bool live_events_tell_found(struct live_events *live, const struct muster_process_start *found);

/* Whether the process that an exit of these events reports has to be told, as nothing else does. */
bool live_events_tell_ended(const struct live_events *live, const struct live_event *exit, uint64_t attached_ns);

void live_events_free(struct live_events *live);

#endif
