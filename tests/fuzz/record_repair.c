/* SPDX-License-Identifier: Apache-2.0 */
/* record_repair.h. Everything is kept as near to what it was as the format lets it. */
#include "fuzz/record_repair.h"

#include <stdbool.h>
#include <string.h>

#define FIRST_TEXT_BIT MUSTER_FIELD_BIT(MUSTER_FIELD_FIRST_TEXT)

static const uint16_t fixed_bytes[MUSTER_EVENT_TYPE_COUNT + 1] = {
    [MUSTER_EVENT_PROCESS_START] = sizeof(struct muster_process_start),
    [MUSTER_EVENT_PROCESS_EXIT] = sizeof(struct muster_process_exit),
    [MUSTER_EVENT_PROCESS_FORK] = sizeof(struct muster_process_fork),
    [MUSTER_EVENT_MESSAGE] = sizeof(struct muster_message),
    [MUSTER_EVENT_GAP] = sizeof(struct muster_gap),
    [MUSTER_EVENT_STATUS] = sizeof(struct muster_sensor_status),
    [MUSTER_EVENT_PROCESS_RUNNING] = sizeof(struct muster_process_start),
    [MUSTER_EVENT_SENSOR_STARTED] = sizeof(struct muster_sensor_status),
    [MUSTER_EVENT_SENSOR_STOPPED] = sizeof(struct muster_sensor_status),
};

uint32_t record_fixed_bytes(unsigned type)
{
    return fixed_bytes[type];
}

#define READABLE(number, type, member)                                                                                 \
    if (offsetof(type, member) + sizeof(((type *)0)->member) <= record->fixed_bytes)                                   \
        bits |= MUSTER_FIELD_BIT(number);
#define READABLE_START(symbol, number, member, ...) READABLE(number, struct muster_process_start, member)
#define READABLE_EXIT(symbol, number, member, ...)  READABLE(number, struct muster_process_exit, member)
#define READABLE_FORK(symbol, number, member, ...)  READABLE(number, struct muster_process_fork, member)
#define READABLE_GAP(symbol, number, member, ...)   READABLE(number, struct muster_gap, member)

static uint64_t readable_scalars(const struct muster_record *record)
{
    uint64_t bits = 0;
    switch (record->type) {
    case MUSTER_EVENT_PROCESS_START:
    case MUSTER_EVENT_PROCESS_RUNNING:
        MUSTER_PROCESS_FIELDS(READABLE_START)
        MUSTER_START_FIELDS(READABLE_START)
        break;
    case MUSTER_EVENT_PROCESS_EXIT:
        MUSTER_PROCESS_FIELDS(READABLE_EXIT)
        MUSTER_EXIT_FIELDS(READABLE_EXIT)
        break;
    case MUSTER_EVENT_PROCESS_FORK:
        MUSTER_PROCESS_FIELDS(READABLE_FORK)
        break;
    case MUSTER_EVENT_GAP:
        MUSTER_GAP_FIELDS(READABLE_GAP)
        break;
    default:
        break;
    }
    return bits;
}

static bool has_least(unsigned type)
{
    return type == MUSTER_EVENT_GAP || type == MUSTER_EVENT_STATUS || type == MUSTER_EVENT_SENSOR_STARTED ||
           type == MUSTER_EVENT_SENSOR_STOPPED;
}

static void repair_header(struct muster_record *record, size_t left)
{
    const uint32_t most = (uint32_t)(left < MUSTER_RECORD_MAX_BYTES ? left : MUSTER_RECORD_MAX_BYTES) & ~7U;

    record->size_bytes &= ~7U;
    if (record->size_bytes < sizeof *record || record->size_bytes > most)
        record->size_bytes = most;
    record->version = MUSTER_RECORD_VERSION;
    record->type = (uint16_t)(record->type == 0 ? 1 : (record->type - 1) % MUSTER_EVENT_TYPE_COUNT + 1);
    if (has_least(record->type) && record->size_bytes < fixed_bytes[record->type])
        record->type = MUSTER_EVENT_MESSAGE;
    record->fixed_bytes &= 0xfff8U;
    if (record->fixed_bytes < sizeof *record || record->fixed_bytes > record->size_bytes ||
        (has_least(record->type) && record->fixed_bytes < fixed_bytes[record->type]))
        record->fixed_bytes = fixed_bytes[record->type];
    if (record->fixed_bytes > record->size_bytes)
        record->fixed_bytes = sizeof *record;
    record->reserved = 0;
}

/* Returns where the text ends, with its padding; it takes all that is left where nothing fits behind it. */
static uint32_t repair_text(unsigned char *bytes, uint32_t at, uint32_t end, unsigned least_field, unsigned *ret_field)
{
    struct muster_text_header text;
    const uint32_t begin = at + (uint32_t)sizeof text;
    const bool is_last = least_field == 63;

    memcpy(&text, bytes + at, sizeof text);
    text.reserved = 0;
    if (text.field < least_field || text.field > 63)
        text.field = (uint16_t)least_field;
    if (text.size_bytes > end - begin || is_last)
        text.size_bytes = end - begin;
    uint32_t padded_end = (begin + text.size_bytes + 7U) & ~7U;
    if (end - padded_end < sizeof text && end != padded_end) {
        text.size_bytes = end - begin;
        padded_end = end;
    }
    if (text.field == 63 && padded_end != end)
        text.field = (uint16_t)least_field;
    if (text.full_bytes <= text.size_bytes)
        text.full_bytes = text.head_bytes = text.size_bytes;
    else if (text.head_bytes > text.size_bytes)
        text.head_bytes %= text.size_bytes + 1;
    memcpy(bytes + at, &text, sizeof text);
    memset(bytes + begin + text.size_bytes, 0, padded_end - begin - text.size_bytes);
    *ret_field = text.field;
    return padded_end;
}

static void repair_texts(struct muster_record *record)
{
    unsigned char *bytes = (unsigned char *)record;
    uint32_t at = record->fixed_bytes;
    uint64_t seen = 0;
    unsigned field = MUSTER_FIELD_FIRST_TEXT - 1;

    /* Of 8 bytes no text can be made: they become part of the fixed part. */
    if (record->size_bytes - at < sizeof(struct muster_text_header))
        record->fixed_bytes = (uint16_t)(at = record->size_bytes);
    for (record->text_count = 0; at < record->size_bytes; record->text_count++) {
        at = repair_text(bytes, at, record->size_bytes, field + 1, &field);
        seen |= MUSTER_FIELD_BIT(field);
    }
    const uint64_t scalars = readable_scalars(record) | (FIRST_TEXT_BIT - MUSTER_FIELD_BIT(MUSTER_FIELD_SCALAR_COUNT));
    record->valid = (record->valid & scalars) | seen;
    record->unavailable &= ~record->valid;
}

/* Keeps the causes, cut so that nothing wraps round. */
static void repair_gap(struct muster_gap *gap)
{
    gap->count = 0;
    for (unsigned i = 0; i < MUSTER_GAP_CAUSES; i++)
        gap->count += gap->causes[i] &= UINT64_MAX >> 5;
    if (gap->count == 0)
        gap->count = gap->causes[0] = 1;
    uint64_t left = gap->count;
    for (unsigned i = 0; i < MUSTER_GAP_TYPES; i++) {
        if (gap->types[i] > left)
            gap->types[i] = left;
        left -= gap->types[i];
    }
    if (gap->start_ns > gap->end_ns)
        gap->end_ns = gap->start_ns;
    gap->reserved = 0;
    gap->first_sequence &= UINT64_MAX >> 1;
    if (gap->first_sequence == 0)
        gap->first_sequence = 1;
    if (gap->last_sequence < gap->first_sequence + gap->count - 1)
        gap->last_sequence = gap->first_sequence + gap->count - 1;
}

static void repair_content(struct muster_record *record)
{
    struct muster_process_start *start = (struct muster_process_start *)(void *)record;
    struct muster_process_exit *exit = (struct muster_process_exit *)(void *)record;

    if (record->type == MUSTER_EVENT_GAP) {
        repair_gap((struct muster_gap *)(void *)record);
    } else if (record->type == MUSTER_EVENT_PROCESS_EXIT) {
        if (record->fixed_bytes >= offsetof(struct muster_process_exit, run_time_ns)) {
            exit->core_dumped &= 1;
            exit->reserved = 0;
        }
    } else if (record->type == MUSTER_EVENT_PROCESS_START || record->type == MUSTER_EVENT_PROCESS_RUNNING) {
        if (record->fixed_bytes >= offsetof(struct muster_process_start, reserved) + sizeof start->reserved) {
            start->elevated &= 1;
            start->reserved = 0;
        }
    }
}

void record_repair(unsigned char *bytes, size_t size)
{
    for (size_t at = 0; size - at >= sizeof(struct muster_record);) {
        struct muster_record *record = (struct muster_record *)(void *)(bytes + at);
        repair_header(record, size - at);
        repair_texts(record);
        repair_content(record);
        at += record->size_bytes;
    }
}
