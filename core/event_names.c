/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What event types, causes, stages and fields are called outside, and the class of each type.
 * Constant tables: any context. A number that this build does not know has no name; it is never
 * given a made-up one.
 */
#include "muster/record.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *name_at(const char *const *names, size_t count, unsigned index)
{
    return index < count ? names[index] : NULL;
}

enum muster_class muster_event_class(unsigned type)
{
    switch (type) {
    case MUSTER_EVENT_PROCESS_START:
    case MUSTER_EVENT_PROCESS_RUNNING:
        return MUSTER_CLASS_START;
    case MUSTER_EVENT_PROCESS_EXIT:
        return MUSTER_CLASS_EXIT;
    case MUSTER_EVENT_PROCESS_FORK:
        return MUSTER_CLASS_FORK;
    case MUSTER_EVENT_GAP:
    case MUSTER_EVENT_STATUS:
    case MUSTER_EVENT_SENSOR_STARTED:
    case MUSTER_EVENT_SENSOR_STOPPED:
        return MUSTER_CLASS_GAP;
    default:
        return MUSTER_CLASS_MESSAGE;
    }
}

const char *muster_event_action(unsigned type)
{
    static const char *const names[] = {
        [MUSTER_EVENT_PROCESS_START] = "process-started",
        [MUSTER_EVENT_PROCESS_EXIT] = "process-exited",
        [MUSTER_EVENT_PROCESS_FORK] = "process-forked",
        [MUSTER_EVENT_MESSAGE] = "message",
        [MUSTER_EVENT_GAP] = "events-lost",
        [MUSTER_EVENT_STATUS] = "sensor-status",
        [MUSTER_EVENT_PROCESS_RUNNING] = "process-running",
        [MUSTER_EVENT_SENSOR_STARTED] = "sensor-started",
        [MUSTER_EVENT_SENSOR_STOPPED] = "sensor-stopped",
    };
    return name_at(names, COUNT_OF(names), type);
}

const char *muster_event_type_name(unsigned type)
{
    static const char *const names[] = {
        [MUSTER_EVENT_PROCESS_START] = "start",
        [MUSTER_EVENT_PROCESS_EXIT] = "exit",
        [MUSTER_EVENT_PROCESS_FORK] = "fork",
        [MUSTER_EVENT_MESSAGE] = "message",
    };
    return name_at(names, COUNT_OF(names), type);
}

const char *muster_cause_name(unsigned cause)
{
    static const char *const names[] = {
        [MUSTER_CAUSE_RING_FULL] = "ring_full",           [MUSTER_CAUSE_CLASS_SHED] = "class_shed",
        [MUSTER_CAUSE_QUEUE_FULL] = "queue_full",         [MUSTER_CAUSE_ALLOCATION_FAILED] = "allocation_failed",
        [MUSTER_CAUSE_IRQL_REFUSED] = "irql_refused",     [MUSTER_CAUSE_PROGRAM_MISSED] = "program_missed",
        [MUSTER_CAUSE_RECORD_INVALID] = "record_invalid", [MUSTER_CAUSE_RECORD_TOO_LARGE] = "record_too_large",
        [MUSTER_CAUSE_UNEXPLAINED] = "unexplained",       [MUSTER_CAUSE_CAPTURE_DAMAGED] = "capture_damaged",
        [MUSTER_CAUSE_SHARE_SHED] = "share_shed",
    };
    MUSTER_STATIC_ASSERT(COUNT_OF(names) == MUSTER_CAUSE_COUNT, "every cause has a name");
    return name_at(names, COUNT_OF(names), cause);
}

const char *muster_stage_name(unsigned stage)
{
    static const char *const names[] = {
        [MUSTER_STAGE_KERNEL_RING] = "kernel_ring",
        [MUSTER_STAGE_DRIVER_QUEUE] = "driver_queue",
        [MUSTER_STAGE_AGENT_QUEUE] = "agent_queue",
        [MUSTER_STAGE_CAPTURE] = "capture",
    };
    return name_at(names, COUNT_OF(names), stage);
}

#define FIELD_NAME(symbol, number, member, form, name, ...) [number] = (name),

const char *muster_field_name(unsigned field)
{
    static const char *const names[MUSTER_FIELD_COUNT] = {MUSTER_FIELDS(FIELD_NAME)};
    return name_at(names, COUNT_OF(names), field);
}
