/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_input.h */
#include "fuzz/fuzz_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_broken(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "%s:%d: broken: %s\n", file, line, what);
    abort();
}

struct fuzz_copy fuzz_copy_make(const void *bytes, size_t size, bool odd)
{
    const size_t shift = odd ? 8 : 0;
    struct fuzz_copy copy = {.memory = malloc(size + shift == 0 ? 1 : size + shift)};
    FUZZ_REQUIRE(copy.memory != NULL);
    copy.bytes = (unsigned char *)copy.memory + shift;
    if (size != 0)
        memcpy(copy.bytes, bytes, size);
    return copy;
}

void fuzz_copy_free(struct fuzz_copy *copy)
{
    free(copy->memory);
}

const struct muster_record *fuzz_next_record(const unsigned char *bytes, size_t size, size_t *offset)
{
    const struct muster_record *record = NULL;
    if (muster_record_validate(bytes + *offset, size - *offset, &record) != MUSTER_OK)
        return NULL;
    *offset += record->size_bytes;
    return record;
}

unsigned fuzz_wish(const unsigned char *bytes, size_t size, size_t offset, size_t index)
{
    return index < size - offset ? bytes[offset + index] : 0;
}

/* Keeps the reads. */
static volatile uint64_t kept;

static void read_bytes(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += at[i];
    kept += sum;
}

#define READ_SCALAR(number, type, member)                                                                              \
    if (muster_record_has(record, number))                                                                             \
        kept += ((const type *)(const void *)record)->member;
#define READ_START(symbol, number, member, ...) READ_SCALAR(number, struct muster_process_start, member)
#define READ_EXIT(symbol, number, member, ...)  READ_SCALAR(number, struct muster_process_exit, member)
#define READ_FORK(symbol, number, member, ...)  READ_SCALAR(number, struct muster_process_fork, member)

static void read_scalars(const struct muster_record *record)
{
    switch (record->type) {
    case MUSTER_EVENT_PROCESS_START:
    case MUSTER_EVENT_PROCESS_RUNNING:
        MUSTER_PROCESS_FIELDS(READ_START)
        MUSTER_START_FIELDS(READ_START)
        break;
    case MUSTER_EVENT_PROCESS_EXIT:
        MUSTER_PROCESS_FIELDS(READ_EXIT)
        MUSTER_EXIT_FIELDS(READ_EXIT)
        break;
    case MUSTER_EVENT_PROCESS_FORK:
        MUSTER_PROCESS_FIELDS(READ_FORK)
        break;
    case MUSTER_EVENT_GAP:
        read_bytes(record, sizeof(struct muster_gap));
        break;
    case MUSTER_EVENT_MESSAGE:
        read_bytes(record, sizeof(struct muster_message));
        break;
    default:
        read_bytes(record, sizeof(struct muster_sensor_status));
        break;
    }
}

static void read_texts(const struct muster_record *record)
{
    struct muster_text text, found;
    uint32_t cursor = 0;
    unsigned count = 0;
    int last = MUSTER_FIELD_FIRST_TEXT - 1;
    uint64_t seen = 0;

    while (muster_record_next_text(record, &cursor, &text)) {
        FUZZ_REQUIRE(text.field > last && text.field < 64);
        FUZZ_REQUIRE(text.head_bytes <= text.size_bytes && text.size_bytes <= text.full_bytes);
        read_bytes(text.bytes, text.size_bytes);
        FUZZ_REQUIRE(muster_record_text(record, (enum muster_field)text.field, &found));
        FUZZ_REQUIRE(found.bytes == text.bytes && found.size_bytes == text.size_bytes);
        last = text.field;
        seen |= MUSTER_FIELD_BIT(text.field);
        count++;
    }
    FUZZ_REQUIRE(count == record->text_count && cursor <= record->size_bytes);
    for (unsigned field = MUSTER_FIELD_FIRST_TEXT; field < 64; field++)
        FUZZ_REQUIRE(muster_record_text(record, (enum muster_field)field, &found) == ((seen >> field & 1) != 0));
}

void fuzz_read_record(const struct muster_record *record)
{
    FUZZ_REQUIRE((record->valid & record->unavailable) == 0);
    read_scalars(record);
    read_texts(record);
}
