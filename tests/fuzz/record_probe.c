/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the C code makes of records, for tests/fuzz/differential_test.py.
 *
 *     record_probe            on standard input: a length in 32 bits, little-endian, and so many bytes, again and
 *                             again. A line for each: "invalid", "unsupported", or JSON with all that is there
 *     record_probe --tables   the scalar fields, sizes and limits of wire.h
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "muster/record.h"

enum { INPUT_MOST = 1 << 20 };

static const char *separator;

static void print_number(uint64_t number)
{
    (void)printf("%s%" PRIu64, separator, number);
    separator = ",";
}

static void print_numbers(const uint64_t *numbers, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        print_number(numbers[i]);
}

/* ---- scalars: by bit ----------------------------------------------------------------------------------- */

struct scalar {
    unsigned field;
    size_t offset;
    size_t width;
};

#define SCALAR(field, type, member) {(field), offsetof(type, member), sizeof(((type *)0)->member)},

#define START_SCALAR(symbol, number, member, ...) SCALAR(number, struct muster_process_start, member)
#define EXIT_SCALAR(symbol, number, member, ...)  SCALAR(number, struct muster_process_exit, member)
#define FORK_SCALAR(symbol, number, member, ...)  SCALAR(number, struct muster_process_fork, member)
#define GAP_SCALAR(symbol, number, member, ...)   SCALAR(number, struct muster_gap, member)

static const struct scalar start_scalars[] = {MUSTER_PROCESS_FIELDS(START_SCALAR) MUSTER_START_FIELDS(START_SCALAR)
                                                  MUSTER_WINDOW_FIELDS(START_SCALAR)};
static const struct scalar exit_scalars[] = {MUSTER_PROCESS_FIELDS(EXIT_SCALAR) MUSTER_EXIT_FIELDS(EXIT_SCALAR)
                                                 MUSTER_WINDOW_FIELDS(EXIT_SCALAR)};
static const struct scalar fork_scalars[] = {MUSTER_PROCESS_FIELDS(FORK_SCALAR)};
static const struct scalar gap_scalars[] = {MUSTER_GAP_FIELDS(GAP_SCALAR)};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    const struct scalar *scalars;
    size_t count;
    size_t bytes;
} types[MUSTER_EVENT_TYPE_COUNT + 1] = {
    [MUSTER_EVENT_PROCESS_START] = {start_scalars, COUNT_OF(start_scalars), sizeof(struct muster_process_start)},
    [MUSTER_EVENT_PROCESS_EXIT] = {exit_scalars, COUNT_OF(exit_scalars), sizeof(struct muster_process_exit)},
    [MUSTER_EVENT_PROCESS_FORK] = {fork_scalars, COUNT_OF(fork_scalars), sizeof(struct muster_process_fork)},
    [MUSTER_EVENT_MESSAGE] = {NULL, 0, sizeof(struct muster_message)},
    [MUSTER_EVENT_GAP] = {gap_scalars, COUNT_OF(gap_scalars), sizeof(struct muster_gap)},
    [MUSTER_EVENT_STATUS] = {NULL, 0, sizeof(struct muster_sensor_status)},
    [MUSTER_EVENT_PROCESS_RUNNING] = {start_scalars, COUNT_OF(start_scalars), sizeof(struct muster_process_start)},
    [MUSTER_EVENT_SENSOR_STARTED] = {NULL, 0, sizeof(struct muster_sensor_status)},
    [MUSTER_EVENT_SENSOR_STOPPED] = {NULL, 0, sizeof(struct muster_sensor_status)},
};

static uint64_t scalar_value(const struct muster_record *record, const struct scalar *scalar)
{
    uint64_t value = 0;
    memcpy(&value, (const char *)record + scalar->offset, scalar->width);
    return value;
}

static void print_scalars(const struct muster_record *record)
{
    (void)printf("\"scalars\":{");
    separator = "";
    for (unsigned field = 0; field < MUSTER_FIELD_FIRST_TEXT; field++)
        for (size_t i = 0; i < types[record->type].count; i++)
            if (types[record->type].scalars[i].field == field && muster_record_has(record, (enum muster_field)field)) {
                (void)printf("%s\"%u\":%" PRIu64, separator, field,
                             scalar_value(record, &types[record->type].scalars[i]));
                separator = ",";
            }
    (void)printf("},");
}

/* ---- members without a bit ------------------------------------------------------------------------------ */

static void print_gap(const struct muster_gap *gap)
{
    print_numbers(&gap->first_sequence, 5);
    print_number(gap->stage);
    print_numbers(gap->causes, MUSTER_GAP_CAUSES);
    print_numbers(gap->types, MUSTER_GAP_TYPES);
}

static void print_status(const struct muster_sensor_status *status)
{
    print_numbers(&status->epoch, 6);
    print_numbers(status->dropped, MUSTER_GAP_CAUSES);
    print_numbers(status->types, MUSTER_GAP_TYPES);
}

/* Where the fixed part reaches so far. */
static void print_window_start(const struct muster_record *record, size_t offset)
{
    if (record->fixed_bytes >= offset + sizeof(uint64_t))
        print_number(*(const uint64_t *)(const void *)((const char *)record + offset));
}

static void print_members(const struct muster_record *record)
{
    (void)printf("\"members\":[");
    separator = "";
    switch (record->type) {
    case MUSTER_EVENT_GAP:
        print_gap((const struct muster_gap *)(const void *)record);
        break;
    case MUSTER_EVENT_PROCESS_START:
    case MUSTER_EVENT_PROCESS_RUNNING:
        print_window_start(record, offsetof(struct muster_process_start, window_start_ns));
        break;
    case MUSTER_EVENT_PROCESS_EXIT:
        print_window_start(record, offsetof(struct muster_process_exit, window_start_ns));
        break;
    case MUSTER_EVENT_STATUS:
    case MUSTER_EVENT_SENSOR_STARTED:
    case MUSTER_EVENT_SENSOR_STOPPED:
        print_status((const struct muster_sensor_status *)(const void *)record);
        break;
    default:
        break;
    }
    (void)printf("],");
}

/* ---- the rest -------------------------------------------------------------------------------------------- */

static void print_header(const struct muster_record *record)
{
    (void)printf("{\"header\":[");
    separator = "";
    print_number(record->size_bytes);
    print_number(record->type);
    print_number(record->version);
    print_number(record->flags);
    print_number(record->sequence);
    print_number(record->time_ns);
    print_number(record->valid);
    print_number(record->unavailable);
    print_number(record->fixed_bytes);
    print_number(record->text_count);
    (void)printf("],");
}

static void print_texts(const struct muster_record *record)
{
    struct muster_text text;

    (void)printf("\"texts\":[");
    separator = "";
    for (uint32_t cursor = 0; muster_record_next_text(record, &cursor, &text);) {
        (void)printf("%s[%u,%u,%u,\"", separator, text.field, text.head_bytes, text.full_bytes);
        for (uint32_t i = 0; i < text.size_bytes; i++)
            (void)printf("%02x", (unsigned char)text.bytes[i]);
        (void)printf("\"]");
        separator = ",";
    }
    (void)printf("]}\n");
}

/* The input is where it ends: a read behind it would be seen. */
static void judge(const unsigned char *bytes, size_t size)
{
    const struct muster_record *record = NULL;

    switch (muster_record_validate(bytes, size, &record)) {
    case MUSTER_OK:
        print_header(record);
        print_scalars(record);
        print_members(record);
        print_texts(record);
        break;
    case MUSTER_UNSUPPORTED:
        (void)puts("unsupported");
        break;
    default:
        (void)puts("invalid");
        break;
    }
}

static void print_tables(void)
{
    for (unsigned type = 1; type <= MUSTER_EVENT_TYPE_COUNT; type++) {
        (void)printf("type %u %zu\n", type, types[type].bytes);
        for (size_t i = 0; i < types[type].count; i++)
            (void)printf("scalar %u %u %zu %zu\n", type, types[type].scalars[i].field, types[type].scalars[i].offset,
                         types[type].scalars[i].width);
    }
    (void)printf("limits %u %u %u %u\n", MUSTER_FIELD_SCALAR_COUNT, MUSTER_FIELD_FIRST_TEXT, MUSTER_FIELD_COUNT,
                 MUSTER_RECORD_MAX_BYTES);
}

int main(int argc, char **argv)
{
    unsigned char length[4];

    if (argc > 1 && strcmp(argv[1], "--tables") == 0) {
        print_tables();
        return 0;
    }
    while (fread(length, 1, sizeof length, stdin) == sizeof length) {
        const size_t size = length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 | (size_t)length[3] << 24;
        unsigned char *bytes = size > INPUT_MOST ? NULL : malloc(size == 0 ? 1 : size);
        if (bytes == NULL || fread(bytes, 1, size, stdin) != size) {
            (void)fprintf(stderr, "record_probe: an input of %zu bytes that is not there\n", size);
            return 1;
        }
        judge(bytes, size);
        free(bytes);
    }
    return 0;
}
