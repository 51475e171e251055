/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked to the targets that take records when libFuzzer drives them. After nearly each of libFuzzer's own
 * mutations what makes a record invalid is put right (record_repair.c), so that it is the content that is
 * explored; each fourth input stays as it came.
 */
#include <string.h>

#include "fuzz/record_repair.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

enum { MOST_BYTES = 1 << 20 };

/* Aligned, which libFuzzer's own buffer need not be. */
static uint64_t words[MOST_BYTES / 8];

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

/* Puts `more` zero bytes in at `at`. */
static size_t make_room(unsigned char *bytes, size_t size, size_t at, size_t more)
{
    memmove(bytes + at + more, bytes + at, size - at);
    memset(bytes + at, 0, more);
    return size + more;
}

/* A new record with random bits, in front of all others. */
static size_t add_record(unsigned char *bytes, size_t size, uint32_t *random)
{
    struct muster_record record = {.type = (uint16_t)(1 + next_random(random) % MUSTER_EVENT_TYPE_COUNT),
                                   .flags = (uint8_t)(next_random(random) % 8),
                                   .valid = (uint64_t)next_random(random) << 8 | next_random(random),
                                   .sequence = next_random(random)};
    record.fixed_bytes = (uint16_t)record_fixed_bytes(record.type);
    record.size_bytes = record.fixed_bytes;
    size = make_room(bytes, size, 0, record.size_bytes);
    memcpy(bytes, &record, sizeof record);
    return size;
}

/* A new text behind the fixed part of the first record. */
static size_t add_text(unsigned char *bytes, size_t size, uint32_t *random)
{
    struct muster_record record;
    struct muster_text_header text = {.field = (uint16_t)(MUSTER_FIELD_FIRST_TEXT + next_random(random) % 12),
                                      .size_bytes = next_random(random) % 24};
    const size_t more = sizeof text + ((text.size_bytes + 7U) & ~7U);

    memcpy(&record, bytes, sizeof record);
    if (record.fixed_bytes < sizeof record || record.fixed_bytes > size)
        return size;
    text.head_bytes = text.full_bytes = text.size_bytes;
    size = make_room(bytes, size, record.fixed_bytes, more);
    memcpy(bytes + record.fixed_bytes, &text, sizeof text);
    for (uint32_t i = 0; i < text.size_bytes; i++)
        bytes[record.fixed_bytes + sizeof text + i] = (unsigned char)(next_random(random) % 8 == 0 ? 0x9b : 'a' + i);
    record.size_bytes += (uint32_t)more;
    record.text_count++;
    memcpy(bytes, &record, sizeof record);
    return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    uint32_t random = seed;
    unsigned char *bytes = (unsigned char *)words;
    const uint32_t choice = next_random(&random) % 16;
    const size_t most = max_size < MOST_BYTES ? max_size : MOST_BYTES;

    if (choice >= 3 || size < sizeof(struct muster_record))
        size = LLVMFuzzerMutate(data, size, most);
    memcpy(bytes, data, size);
    if ((choice == 0 || size == 0) && size + sizeof(struct muster_sensor_status) <= most)
        size = add_record(bytes, size, &random);
    else if (choice <= 2 && size >= sizeof(struct muster_record) && size + 64 <= most)
        size = add_text(bytes, size, &random);
    if (choice < 12)
        record_repair(bytes, size);
    memcpy(data, bytes, size);
    return size;
}
