/* SPDX-License-Identifier: Apache-2.0 */
/* muster_sensor_baseline: runs the iterator, looks at the live events so far without taking them,
 * and tells the processes that those do not. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "baseline.h"
#include "sensor_internal.h"

/* Records of the iterator, one behind the other. */
struct stash {
    unsigned char *bytes;
    size_t used;
    size_t capacity;
};

static bool stash_add(struct stash *stash, const void *record, size_t size_bytes)
{
    if (stash->capacity - stash->used < size_bytes) {
        size_t capacity = 2 * (stash->capacity + size_bytes);
        unsigned char *bytes = realloc(stash->bytes, capacity);

        if (!bytes)
            return false;
        stash->bytes = bytes;
        stash->capacity = capacity;
    }
    memcpy(stash->bytes + stash->used, record, size_bytes);
    stash->used += size_bytes;
    return true;
}

/* The iterator cannot see argc; where the arguments are whole, it is their number. */
static void args_count_fill(struct muster_process_start *start)
{
    struct muster_text args;
    uint32_t count = 0;

    if (!muster_record_text(&start->record, MUSTER_FIELD_ARGS, &args) || args.size_bytes != args.full_bytes)
        return;
    for (uint32_t i = 0; i < args.size_bytes; i++)
        count += args.bytes[i] == 0;
    if (args.size_bytes > 0 && args.bytes[args.size_bytes - 1] != 0)
        count++;
    start->args_count = count;
    start->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_ARGS_COUNT);
}

static bool ring_to_stash(struct ring *ring, struct stash *stash)
{
    const struct muster_record *record;
    uint32_t size_bytes;
    const void *bytes;

    while ((bytes = ring_next(ring, &size_bytes)) != NULL) {
        if (muster_record_validate(bytes, size_bytes, &record) == MUSTER_OK && !stash_add(stash, record, size_bytes))
            return false;
        ring_ack(ring, ring->position);
    }
    return true;
}

/* The iterator stops with EAGAIN when its ring is full, and goes on where it stopped. */
static bool iterate(int iterator_fd, struct ring *ring, struct stash *stash)
{
    char unused[64];
    ssize_t got;

    do {
        got = read(iterator_fd, unused, sizeof(unused));
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (!ring_to_stash(ring, stash))
            return false;
    } while (got != 0);
    return true;
}

static bool processes_find(struct muster_sensor *sensor, struct stash *stash)
{
    struct bpf_map *map = sensor->programs->maps.baseline_ring;
    struct bpf_link *link = bpf_program__attach_iter(sensor->programs->progs.process_running, NULL);
    struct ring ring = {0};
    int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
    bool done = fd >= 0 && ring_init(&ring, bpf_map__fd(map), bpf_map__max_entries(map)) && iterate(fd, &ring, stash);
    int error = errno;

    ring_deinit(&ring);
    if (fd >= 0)
        close(fd);
    bpf_link__destroy(link);
    errno = error;
    return done;
}

/* Every live event that happened before now, read through a copy of the ring's reader. */
static bool live_collect(const struct muster_sensor *sensor, struct live_events *live)
{
    struct ring ring = sensor->ring;
    const struct muster_record *record;
    uint64_t end, sequence = __atomic_load_n(&sensor->programs->bss->control.sequence, __ATOMIC_SEQ_CST);
    uint32_t size_bytes;
    const void *bytes;

    while (!account_programs_done(&sensor->account, sequence & SENSOR_SEQUENCE_MASK))
        sched_yield();
    end = __atomic_load_n(ring.producer_position, __ATOMIC_ACQUIRE);
    while (ring.position < end) {
        bytes = ring_next(&ring, &size_bytes);
        if (!bytes)
            sched_yield(); /* behind a record of a program that began later */
        else if (muster_record_validate(bytes, size_bytes, &record) == MUSTER_OK && !live_events_add(live, record))
            return false;
    }
    live_events_sort(live);
    return true;
}

static bool tell_found(struct live_events *live, const struct stash *stash, muster_sensor_tell tell, void *context)
{
    for (size_t at = 0; at < stash->used;) {
        struct muster_process_start *start = (void *)(stash->bytes + at);

        at += start->record.size_bytes;
        args_count_fill(start);
        if (live_events_tell_found(live, start) && !tell(context, &start->record))
            return false;
    }
    return true;
}

static void tell_ended(const struct live_events *live, uint64_t attached_ns, muster_sensor_tell tell, void *context)
{
    for (size_t i = 0; i < live->count; i++) {
        const struct live_event *exit = &live->events[i];
        struct muster_process_start start = {0};

        if (!live_events_tell_ended(live, exit, attached_ns))
            continue;
        start.record.size_bytes = sizeof(start);
        start.record.type = MUSTER_EVENT_PROCESS_RUNNING;
        start.record.version = MUSTER_RECORD_VERSION;
        start.record.flags = MUSTER_RECORD_SYNTHETIC;
        start.record.time_ns = attached_ns;
        start.record.fixed_bytes = sizeof(start);
        start.record.valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_START);
        start.process.pid = exit->pid;
        start.process.start_ns = exit->start_ns;
        if (!tell(context, &start.record))
            return;
    }
}

bool muster_sensor_baseline(struct muster_sensor *sensor, muster_sensor_tell tell, void *context,
                            struct muster_sensor_error *ret_error)
{
    struct stash stash = {0};
    struct live_events live = {0};
    bool done = processes_find(sensor, &stash) && live_collect(sensor, &live);

    if (!done)
        sensor_fail(ret_error, errno, "cannot list the processes that already run");
    else if (tell_found(&live, &stash, tell, context))
        tell_ended(&live, sensor->attached_ns, tell, context);
    live_events_free(&live);
    free(stash.bytes);
    return done;
}
