/* SPDX-License-Identifier: Apache-2.0 */
/* verdicts.h */
#include "verdicts.h"

#include "muster/record.h"

/* Numbers of processes are multiples of 4 on Windows, and given lowest first: so few share a place. */
static struct verdict *place_of(struct verdicts *verdicts, const struct muster_record *record,
                                const struct muster_process **ret_process)
{
    const struct muster_process *process = &((const struct muster_process_fork *)(const void *)record)->process;

    if (!muster_record_has(record, MUSTER_FIELD_PID) || !muster_record_has(record, MUSTER_FIELD_START) ||
        process->start_ns == 0)
        return NULL;
    *ret_process = process;
    return &verdicts->of[process->pid / 4 % VERDICTS_COUNT];
}

static bool is_of_process(unsigned type)
{
    return type == MUSTER_EVENT_PROCESS_START || type == MUSTER_EVENT_PROCESS_EXIT ||
           type == MUSTER_EVENT_PROCESS_FORK || type == MUSTER_EVENT_PROCESS_RUNNING;
}

bool verdicts_want(struct verdicts *verdicts, const struct muster_filter *filter, const struct muster_record *record)
{
    const struct muster_process *process;
    struct verdict *place;
    bool wanted;

    if (!is_of_process(record->type))
        return true;
    place = place_of(verdicts, record, &process);
    if (place && record->type == MUSTER_EVENT_PROCESS_EXIT && place->pid == process->pid &&
        place->start_ns == process->start_ns)
        return place->wanted != 0;
    wanted = muster_filter_wants(filter, record) != 0;
    if (place && record->type != MUSTER_EVENT_PROCESS_EXIT)
        *place = (struct verdict){.start_ns = process->start_ns, .pid = process->pid, .wanted = wanted};
    return wanted;
}
