/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as a sequence of records: what a READ of the Windows driver's device brought, and what stands in the
 * ring of the Linux sensor. In the ring the lengths are the kernel's and true, and what they enclose is not.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/nt_lease.h"
#include "fuzz/fuzz_input.h"
#include "sensor_linux/ring.h"

/* ---- READ ---------------------------------------------------------------------------------------------- */

enum { EPOCH = 7, LEASE_ID = 9 };

/* How many valid records there are from the beginning, and behind which byte they end. */
static uint32_t count_records(const unsigned char *bytes, size_t size, size_t *ret_end)
{
    uint32_t count = 0;
    for (*ret_end = 0; fuzz_next_record(bytes, size, ret_end) != NULL;)
        count++;
    return count;
}

/* A lease is walked once, with each second record given back and taken again. */
static void walk(struct nt_lease *lease, uint32_t valid_count)
{
    const struct muster_record *record;
    uint64_t position, last = 0;
    uint32_t lost, taken = 0;

    while ((record = nt_lease_next(lease, &position, &lost)) != NULL) {
        FUZZ_REQUIRE(lost == 0 && position > last && position - last == record->size_bytes);
        fuzz_read_record(record);
        if (taken % 2 == 1) {
            uint64_t again;
            nt_lease_unread(lease);
            FUZZ_REQUIRE(nt_lease_next(lease, &again, &lost) == record && again == position);
        }
        last = position;
        taken++;
    }
    FUZZ_REQUIRE(taken == (valid_count < lease->record_count ? valid_count : lease->record_count));
    FUZZ_REQUIRE(lost == lease->record_count - taken && nt_lease_is_read(lease));
    FUZZ_REQUIRE(nt_lease_next(lease, &position, &lost) == NULL && lost == 0);
}

/* With a header that fits the records, and with one more of them said than there are. */
static void read_lease(const unsigned char *records, size_t size, uint32_t count, uint32_t said_count)
{
    const struct muster_nt_read_header header = {.epoch = EPOCH,
                                                 .lease_id = said_count == 0 ? 0 : LEASE_ID,
                                                 .record_count = said_count,
                                                 .record_bytes = said_count == 0 ? 0 : (uint32_t)size};
    const size_t got_bytes = sizeof header + header.record_bytes;
    unsigned char *buffer = malloc(got_bytes);
    struct nt_lease lease = {0};

    FUZZ_REQUIRE(buffer != NULL);
    memcpy(buffer, &header, sizeof header);
    if (header.record_bytes != 0)
        memcpy(buffer + sizeof header, records, header.record_bytes);
    if (nt_lease_open(&lease, buffer, got_bytes, EPOCH))
        walk(&lease, count);
    else
        FUZZ_REQUIRE(lease.id == 0 && said_count > size / sizeof(struct muster_record));
    free(buffer);
}

/* The input as a whole answer, header and all. */
static void read_raw(const unsigned char *bytes, size_t size)
{
    struct fuzz_copy copy = fuzz_copy_make(bytes, size, true);
    struct nt_lease lease = {0};
    uint64_t epoch = 0, position;
    uint32_t lost = 0, taken = 0;

    if (size >= sizeof epoch)
        memcpy(&epoch, bytes, sizeof epoch);
    if (nt_lease_open(&lease, copy.bytes, size, epoch)) {
        for (const struct muster_record *record; (record = nt_lease_next(&lease, &position, &lost)) != NULL; taken++)
            fuzz_read_record(record);
        FUZZ_REQUIRE(taken + lost == lease.record_count && nt_lease_is_read(&lease));
        nt_lease_close(&lease);
        FUZZ_REQUIRE(lease.id == 0 && nt_lease_is_read(&lease));
    }
    fuzz_copy_free(&copy);
}

/* ---- the ring ------------------------------------------------------------------------------------------ */

#define RING_BYTES     (64U * 1024U)
#define BUSY           (1U << 31)
#define DISCARDED      (1U << 30)
#define LENGTH_BYTES   8U
#define ENTRIES_MOST   64U
#define WISH_BUSY      1U
#define WISH_DISCARDED 2U

struct kernel {
    unsigned char data[2 * RING_BYTES];
    uint64_t producer;
    uint32_t expected[ENTRIES_MOST]; /* sizes that a reader has to see */
    unsigned expected_count;
};

static void kernel_store(struct kernel *kernel, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const size_t at = (kernel->producer + i) % RING_BYTES;
        kernel->data[at] = kernel->data[at + RING_BYTES] = ((const unsigned char *)bytes)[i];
    }
}

/* False where there is no room, as bpf_ringbuf_reserve has it. */
static bool kernel_write(struct kernel *kernel, uint64_t consumer, const void *bytes, uint32_t size, uint32_t flags)
{
    const uint32_t head[2] = {size | flags, 0};
    const uint64_t whole = (LENGTH_BYTES + (uint64_t)size + 7U) & ~7ULL;

    if (kernel->producer + whole - consumer > RING_BYTES)
        return false;
    kernel_store(kernel, head, sizeof head);
    kernel->producer += LENGTH_BYTES;
    kernel_store(kernel, bytes, size);
    kernel->producer += whole - LENGTH_BYTES;
    return true;
}

static void read_ring(const unsigned char *bytes, size_t size, size_t wishes_at)
{
    static struct kernel kernel;
    uint64_t consumer = (uint64_t)fuzz_wish(bytes, size, wishes_at, 0) * 256U + RING_BYTES - 4096U;
    bool is_behind_busy = false;
    size_t offset = 0;

    consumer &= ~7ULL;
    kernel.producer = consumer;
    kernel.expected_count = 0;
    for (unsigned i = 0; i < ENTRIES_MOST && offset < size; i++) {
        const unsigned wish = fuzz_wish(bytes, size, wishes_at, 1 + (size_t)i);
        size_t end = offset;
        (void)fuzz_next_record(bytes, size, &end);
        /* What is not a record goes in as it is, up to the end. */
        const uint32_t length = (uint32_t)(end == offset ? size - offset : end - offset);
        const uint32_t flags = (wish & WISH_BUSY ? BUSY : 0) | (wish & WISH_DISCARDED ? DISCARDED : 0);
        if (!kernel_write(&kernel, consumer, bytes + offset, length, flags))
            break;
        is_behind_busy = is_behind_busy || (flags & BUSY) != 0;
        if (!is_behind_busy && flags == 0)
            kernel.expected[kernel.expected_count++] = length;
        offset += length;
    }
    struct ring ring = {.consumer_position = &consumer,
                        .producer_position = &kernel.producer,
                        .data = kernel.data,
                        .size_bytes = RING_BYTES,
                        .position = consumer};
    uint32_t got;
    unsigned taken = 0;
    for (const void *entry; (entry = ring_next(&ring, &got)) != NULL; taken++) {
        const struct muster_record *record = NULL;
        FUZZ_REQUIRE(taken < kernel.expected_count && got == kernel.expected[taken]);
        if (muster_record_validate(entry, got, &record) == MUSTER_OK)
            fuzz_read_record(record);
        ring_ack(&ring, ring.position);
    }
    FUZZ_REQUIRE(taken == kernel.expected_count && ring_has_more(&ring) == is_behind_busy);
    FUZZ_REQUIRE(consumer <= ring.position && ring.position <= kernel.producer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_copy copy = fuzz_copy_make(data, size, false);
    size_t end = 0;
    const uint32_t count = count_records(copy.bytes, size, &end);

    read_lease(copy.bytes, end, count, count);
    read_lease(copy.bytes, size, count, count + 1);
    read_raw(copy.bytes, size);
    read_ring(copy.bytes, size, end);
    fuzz_copy_free(&copy);
    return 0;
}
