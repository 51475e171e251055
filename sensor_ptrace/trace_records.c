/* SPDX-License-Identifier: Apache-2.0 */
/* trace_records.h */
#include "trace_records.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exec_image.h"
#include "trace_filter.h"
#include "trace_place.h"

#define NS_PER_S          1000000000ULL
#define SCRIPT_ARGUMENTS  10 /* a script's path is one of the first: the kernel goes through five interpreters */
#define START_TEXTS       8
#define MESSAGE_BYTES_MAX (MUSTER_PATH_MAX_BYTES + 200)
#define BIT(field)        MUSTER_FIELD_BIT(MUSTER_FIELD_##field)
#define ALWAYS_KNOWN      (BIT(PID) | BIT(START) | BIT(SESSION) | BIT(USER) | BIT(GROUP) | BIT(REAL_USER) | BIT(REAL_GROUP))

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

const struct muster_record *trace_records_take(struct trace_records *records)
{
    const struct muster_record *record = (const void *)&records->outbox[records->taken];

    if (records->taken == records->filled) {
        records->taken = records->filled = 0;
        return NULL;
    }
    records->taken += record->size_bytes;
    return record;
}

/* All texts are bounded, and so is what one stop makes: it fits. */
static void record_put(struct trace_records *records, const struct muster_record *fixed,
                       const struct muster_text *texts, size_t text_count)
{
    size_t size = muster_record_size(fixed, texts, text_count);

    if (size == 0 || size > OUTBOX_BYTES - records->filled)
        abort();
    muster_record_encode(&records->outbox[records->filled], fixed, texts, text_count);
    records->filled += size;
}

static struct muster_record header(struct trace_records *records, enum muster_event_type type, size_t fixed_bytes)
{
    return (struct muster_record){
        .size_bytes = (uint32_t)fixed_bytes,
        .type = (uint16_t)type,
        .version = MUSTER_RECORD_VERSION,
        .sequence = ++records->sequence,
        .time_ns = now_ns(),
        .fixed_bytes = (uint16_t)fixed_bytes,
    };
}

/* Whether the event is wanted; else it is counted, with its number. */
static bool wanted(struct trace_records *records, enum muster_event_type type, struct tracee *tracee,
                   const struct tracee_facts *facts)
{
    if (trace_filter_wants(records->filter, type, tracee, facts))
        return true;
    records->sequence++;
    records->filtered++;
    return false;
}

/* The common beginning. A parent of pid 0 is one outside of this pid namespace, or none. */
static void process_put(struct muster_record *record, struct muster_process *process, const struct tracee_table *table,
                        const struct tracee *tracee, const struct tracee_facts *facts, uint32_t tid)
{
    const struct tracee *parent = tracee_find(table, facts->process.parent_pid);

    *process = facts->process;
    process->start_ns = tracee->start_ns;
    process->tid = tid;
    record->valid |= ALWAYS_KNOWN | (tid ? BIT(TID) : 0);
    if (process->parent_pid == 0)
        return;
    record->valid |= BIT(PARENT_PID);
    if (parent)
        process->parent_start_ns = parent->start_ns;
    if (parent || tracee_start_read(process->parent_pid, &process->parent_start_ns))
        record->valid |= BIT(PARENT_START);
}

static struct muster_text name_text(const struct tracee_facts *facts)
{
    return muster_text_whole(MUSTER_FIELD_THREAD_NAME, facts->name, facts->name_bytes);
}

void trace_fork(struct trace_records *records, const struct tracee_table *table, struct tracee *child, uint32_t tid)
{
    struct muster_process_fork fork;
    struct muster_text name = name_text(&child->birth);

    child->fork_pending = false;
    if (!wanted(records, MUSTER_EVENT_PROCESS_FORK, child, &child->birth))
        return;
    fork = (struct muster_process_fork){.record = header(records, MUSTER_EVENT_PROCESS_FORK, sizeof(fork))};
    process_put(&fork.record, &fork.process, table, child, &child->birth, tid);
    record_put(records, &fork.record, &name, 1);
}

/* ---- start ---- */

struct start_texts {
    struct muster_record *record;
    struct muster_text texts[START_TEXTS];
    size_t count;
};

static void path_put(struct start_texts *texts, enum muster_field field, const struct exec_path *path, bool exists)
{
    if (path->known)
        texts->texts[texts->count++] = muster_text_whole(field, path->bytes, path->size_bytes);
    else if (exists)
        texts->record->unavailable |= MUSTER_FIELD_BIT(field);
}

static void args_put(struct start_texts *texts, struct muster_process_start *start, const struct exec_memory *memory)
{
    struct muster_text args = {.field = MUSTER_FIELD_ARGS,
                               .bytes = memory->args,
                               .size_bytes = memory->args_size,
                               .head_bytes = memory->args_head,
                               .full_bytes = memory->args_full};

    if (memory->args_known)
        texts->texts[texts->count++] = args;
    else
        texts->record->unavailable |= BIT(ARGS);
    start->args_count = memory->count_known ? memory->args_count : 0;
    if (memory->count_known)
        texts->record->valid |= BIT(ARGS_COUNT);
    else
        texts->record->unavailable |= BIT(ARGS_COUNT);
}

/* Whether an interpreter runs the file that was given to exec: its path is then an argument of the
 * interpreter, and it is not the image. */
static bool is_script(uint32_t pid, const struct exec_memory *memory)
{
    const char *argument = memory->args, *end = memory->args + memory->args_head;

    if (!memory->path_known || !memory->args_known)
        return false;
    for (int i = 0; i <= SCRIPT_ARGUMENTS && argument < end; i++) {
        size_t size = strnlen(argument, (size_t)(end - argument));

        if (i > 0 && size == memory->path_bytes && memcmp(argument, memory->path, size) == 0)
            return exec_path_differs(pid, memory->path);
        argument += size + 1;
    }
    return false;
}

static void image_flags_put(struct muster_process_start *start, const struct exec_path *executable)
{
    start->image_flags =
        (executable->deleted ? MUSTER_IMAGE_DELETED : 0) | (executable->memfd ? MUSTER_IMAGE_MEMFD : 0);
    if (exec_image_put(start) && executable->known)
        start->record.valid |= BIT(IMAGE_FLAGS);
}

static void message_put(struct trace_records *records, const char *bytes, size_t size)
{
    struct muster_message message = {.record = header(records, MUSTER_EVENT_MESSAGE, sizeof(message))};
    struct muster_text text = muster_text_whole(MUSTER_FIELD_MESSAGE, bytes, (uint32_t)size);

    record_put(records, &message.record, &text, 1);
}

static void rights_tell(struct trace_records *records, uint32_t pid)
{
    char text[MESSAGE_BYTES_MAX];
    int size = snprintf(text, sizeof(text),
                        "process %" PRIu32 " runs %.*s without the rights of its set-id bits, because it is traced",
                        pid, (int)records->executable.size_bytes, records->executable.bytes);

    if (size > 0)
        message_put(records, text, (size_t)size < sizeof(text) ? (size_t)size : sizeof(text) - 1);
}

static void cgroup_put(struct start_texts *texts, struct muster_process_start *start, struct tracee_cgroup *cgroup)
{
    tracee_cgroup_read(start->process.pid, cgroup);
    if (!cgroup->exists)
        return;
    tracee_cgroup_identify(cgroup);
    if (cgroup->known)
        texts->texts[texts->count++] = muster_text_whole(MUSTER_FIELD_CGROUP_PATH, cgroup->path, cgroup->size_bytes);
    start->cgroup_id = cgroup->id_known ? cgroup->id : 0;
    texts->record->valid |= cgroup->id_known ? BIT(CGROUP) : 0;
    texts->record->unavailable |= (cgroup->known ? 0 : BIT(CGROUP_PATH)) | (cgroup->id_known ? 0 : BIT(CGROUP));
}

/* Whatever runs a script has itself as its first argument, as the script's first line or binfmt_misc names it: the
 * last of them, where one script runs another. */
static void interpreter_put(struct start_texts *texts, const struct exec_memory *memory)
{
    size_t size = strnlen(memory->args, memory->args_head);

    if (size <= MUSTER_PATH_MAX_BYTES)
        texts->texts[texts->count++] = muster_text_whole(MUSTER_FIELD_INTERPRETER, memory->args, (uint32_t)size);
}

static void texts_collect(struct trace_records *records, struct start_texts *texts, struct muster_process_start *start,
                          const struct tracee_facts *facts)
{
    uint32_t pid = facts->process.pid, parent_pid = facts->process.parent_pid;
    bool parent_exists, script;

    exec_memory_read(facts, records->args_max_bytes, &records->memory);
    exec_path_read(pid, "exe", &records->executable);
    exec_path_read(pid, "cwd", &records->working_directory);
    errno = ENOENT;
    parent_exists = parent_pid != 0 && !exec_path_read(parent_pid, "exe", &records->parent_executable) &&
                    errno != ENOENT; /* ENOENT: a kernel thread has none */
    records->parent_executable.known = records->parent_executable.known && parent_pid != 0;
    path_put(texts, MUSTER_FIELD_EXECUTABLE, &records->executable, true);
    path_put(texts, MUSTER_FIELD_WORKING_DIRECTORY, &records->working_directory, true);
    args_put(texts, start, &records->memory);
    script = is_script(pid, &records->memory);
    if (script)
        texts->texts[texts->count++] =
            muster_text_whole(MUSTER_FIELD_SCRIPT, records->memory.path, records->memory.path_bytes);
    texts->texts[texts->count++] = name_text(facts);
    path_put(texts, MUSTER_FIELD_PARENT_EXECUTABLE, &records->parent_executable, parent_exists);
    cgroup_put(texts, start, &records->cgroup);
    if (script)
        interpreter_put(texts, &records->memory);
}

void trace_start(struct trace_records *records, const struct tracee_table *table, struct tracee *tracee,
                 const struct tracee_facts *facts, uint32_t tid)
{
    struct muster_process_start start;
    struct start_texts texts = {.record = &start.record};

    if (!wanted(records, MUSTER_EVENT_PROCESS_START, tracee, facts))
        return;
    start = (struct muster_process_start){.record = header(records, MUSTER_EVENT_PROCESS_START, sizeof(start))};
    process_put(&start.record, &start.process, table, tracee, facts, tid);
    trace_place_put(&start, facts);
    texts_collect(records, &texts, &start, facts);
    image_flags_put(&start, &records->executable);
    record_put(records, &start.record, texts.texts, texts.count);
    if (records->executable.known && exec_rights_withheld(facts))
        rights_tell(records, tracee->pid);
}

static void usage_put(struct muster_process_exit *exit, const struct tracee *tracee, const struct tracee_facts *facts,
                      const struct trace_end *end)
{
    const uint64_t times = BIT(USER_TIME) | BIT(SYSTEM_TIME);

    if (tracee_usage_times(tracee->pid, &exit->user_time_ns, &exit->system_time_ns))
        exit->record.valid |= times;
    else
        exit->record.unavailable |= times;
    if (tracee_usage_peak(&tracee->usage, facts, end->usage, &exit->peak_rss_bytes))
        exit->record.valid |= BIT(PEAK_RSS);
    else
        exit->record.unavailable |= BIT(PEAK_RSS);
}

void trace_exit(struct trace_records *records, const struct tracee_table *table, struct tracee *tracee,
                const struct tracee_facts *facts, const struct trace_end *end)
{
    struct muster_process_exit exit;
    struct muster_text name = name_text(facts);

    if (!wanted(records, MUSTER_EVENT_PROCESS_EXIT, tracee, facts))
        return;
    exit = (struct muster_process_exit){.record = header(records, MUSTER_EVENT_PROCESS_EXIT, sizeof(exit))};
    process_put(&exit.record, &exit.process, table, tracee, facts, tracee->threaded ? 0 : tracee->pid);
    if (end->code == CLD_EXITED) {
        exit.exit_code = (uint32_t)end->status;
        exit.record.valid |= BIT(EXIT_CODE);
    } else {
        exit.exit_signal = (uint8_t)end->status;
        exit.core_dumped = end->code == CLD_DUMPED;
        exit.record.valid |= BIT(EXIT_SIGNAL) | BIT(CORE_DUMPED);
    }
    exit.run_time_ns = exit.record.time_ns - tracee->start_ns;
    exit.record.valid |= BIT(RUN_TIME);
    usage_put(&exit, tracee, facts, end);
    record_put(records, &exit.record, &name, 1);
}
