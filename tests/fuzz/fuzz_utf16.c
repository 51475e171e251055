/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of Windows: any bytes as UTF-16 come back from WTF-8 as they were; any bytes that are well-formed
 * WTF-8 come back from UTF-16. Each output has exactly the room that it needs, and then a byte less.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz_input.h"
#include "muster/text_utf16.h"

static void *room_of(size_t size)
{
    void *room = malloc(size == 0 ? 1 : size);
    FUZZ_REQUIRE(room != NULL);
    return room;
}

static void back_to_units(const char *text, size_t text_bytes, const uint16_t *units, size_t units_bytes)
{
    size_t need = 0, got = 0;
    FUZZ_REQUIRE(muster_wtf8_utf16_size(text, text_bytes, &need) == MUSTER_OK && need == units_bytes);
    uint16_t *again = room_of(need);
    FUZZ_REQUIRE(muster_wtf8_to_utf16(text, text_bytes, again, need, &got) == MUSTER_OK && got == need);
    FUZZ_REQUIRE(need == 0 || memcmp(again, units, need) == 0);
    got = 99;
    if (need != 0)
        FUZZ_REQUIRE(muster_wtf8_to_utf16(text, text_bytes, again, need - 1, &got) == MUSTER_TOO_SMALL && got == 99);
    free(again);
}

static void from_units(const uint16_t *units, size_t units_bytes)
{
    size_t need = 0, got = 99;
    const enum muster_status status = muster_utf16_wtf8_size(units, units_bytes, &need);

    FUZZ_REQUIRE((status == MUSTER_OK) == (units_bytes % 2 == 0));
    FUZZ_REQUIRE(muster_image_path_prefix_bytes(units, units_bytes) <= units_bytes);
    if (status != MUSTER_OK)
        return;
    FUZZ_REQUIRE(need <= units_bytes / 2 * 3);
    char *text = room_of(need);
    if (need != 0)
        FUZZ_REQUIRE(muster_utf16_to_wtf8(units, units_bytes, text, need - 1, &got) == MUSTER_TOO_SMALL && got == 99);
    FUZZ_REQUIRE(muster_utf16_to_wtf8(units, units_bytes, text, need, &got) == MUSTER_OK && got == need);
    back_to_units(text, need, units, units_bytes);
    free(text);
}

static void from_text(const char *text, size_t text_bytes)
{
    size_t need = 99, got = 0;
    const enum muster_status status = muster_wtf8_utf16_size(text, text_bytes, &need);

    FUZZ_REQUIRE(status == MUSTER_OK || (status == MUSTER_INVALID && need == 99));
    uint16_t *units = room_of(text_bytes * 2);
    FUZZ_REQUIRE(muster_wtf8_to_utf16(text, text_bytes, units, text_bytes * 2, &got) == status);
    if (status == MUSTER_OK) {
        FUZZ_REQUIRE(got == need);
        char *again = room_of(text_bytes);
        FUZZ_REQUIRE(muster_utf16_to_wtf8(units, need, again, text_bytes, &got) == MUSTER_OK && got == text_bytes);
        FUZZ_REQUIRE(text_bytes == 0 || memcmp(again, text, text_bytes) == 0);
        free(again);
    }
    free(units);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_copy copy = fuzz_copy_make(data, size, true);

    from_units((const uint16_t *)(const void *)copy.bytes, size);
    from_text((const char *)copy.bytes, size);
    fuzz_copy_free(&copy);
    return 0;
}
