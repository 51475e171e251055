/* SPDX-License-Identifier: Apache-2.0 */
/* baseline.h: the decision, apart from where its data comes from. */
#include <stdlib.h>

#include "baseline.h"
#include "muster/identity.h"

bool live_events_add(struct live_events *live, const struct muster_record *record)
{
    const struct muster_process_fork *event = (const void *)record; /* the common beginning */

    if (record->type < MUSTER_EVENT_PROCESS_START || record->type > MUSTER_EVENT_PROCESS_FORK)
        return true;
    if (live->count == live->capacity) {
        size_t capacity = live->capacity ? 2 * live->capacity : 256;
        struct live_event *events = realloc(live->events, capacity * sizeof(*events));

        if (!events)
            return false;
        live->events = events;
        live->capacity = capacity;
    }
    live->events[live->count++] = (struct live_event){
        .pid = event->process.pid,
        .start_ns = event->process.start_ns,
        .time_ns = record->time_ns,
        .type = record->type,
    };
    return true;
}

/* In ticks, as in an entity id: /proc has no more. */
static int identity_compare(const struct live_event *a, uint32_t pid, uint64_t start_ns)
{
    uint64_t left = a->start_ns / MUSTER_TICK_NS_LINUX, right = start_ns / MUSTER_TICK_NS_LINUX;

    if (a->pid != pid)
        return a->pid < pid ? -1 : 1;
    return left < right ? -1 : left > right;
}

static int event_compare(const void *a, const void *b)
{
    const struct live_event *left = a, *right = b;
    int identity = identity_compare(left, right->pid, right->start_ns);

    if (identity)
        return identity;
    return left->time_ns < right->time_ns ? -1 : left->time_ns > right->time_ns;
}

void live_events_sort(struct live_events *live)
{
    if (live->count > 1)
        qsort(live->events, live->count, sizeof(*live->events), event_compare);
}

/* The first event of that identity, or where it would stand. */
static size_t identity_find(const struct live_events *live, uint32_t pid, uint64_t start_ns)
{
    size_t low = 0, high = live->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (identity_compare(&live->events[middle], pid, start_ns) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool live_events_tell_found(struct live_events *live, const struct muster_process_start *found)
{
    uint32_t pid = found->process.pid;
    uint64_t start_ns = found->process.start_ns;
    bool tell = true;

    for (size_t i = identity_find(live, pid, start_ns);
         i < live->count && identity_compare(&live->events[i], pid, start_ns) == 0; i++) {
        struct live_event *event = &live->events[i];

        if (event->type == MUSTER_EVENT_PROCESS_FORK)
            tell = false;
        else if (event->type == MUSTER_EVENT_PROCESS_START && event->time_ns <= found->record.time_ns)
            tell = false;
        else if (event->type == MUSTER_EVENT_PROCESS_EXIT)
            event->claimed = true;
    }
    return tell;
}

bool live_events_tell_ended(const struct live_events *live, const struct live_event *exit, uint64_t attached_ns)
{
    if (exit->type != MUSTER_EVENT_PROCESS_EXIT || exit->claimed || exit->start_ns >= attached_ns)
        return false;
    for (size_t i = identity_find(live, exit->pid, exit->start_ns);
         i < live->count && identity_compare(&live->events[i], exit->pid, exit->start_ns) == 0; i++)
        if (live->events[i].type != MUSTER_EVENT_PROCESS_EXIT)
            return false;
    return true;
}

void live_events_free(struct live_events *live)
{
    free(live->events);
    *live = (struct live_events){0};
}
