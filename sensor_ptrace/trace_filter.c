/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace_filter.h: makes a record of no more than what a filter looks at, and asks core/filter.c about it. So trace and
 * the baseline decide by one piece of code, and the BPF programs (sensor_linux/bpf/wanted.h) by another.
 */
#include "trace_filter.h"

#include "exec_paths.h"
#include "muster/record.h"
#include "tracee_cgroup.h"

#define BIT(field) MUSTER_FIELD_BIT(MUSTER_FIELD_##field)
#define TEXTS_MAX  3

/* A path, a name, and what stands around them. */
union subject {
    struct muster_record record;
    uint64_t words[(sizeof(struct muster_process_fork) + 2 * MUSTER_PATH_MAX_BYTES + 256) / 8];
};

static bool has_names(const struct muster_filter *filter)
{
    return filter->include.names.count || filter->exclude.names.count;
}

static bool has_containers(const struct muster_filter *filter)
{
    return filter->include.containers.count || filter->exclude.containers.count;
}

static size_t texts_take(const struct muster_filter *filter, enum muster_event_type type,
                         const struct tracee_facts *facts, struct exec_path *executable, struct muster_text *ret_texts)
{
    size_t count = 0;

    if (!has_names(filter))
        return 0;
    /* At a fork and at an exit it is the name of the first thread that counts, as everywhere. */
    if (type == MUSTER_EVENT_PROCESS_START && exec_path_read(facts->process.pid, "exe", executable))
        ret_texts[count++] = muster_text_whole(MUSTER_FIELD_EXECUTABLE, executable->bytes, executable->size_bytes);
    ret_texts[count++] = muster_text_whole(MUSTER_FIELD_THREAD_NAME, facts->name, facts->name_bytes);
    return count;
}

static bool facts_wanted(const struct muster_filter *filter, enum muster_event_type type,
                         const struct tracee_facts *facts)
{
    struct muster_process_fork fixed = {
        .record = {.type = (uint16_t)type,
                   .fixed_bytes = sizeof(fixed),
                   .valid = BIT(PID) | BIT(USER) | (facts->process.parent_pid ? BIT(PARENT_PID) : 0)},
        .process = facts->process,
    };
    struct muster_text texts[TEXTS_MAX];
    struct exec_path executable;
    struct tracee_cgroup cgroup = {.known = false};
    union subject subject;
    size_t count = texts_take(filter, type, facts, &executable, texts);

    if (has_containers(filter)) {
        tracee_cgroup_read(facts->process.pid, &cgroup);
        if (cgroup.known)
            texts[count++] = muster_text_whole(MUSTER_FIELD_CGROUP_PATH, cgroup.path, cgroup.size_bytes);
    }

    muster_record_encode(&subject, &fixed.record, texts, count);
    return muster_filter_wants(filter, &subject.record) != 0;
}

bool trace_filter_wants(const struct muster_filter *filter, enum muster_event_type type, struct tracee *tracee,
                        const struct tracee_facts *facts)
{
    bool wanted;

    if (!filter || !filter->active)
        return true;
    if (type == MUSTER_EVENT_PROCESS_EXIT && tracee->verdict != TRACEE_NOT_ASKED)
        return tracee->verdict == TRACEE_WANTED;
    wanted = facts_wanted(filter, type, facts);
    tracee->verdict = wanted ? TRACEE_WANTED : TRACEE_UNWANTED;
    return wanted;
}
