/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of captures. The first byte of the input are wishes: what is repaired (capture_repair.h), and in which
 * pieces it is read; the rest is a file. Read in one piece or in many it is the same; what it gives out is valid and
 * inside of the file; and a capture that is called whole is: nothing was told of it, and its totals are true.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/capture_repair.h"
#include "fuzz/fuzz_input.h"
#include "muster/capture_file.h"

enum { CAPTURES_MOST = 64, PARTS_MORE = 64 };

struct file {
    const unsigned char *bytes;
    size_t size;
    size_t at;
    size_t step;
};

static long file_read(void *context, char *bytes, size_t size)
{
    struct file *file = context;
    const size_t left = file->size - file->at;

    size = size < file->step ? size : file->step;
    size = size < left ? size : left;
    memcpy(bytes, file->bytes + file->at, size);
    file->at += size;
    return (long)size;
}

struct open_capture {
    uint64_t name;
    bool damaged;
    uint64_t types[MUSTER_EVENT_NUMBERED_COUNT];
};

struct reading {
    size_t size;
    uint64_t hash; /* of all that was told */
    size_t part_count;
    struct open_capture open[CAPTURES_MOST];
    unsigned open_count;
};

static void hash_add(struct reading *reading, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        reading->hash = (reading->hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3U;
}

static struct open_capture *capture_find(struct reading *reading, uint64_t name)
{
    for (unsigned i = 0; i < reading->open_count; i++)
        if (reading->open[i].name == name)
            return &reading->open[i];
    return NULL;
}

static void records_take(struct reading *reading, const struct muster_capture_part *part, struct open_capture *open)
{
    const struct muster_record *record;
    size_t cursor = 0;

    while ((record = muster_capture_next_record(part, &cursor)) != NULL) {
        fuzz_read_record(record);
        hash_add(reading, record, record->size_bytes);
        if (muster_record_is_numbered(record))
            open->types[record->type - 1]++;
    }
    FUZZ_REQUIRE(cursor <= part->payload_bytes);
}

static void damage_take(struct reading *reading, const struct muster_capture_part *part, struct open_capture *open)
{
    const struct muster_capture_damage *damage = &part->damage;

    FUZZ_REQUIRE(muster_capture_damage_name(damage->kind) != NULL);
    FUZZ_REQUIRE(damage->offset_bytes <= reading->size && damage->size_bytes <= reading->size - damage->offset_bytes);
    FUZZ_REQUIRE(!damage->frames_known || damage->first_frame <= damage->last_frame);
    uint64_t left = damage->record_count;
    for (unsigned i = 0; i < MUSTER_EVENT_NUMBERED_COUNT; left -= damage->types[i++])
        FUZZ_REQUIRE(damage->types[i] <= left);
    FUZZ_REQUIRE(!damage->range_known || damage->first_sequence <= damage->last_sequence);
    hash_add(reading, &damage->kind, sizeof damage->kind);
    hash_add(reading, &damage->offset_bytes, sizeof damage->offset_bytes);
    hash_add(reading, damage->types, sizeof damage->types);
    if (open != NULL)
        open->damaged = true;
}

static void end_take(struct reading *reading, const struct muster_capture_part *part, struct open_capture *open)
{
    FUZZ_REQUIRE(part->whole == !open->damaged);
    FUZZ_REQUIRE(!part->whole || memcmp(part->totals, open->types, sizeof open->types) == 0);
    *open = reading->open[--reading->open_count];
}

static void part_take(struct reading *reading, const struct muster_capture_part *part)
{
    struct open_capture *open = capture_find(reading, part->capture);

    FUZZ_REQUIRE(++reading->part_count <= reading->size + PARTS_MORE);
    hash_add(reading, &part->kind, sizeof part->kind);
    hash_add(reading, &part->capture, sizeof part->capture);
    if (part->kind == MUSTER_CAPTURE_PART_BEGIN) {
        FUZZ_REQUIRE(open == NULL && reading->open_count < CAPTURES_MOST && part->description != NULL);
        reading->open[reading->open_count++] = (struct open_capture){.name = part->capture};
        return;
    }
    FUZZ_REQUIRE(open != NULL || part->kind == MUSTER_CAPTURE_PART_DAMAGE);
    if (part->kind == MUSTER_CAPTURE_PART_RECORDS)
        records_take(reading, part, open);
    else if (part->kind == MUSTER_CAPTURE_PART_DAMAGE)
        damage_take(reading, part, open);
    else if (part->kind == MUSTER_CAPTURE_PART_END)
        end_take(reading, part, open);
}

static uint64_t read_all(const unsigned char *bytes, size_t size, size_t step)
{
    static struct reading reading;
    struct file file = {.bytes = bytes, .size = size, .step = step};
    struct muster_capture_source source = {.read = file_read, .context = &file};
    struct muster_capture_reader *reader = muster_capture_reader_create(&source);
    struct muster_capture_part part;
    enum muster_status status;

    FUZZ_REQUIRE(reader != NULL);
    memset(&reading, 0, sizeof reading);
    reading.size = size;
    while ((status = muster_capture_read(reader, &part)) == MUSTER_OK)
        part_take(&reading, &part);
    FUZZ_REQUIRE(status == MUSTER_EMPTY && file.at == size && reading.open_count == 0);
    muster_capture_reader_destroy(reader);
    return reading.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct fuzz_copy copy = fuzz_copy_make(data + 1, size - 1, false);
    const size_t step = 1 + (size_t)(data[0] >> 3) * 37;

    capture_repair(copy.bytes, size - 1, data[0] & 7U);
    FUZZ_REQUIRE(read_all(copy.bytes, size - 1, SIZE_MAX) == read_all(copy.bytes, size - 1, step));
    fuzz_copy_free(&copy);
    return 0;
}
