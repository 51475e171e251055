/* SPDX-License-Identifier: Apache-2.0 */
/*
 * muster_sensor_baseline on Windows: the processes that already run, without those whose start the
 * stream itself tells.
 *
 * The first lease is taken before the processes are listed, and looked through without being taken
 * from. Whatever began at or after the time of its oldest record has its start in the stream, there or
 * later; of what began before, starts in that lease are looked up. Where there was nothing to take, the
 * time of asking stands for the oldest record's, and the lease is taken again after the list was made,
 * so that a start that was being reported meanwhile is found too.
 */
#include <stdlib.h>

#include "host.h"
#include "nt_process.h"
#include "nt_source.h"

/* A start or exit of the lease. */
struct seen {
    uint64_t start_ns;
    uint32_t pid;
    uint16_t type;
};

struct seen_list {
    struct seen *events;
    size_t count;
    uint64_t oldest_ns;
};

/* Looks through a copy of the lease, which nobody notices. */
static bool lease_look(const struct muster_sensor *sensor, struct seen_list *seen)
{
    struct nt_lease lease = sensor->lease;
    const struct muster_record *record;
    uint64_t position;
    uint32_t lost;

    seen->events = calloc(lease.record_count + 1U, sizeof(*seen->events));
    if (!seen->events)
        return false;
    while ((record = nt_lease_next(&lease, &position, &lost)) != NULL) {
        const struct muster_process *process = &((const struct muster_process_start *)(const void *)record)->process;
        bool identified = muster_record_has(record, MUSTER_FIELD_PID) && muster_record_has(record, MUSTER_FIELD_START);

        if (record->time_ns != 0 && record->time_ns < seen->oldest_ns)
            seen->oldest_ns = record->time_ns;
        if (identified && (record->type == MUSTER_EVENT_PROCESS_START || record->type == MUSTER_EVENT_PROCESS_EXIT))
            seen->events[seen->count++] = (struct seen){process->start_ns, process->pid, record->type};
    }
    return true;
}

static int by_identity(const void *left, const void *right)
{
    const struct seen *a = left, *b = right;

    if (a->pid != b->pid)
        return a->pid < b->pid ? -1 : 1;
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    return (a->type > b->type) - (a->type < b->type);
}

static const struct seen *seen_find(const struct seen_list *seen, uint32_t pid, uint64_t start_ns, uint16_t type)
{
    const struct seen wanted = {start_ns, pid, type};

    return bsearch(&wanted, seen->events, seen->count, sizeof(wanted), by_identity);
}

static bool is_news(const struct seen_list *seen, uint32_t pid, uint64_t start_ns)
{
    return start_ns < seen->oldest_ns && !seen_find(seen, pid, start_ns, MUSTER_EVENT_PROCESS_START);
}

static bool tell_found(const struct nt_process_list *list, const struct nt_process_name *name,
                       struct nt_process *process, muster_sensor_tell tell, void *context, bool *ret_go_on)
{
    struct muster_record *record;
    size_t bytes;

    nt_process_read(list, name, process);
    bytes = muster_record_size(&process->start.record, process->texts, process->text_count);
    record = bytes ? malloc(bytes) : NULL;
    if (!record)
        return false;
    muster_record_encode(record, &process->start.record, process->texts, process->text_count);
    *ret_go_on = tell(context, record);
    free(record);
    return true;
}

/* A process that ended before it could be listed, and of which only its exit is in the stream. */
static bool tell_ended(const struct seen *exit, uint64_t time_ns, muster_sensor_tell tell, void *context)
{
    const struct muster_process_start start = {
        .record = {.size_bytes = sizeof(start),
                   .type = MUSTER_EVENT_PROCESS_RUNNING,
                   .version = MUSTER_RECORD_VERSION,
                   .flags = MUSTER_RECORD_WTF8 | MUSTER_RECORD_SYNTHETIC,
                   .time_ns = time_ns,
                   .valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_START),
                   .fixed_bytes = sizeof(start)},
        .process = {.pid = exit->pid, .start_ns = exit->start_ns},
    };

    return tell(context, &start.record);
}

static bool tell_all(const struct nt_process_list *list, const struct seen_list *seen, muster_sensor_tell tell,
                     void *context)
{
    struct nt_process *process = malloc(sizeof(*process));
    bool go_on = true, done = process != NULL;

    for (size_t i = 0; done && go_on && i < list->count; i++)
        if (is_news(seen, list->processes[i].pid, list->processes[i].start_ns))
            done = tell_found(list, &list->processes[i], process, tell, context, &go_on);
    for (size_t i = 0; done && go_on && i < seen->count; i++) {
        const struct seen *exit = &seen->events[i];
        const struct nt_process_name *found = nt_process_list_find(list, exit->pid);

        if (exit->type == MUSTER_EVENT_PROCESS_EXIT && is_news(seen, exit->pid, exit->start_ns) &&
            !(found && found->start_ns == exit->start_ns))
            go_on = tell_ended(exit, seen->oldest_ns, tell, context);
    }
    free(process);
    return done;
}

/* The list, with the lease that belongs to it. False with GetLastError set, or with the device failed. */
static bool processes_list(struct muster_sensor *sensor, struct nt_process_list *ret_list, uint64_t *ret_before_ns)
{
    *ret_before_ns = host_now_ns();
    if (!nt_source_take_now(sensor) || !nt_process_list_make(ret_list))
        return false;
    if (nt_source_take_now(sensor))
        return true;
    nt_process_list_free(ret_list);
    return false;
}

bool muster_sensor_baseline(struct muster_sensor *sensor, muster_sensor_tell tell, void *context,
                            struct muster_sensor_error *ret_error)
{
    struct nt_process_list list;
    struct seen_list seen = {0};
    bool done;

    if (!processes_list(sensor, &list, &seen.oldest_ns))
        return nt_fail(ret_error, "cannot list the processes that already run",
                       sensor->failure ? sensor->failure : GetLastError());
    done = lease_look(sensor, &seen);
    if (done) {
        qsort(seen.events, seen.count, sizeof(*seen.events), by_identity);
        done = tell_all(&list, &seen, tell, context);
    }
    free(seen.events);
    nt_process_list_free(&list);
    return done || nt_fail(ret_error, "cannot list the processes that already run", ERROR_NOT_ENOUGH_MEMORY);
}
