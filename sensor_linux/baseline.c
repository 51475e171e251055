/* SPDX-License-Identifier: Apache-2.0 */
/* muster_sensor_baseline: runs the iterator, completes what it found from /proc, looks at the live
 * events so far without taking them, and tells the processes that those do not. */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "baseline.h"
#include "iterator.h"
#include "proc_process.h"
#include "sensor_internal.h"

static bool processes_find(struct muster_sensor *sensor, struct stash *stash)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    struct iterator iterator;
    enum iterator_state state;

    if (!iterator_begin(&iterator, bpf_program__fd(sensor->programs->progs.process_running),
                        bpf_map__fd(sensor->programs->maps.baseline_ring)))
        return false;
    while ((state = iterator_step(&iterator)) == ITERATOR_RUNNING)
        nanosleep(&pause, NULL);
    (void)iterator_end(&iterator);
    *stash = iterator.stash;
    return state != ITERATOR_FAILED; /* what is missing is read from /proc */
}

static bool pid_stashed(const struct stash *stash, uint32_t pid, const struct muster_process_start **ret_start)
{
    const struct muster_process_start *start;

    for (size_t at = 0; (start = stash_next(stash, &at)) != NULL;) {
        if (start->process.pid == pid) {
            *ret_start = start;
            return true;
        }
    }
    return false;
}

/* `process` goes behind those that the iterator found. */
static bool proc_stash(struct stash *stash, struct proc_process *process)
{
    const struct muster_process_start *parent;
    size_t size = muster_record_size(&process->start.record, process->texts, process->text_count);
    void *record = size ? malloc(size) : NULL;
    bool done;

    if (!record)
        return false;
    if (pid_stashed(stash, process->start.process.parent_pid, &parent)) {
        process->start.process.parent_start_ns = parent->process.start_ns;
        process->start.record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_PARENT_START);
    }
    muster_record_encode(record, &process->start.record, process->texts, process->text_count);
    done = stash_add(stash, record, size);
    free(record);
    return done;
}

/* The pids that the iterator found, for looking up. */
struct pid_set {
    uint8_t *bits;
    uint32_t limit;
};

static bool pid_set_make(struct pid_set *set, const struct stash *stash)
{
    enum { PID_LIMIT = 4 * 1024 * 1024 }; /* include/linux/threads.h, PID_MAX_LIMIT */
    const struct muster_process_start *start;

    set->limit = PID_LIMIT;
    set->bits = calloc(PID_LIMIT / 8, 1);
    for (size_t at = 0; set->bits && (start = stash_next(stash, &at)) != NULL;) {
        if (start->process.pid < set->limit)
            set->bits[start->process.pid / 8] |= (uint8_t)(1U << start->process.pid % 8);
    }
    return set->bits != NULL;
}

static bool pid_set_has(const struct pid_set *set, uint32_t pid)
{
    return pid < set->limit && set->bits[pid / 8] >> pid % 8 & 1;
}

/* Adds what /proc has and the iterator left out, if it ran before the programs were attached. */
static bool proc_complete(const struct muster_sensor *sensor, const struct pid_set *found, struct stash *stash)
{
    struct proc_process *process = malloc(sizeof(*process));
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    bool done = process != NULL;

    while (done && directory && (entry = readdir(directory)) != NULL) {
        uint32_t pid = (uint32_t)strtoul(entry->d_name, NULL, 10);

        if (pid == 0 || pid_set_has(found, pid) || !proc_process_read(pid, process) ||
            process->start.process.start_ns > sensor->attached_ns)
            continue;
        process->start.record.time_ns = sensor_now_ns(); /* after reading: an exec meanwhile is before it */
        done = proc_stash(stash, process);
    }
    if (directory)
        closedir(directory);
    free(process);
    return done;
}

/* /proc has the pids of its own namespace, the records those of the initial one. */
bool in_initial_pid_namespace(void)
{
    const ino_t initial = 0xEFFFFFFC; /* PROC_PID_INIT_INO, include/linux/proc_ns.h */
    struct stat status;

    return stat("/proc/self/ns/pid", &status) == 0 && status.st_ino == initial;
}

static bool processes_complete(const struct muster_sensor *sensor, struct stash *stash)
{
    struct pid_set found;
    bool done;

    if (!in_initial_pid_namespace())
        return true;
    done = pid_set_make(&found, stash) && proc_complete(sensor, &found, stash);

    free(found.bits);
    return done;
}

/* Every live event that happened before now, read through a copy of the ring's reader. */
static bool live_collect(const struct muster_sensor *sensor, struct live_events *live)
{
    struct ring ring = sensor->intake.ring;
    const struct muster_record *record;
    uint64_t end, sequence = __atomic_load_n(&sensor->side.control->sequence, __ATOMIC_SEQ_CST);
    uint32_t size_bytes;
    const void *bytes;

    while (!account_programs_done(&sensor->intake.account, sequence & SENSOR_SEQUENCE_MASK))
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

static bool tell_found(struct muster_sensor *sensor, struct live_events *live, const struct stash *stash,
                       muster_sensor_tell tell, void *context)
{
    struct muster_process_start *start;

    for (size_t at = 0; (start = stash_next(stash, &at)) != NULL;) {
        bool execed = !(start->record.flags & FOUND_FORKED);

        found_complete(start);
        if (!live_events_tell_found(live, start))
            continue;
        if (!tell(context, &start->record))
            return false;
        reconcile_note_running(&sensor->reconcile, start, execed);
    }
    return true;
}

static bool tell_ended(const struct live_events *live, uint64_t attached_ns, muster_sensor_tell tell, void *context)
{
    for (size_t i = 0; i < live->count; i++) {
        const struct live_event *exit = &live->events[i];
        struct muster_process_start start = {0};

        if (!live_events_tell_ended(live, exit, attached_ns))
            continue;
        start.record.size_bytes = sizeof(struct muster_process_start);
        start.record.type = MUSTER_EVENT_PROCESS_RUNNING;
        start.record.version = MUSTER_RECORD_VERSION;
        start.record.flags = MUSTER_RECORD_SYNTHETIC;
        start.record.time_ns = attached_ns;
        start.record.fixed_bytes = sizeof(struct muster_process_start);
        start.record.valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_START);
        start.process.pid = exit->pid;
        start.process.start_ns = exit->start_ns;
        if (!tell(context, &start.record))
            return false;
    }
    return true;
}

/* Told again, it is what runs now: of those that ended since, an earlier agent has told. */
static bool baseline_tell(struct muster_sensor *sensor, muster_sensor_tell tell, void *context)
{
    bool again = intake_baseline_told(&sensor->intake), done;
    struct stash stash = {0};
    struct live_events live = {0};

    if (again)
        sensor->attached_ns = sensor_now_ns();
    done = processes_find(sensor, &stash) && processes_complete(sensor, &stash) && live_collect(sensor, &live);
    if (done && tell_found(sensor, &live, &stash, tell, context) &&
        (again || tell_ended(&live, sensor->attached_ns, tell, context))) {
        reconcile_note_all(&sensor->reconcile);
        intake_baseline_tell(&sensor->intake);
    }
    live_events_free(&live);
    free(stash.bytes);
    return done;
}

bool muster_sensor_baseline(struct muster_sensor *sensor, muster_sensor_tell tell, void *context,
                            struct muster_sensor_error *ret_error)
{
    bool own = sensor->programs != NULL, done;

    if (!own)
        sensor->programs = sensor_load_baseline(ret_error);
    if (!sensor->programs)
        return false;
    done = baseline_tell(sensor, tell, context);
    if (!done)
        sensor_fail(ret_error, errno, "cannot list the processes that already run");
    if (!own) {
        muster_bpf__destroy(sensor->programs);
        sensor->programs = NULL;
    }
    return done;
}
