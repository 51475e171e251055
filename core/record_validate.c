/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one check of a record, where it comes in from a ring, a device or a file. After it, any field
 * whose bit is set may be read in place, so everything that a reader relies on is checked here.
 * Called in any context; reads each byte of the record at most once and writes nothing.
 *
 * What a later version may add is let through: a longer fixed part, scalar and text fields that are
 * not known, flags, causes. What is not canonical (padding, reserved, order) is refused, so that
 * two records with one meaning have the same bytes.
 */
#include "muster/record.h"

#include "platform/platform.h"

#define TEXT_FIELDS   (~0ULL << MUSTER_FIELD_FIRST_TEXT)
#define KNOWN_SCALARS (MUSTER_FIELD_BIT(MUSTER_FIELD_SCALAR_COUNT) - 1)

struct scalar {
    uint8_t field;
    uint8_t end_bytes; /* of the member, from the beginning of the record */
};

#define SCALAR(symbol, type, member)                                                                                   \
    {.field = MUSTER_FIELD_##symbol, .end_bytes = (uint8_t)(offsetof(type, member) + sizeof(((type *)0)->member))},
#define START_SCALAR(symbol, number, member, ...) SCALAR(symbol, struct muster_process_start, member)
#define EXIT_SCALAR(symbol, number, member, ...)  SCALAR(symbol, struct muster_process_exit, member)
#define FORK_SCALAR(symbol, number, member, ...)  SCALAR(symbol, struct muster_process_fork, member)
#define GAP_SCALAR(symbol, number, member, ...)   SCALAR(symbol, struct muster_gap, member)

static const struct scalar start_scalars[] = {MUSTER_PROCESS_FIELDS(START_SCALAR) MUSTER_START_FIELDS(START_SCALAR)
                                                  MUSTER_WINDOW_FIELDS(START_SCALAR)};
static const struct scalar exit_scalars[] = {MUSTER_PROCESS_FIELDS(EXIT_SCALAR) MUSTER_EXIT_FIELDS(EXIT_SCALAR)
                                                 MUSTER_WINDOW_FIELDS(EXIT_SCALAR)};
static const struct scalar fork_scalars[] = {MUSTER_PROCESS_FIELDS(FORK_SCALAR)};
static const struct scalar gap_scalars[] = {MUSTER_GAP_FIELDS(GAP_SCALAR)};

struct shape {
    const struct scalar *scalars;
    uint16_t scalar_count;
    uint16_t least_bytes; /* of fixed part: what is read without asking for a bit */
};

#define SHAPE(scalars_, least)                                                                                         \
    {                                                                                                                  \
        .scalars = (scalars_), .scalar_count = sizeof(scalars_) / sizeof((scalars_)[0]), .least_bytes = (least)        \
    }
#define SHAPE_WITHOUT_SCALARS(least)                                                                                   \
    {                                                                                                                  \
        .least_bytes = (least)                                                                                         \
    }

static const struct shape shapes[MUSTER_EVENT_TYPE_COUNT + 1] = {
    [MUSTER_EVENT_PROCESS_START] = SHAPE(start_scalars, sizeof(struct muster_record)),
    [MUSTER_EVENT_PROCESS_EXIT] = SHAPE(exit_scalars, sizeof(struct muster_record)),
    [MUSTER_EVENT_PROCESS_FORK] = SHAPE(fork_scalars, sizeof(struct muster_record)),
    [MUSTER_EVENT_MESSAGE] = SHAPE_WITHOUT_SCALARS(sizeof(struct muster_message)),
    [MUSTER_EVENT_GAP] = SHAPE(gap_scalars, sizeof(struct muster_gap)),
    [MUSTER_EVENT_STATUS] = SHAPE_WITHOUT_SCALARS(sizeof(struct muster_sensor_status)),
    [MUSTER_EVENT_PROCESS_RUNNING] = SHAPE(start_scalars, sizeof(struct muster_record)),
    [MUSTER_EVENT_SENSOR_STARTED] = SHAPE_WITHOUT_SCALARS(sizeof(struct muster_sensor_status)),
    [MUSTER_EVENT_SENSOR_STOPPED] = SHAPE_WITHOUT_SCALARS(sizeof(struct muster_sensor_status)),
};

MUSTER_STATIC_ASSERT(sizeof(struct muster_process_exit) <= UINT8_MAX, "scalar.end_bytes holds every offset");
MUSTER_STATIC_ASSERT(sizeof(struct muster_process_start) <= UINT8_MAX, "likewise");

static bool header_is_sound(const struct muster_record *record, size_t available_bytes)
{
    const uint32_t size = record->size_bytes;
    const uint32_t fixed = record->fixed_bytes;

    return size >= sizeof *record && size <= available_bytes && size <= MUSTER_RECORD_MAX_BYTES &&
           size % MUSTER_RECORD_ALIGNMENT == 0 && fixed >= sizeof *record && fixed <= size &&
           fixed % MUSTER_RECORD_ALIGNMENT == 0 && record->reserved == 0 && record->version != 0 && record->type != 0 &&
           (record->valid & record->unavailable) == 0;
}

/* Each scalar that is said to be there belongs to the type and lies in the fixed part. */
static bool scalars_are_sound(const struct muster_record *record, const struct shape *shape)
{
    uint64_t readable = ~KNOWN_SCALARS;

    for (unsigned i = 0; i < shape->scalar_count; i++)
        if (shape->scalars[i].end_bytes <= record->fixed_bytes)
            readable |= MUSTER_FIELD_BIT(shape->scalars[i].field);
    return (record->valid & ~readable) == 0;
}

static bool text_is_sound(const struct muster_text_header *text)
{
    if (text->reserved != 0 || text->field < MUSTER_FIELD_FIRST_TEXT || text->field > 63)
        return false;
    if (text->size_bytes == text->full_bytes)
        return text->head_bytes == text->size_bytes;
    return text->size_bytes < text->full_bytes && text->head_bytes <= text->size_bytes;
}

static bool is_zero(const unsigned char *bytes, size_t count)
{
    unsigned char all = 0;
    for (size_t i = 0; i < count; i++)
        all |= bytes[i];
    return all == 0;
}

static bool texts_are_sound(const struct muster_record *record)
{
    const unsigned char *bytes = (const unsigned char *)record;
    size_t at = record->fixed_bytes;
    uint64_t seen = 0;

    for (unsigned i = 0; i < record->text_count; i++) {
        struct muster_text_header text;
        if (record->size_bytes - at < sizeof text)
            return false;
        muster_copy(&text, bytes + at, sizeof text);
        at += sizeof text;
        if (!text_is_sound(&text) || record->size_bytes - at < text.size_bytes)
            return false;
        const uint64_t bit = MUSTER_FIELD_BIT(text.field);
        if (seen >= bit)
            return false;
        seen |= bit;
        /* What is left is a multiple of 8 and the text fits, so its padding fits too. */
        const size_t padding = -(size_t)text.size_bytes % MUSTER_RECORD_ALIGNMENT;
        at += text.size_bytes;
        if (!is_zero(bytes + at, padding))
            return false;
        at += padding;
    }
    return at == record->size_bytes && (record->valid & TEXT_FIELDS) == seen;
}

static bool start_is_sound(const struct muster_process_start *start)
{
    const uint32_t fixed = start->record.fixed_bytes;

    if (fixed > offsetof(struct muster_process_start, reserved) && start->reserved != 0)
        return false;
    if (fixed > offsetof(struct muster_process_start, reserved_end) && start->reserved_end != 0)
        return false;
    if (muster_record_has(&start->record, MUSTER_FIELD_ELEVATED) && start->elevated > 1)
        return false;
    return !muster_record_has(&start->record, MUSTER_FIELD_WINDOW) || start->window_start_ns <= start->window_end_ns;
}

static bool exit_is_sound(const struct muster_process_exit *exit)
{
    if (exit->record.fixed_bytes < offsetof(struct muster_process_exit, run_time_ns))
        return true;
    if (exit->reserved != 0)
        return false;
    if (muster_record_has(&exit->record, MUSTER_FIELD_CORE_DUMPED) && exit->core_dumped > 1)
        return false;
    return !muster_record_has(&exit->record, MUSTER_FIELD_WINDOW) || exit->window_start_ns <= exit->window_end_ns;
}

/* Adds up without wrapping round, or says that it cannot. */
static bool sum_of(const uint64_t *counts, unsigned count, uint64_t *ret_sum)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        if (__builtin_add_overflow(sum, counts[i], &sum))
            return false;
    *ret_sum = sum;
    return true;
}

static bool gap_is_sound(const struct muster_gap *gap)
{
    uint64_t by_cause = 0, by_type = 0;

    if (gap->count == 0 || gap->reserved != 0 || gap->start_ns > gap->end_ns)
        return false;
    if (!sum_of(gap->causes, MUSTER_GAP_CAUSES, &by_cause) || !sum_of(gap->types, MUSTER_GAP_TYPES, &by_type))
        return false;
    /* A kernel that counts only by cause leaves types out. */
    if (by_cause != gap->count || by_type > gap->count)
        return false;
    return !muster_record_has(&gap->record, MUSTER_FIELD_SEQUENCE_RANGE) ||
           (gap->first_sequence != 0 && gap->first_sequence <= gap->last_sequence &&
            gap->count - 1 <= gap->last_sequence - gap->first_sequence);
}

static bool content_is_sound(const struct muster_record *record)
{
    switch (record->type) {
    case MUSTER_EVENT_PROCESS_START:
    case MUSTER_EVENT_PROCESS_RUNNING:
        return start_is_sound((const struct muster_process_start *)(const void *)record);
    case MUSTER_EVENT_PROCESS_EXIT:
        return exit_is_sound((const struct muster_process_exit *)(const void *)record);
    case MUSTER_EVENT_GAP:
        return gap_is_sound((const struct muster_gap *)(const void *)record);
    default:
        return true;
    }
}

enum muster_status muster_record_validate(const void *bytes, size_t available_bytes,
                                          const struct muster_record **ret_record)
{
    const struct muster_record *record = bytes;

    if (available_bytes < sizeof *record || !header_is_sound(record, available_bytes))
        return MUSTER_INVALID;
    if (record->version > MUSTER_RECORD_VERSION)
        return MUSTER_UNSUPPORTED;
    if (!texts_are_sound(record))
        return MUSTER_INVALID;
    if (record->type > MUSTER_EVENT_TYPE_COUNT)
        return MUSTER_UNSUPPORTED;

    const struct shape *shape = &shapes[record->type];
    if (record->fixed_bytes < shape->least_bytes || !scalars_are_sound(record, shape) || !content_is_sound(record))
        return MUSTER_INVALID;
    *ret_record = record;
    return MUSTER_OK;
}
