/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records through the text sink: a line a record below the header, clean. In colour it is the same, once the
 * colours are taken off: so no sequence of a terminal's comes from a record.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz_sink.h"

/* Takes off what begins like the sink's own sequences, ESC [ digits m; any other ESC stays, and is seen. */
static size_t without_colors(char *bytes, size_t size)
{
    size_t out = 0;
    for (size_t at = 0; at < size;) {
        size_t end = at;
        if (size - at >= 2 && bytes[at] == '\033' && bytes[at + 1] == '[')
            for (end = at + 2; end < size && strchr("0123456789;", bytes[end]) != NULL && bytes[end] != 0;)
                end++;
        if (end > at && end < size && bytes[end] == 'm')
            at = end + 1;
        else
            bytes[out++] = bytes[at++];
    }
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_copy copy = fuzz_copy_make(data, size, false);
    struct fuzz_output plain = fuzz_through_sink("text", MUSTER_COLOR_NEVER, copy.bytes, size);
    struct fuzz_output color = fuzz_through_sink("text", MUSTER_COLOR_ALWAYS, copy.bytes, size);

    FUZZ_REQUIRE(fuzz_require_clean_lines(&plain) == plain.record_count + 1);
    FUZZ_REQUIRE(without_colors(color.bytes, color.size) == plain.size);
    FUZZ_REQUIRE(memcmp(color.bytes, plain.bytes, plain.size) == 0);
    free(plain.bytes);
    free(color.bytes);
    fuzz_copy_free(&copy);
    return 0;
}
