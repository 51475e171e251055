/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a record. What is valid can be read to the end, is invalid with a byte less, and is the very
 * bytes that muster_record_encode makes of it: a meaning has one form.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz_input.h"

enum { TEXTS_MOST = 64 };

static void encode_again(const struct muster_record *record)
{
    struct muster_text texts[TEXTS_MOST];
    size_t count = 0;

    for (uint32_t cursor = 0; count < TEXTS_MOST && muster_record_next_text(record, &cursor, &texts[count]);)
        count++;
    FUZZ_REQUIRE(count == record->text_count);
    struct fuzz_copy fixed = fuzz_copy_make(record, record->fixed_bytes, false);
    struct muster_record *head = (struct muster_record *)(void *)fixed.bytes;
    head->text_count = 0;
    head->size_bytes = 0;
    FUZZ_REQUIRE(muster_record_size(head, texts, count) == record->size_bytes);
    unsigned char *again = malloc(record->size_bytes);
    FUZZ_REQUIRE(again != NULL);
    muster_record_encode(again, head, texts, count);
    FUZZ_REQUIRE(memcmp(again, record, record->size_bytes) == 0);
    free(again);
    fuzz_copy_free(&fixed);
}

static enum muster_status validate(const uint8_t *data, size_t size, bool odd)
{
    struct fuzz_copy copy = fuzz_copy_make(data, size, odd);
    const struct muster_record *record = NULL;
    const enum muster_status status = muster_record_validate(copy.bytes, size, &record);

    FUZZ_REQUIRE((status == MUSTER_OK) == (record != NULL));
    FUZZ_REQUIRE(status == MUSTER_OK || status == MUSTER_INVALID || status == MUSTER_UNSUPPORTED);
    FUZZ_REQUIRE(size == 0 || memcmp(copy.bytes, data, size) == 0);
    if (record != NULL) {
        FUZZ_REQUIRE((const void *)record == copy.bytes && record->size_bytes <= size);
        fuzz_read_record(record);
        encode_again(record);
    }
    fuzz_copy_free(&copy);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t said_bytes;
    const enum muster_status status = validate(data, size, false);

    FUZZ_REQUIRE(validate(data, size, true) == status);
    if (status != MUSTER_OK)
        return 0;
    memcpy(&said_bytes, data, sizeof said_bytes);
    FUZZ_REQUIRE(validate(data, said_bytes, false) == MUSTER_OK);
    FUZZ_REQUIRE(validate(data, said_bytes - 1, true) == MUSTER_INVALID);
    return 0;
}
