/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_lines FORMAT raw|wtf8: writes a line for each text on standard input, as a message. A text is its length in
 * four bytes, lowest first, and its bytes. For text_lines_test.py, which has another opinion on what the line should
 * be.
 */
#include <stdio.h>
#include <string.h>

#include "muster/record.h"
#include "muster/sink.h"

static long write_out(void *context, const char *bytes, size_t size_bytes)
{
    return (long)fwrite(bytes, 1, size_bytes, context);
}

/* False at the end of the input. */
static bool read_text(char *bytes, size_t capacity, uint32_t *ret_size)
{
    unsigned char size[4];
    if (fread(size, 1, sizeof size, stdin) != sizeof size)
        return false;
    *ret_size = size[0] | (uint32_t)size[1] << 8 | (uint32_t)size[2] << 16 | (uint32_t)size[3] << 24;
    return *ret_size <= capacity && fread(bytes, 1, *ret_size, stdin) == *ret_size;
}

static bool write_line(struct muster_sink *sink, const struct muster_text *text, uint8_t flags)
{
    static uint64_t words[1024];
    const struct muster_record message = {
        .type = MUSTER_EVENT_MESSAGE, .flags = flags, .sequence = 1, .fixed_bytes = sizeof message};
    muster_record_encode(words, &message, text, 1);
    return muster_sink_write(sink, (const struct muster_record *)(const void *)words) == MUSTER_OK &&
           muster_sink_flush(sink) == MUSTER_OK;
}

int main(int argc, char **argv)
{
    const struct muster_stream stream = {.epoch = 1};
    const struct muster_sink_options options = {.stream = &stream, .target = {write_out, stdout}};
    bool is_known = false;
    struct muster_sink *sink = argc == 3 ? muster_sink_create(argv[1], &options, &is_known) : NULL;
    if (sink == NULL)
        return 2;
    const uint8_t flags = strcmp(argv[2], "wtf8") == 0 ? MUSTER_RECORD_WTF8 : 0;
    char bytes[4096];
    uint32_t size = 0;
    bool is_good = true;
    while (is_good && read_text(bytes, sizeof bytes, &size)) {
        const struct muster_text text = muster_text_whole(MUSTER_FIELD_MESSAGE, bytes, size);
        is_good = write_line(sink, &text, flags);
    }
    muster_sink_destroy(sink);
    return is_good && fflush(stdout) == 0 ? 0 : 1;
}
