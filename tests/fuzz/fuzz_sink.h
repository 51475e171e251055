/* SPDX-License-Identifier: Apache-2.0 */
/* Records through one sink, with the output kept: what the targets of the three formats share. */
#ifndef MUSTER_TESTS_FUZZ_SINK_H
#define MUSTER_TESTS_FUZZ_SINK_H

#include "fuzz/fuzz_input.h"
#include "muster/sink.h"

struct fuzz_output {
    char *bytes;
    size_t size;
    size_t capacity;
    unsigned record_count;
    unsigned by_type[MUSTER_EVENT_TYPE_COUNT + 1];
};

/*
 * Gives all records of the input to the sink. Wish 0 chooses what is known of the stream; wish 1 how many
 * records a batch has (0: all). Requires that the sink's account of the lines is right.
 * The output's bytes are to be freed; NULL where there are none.
 */
struct fuzz_output fuzz_through_sink(const char *format, enum muster_color color, const unsigned char *bytes,
                                     size_t size);

/* Each line valid UTF-8, without a raw control or bidirectional character; the last one ended. Returns how
 * many lines there are. */
unsigned fuzz_require_clean_lines(const struct fuzz_output *output);

/* The line's end, behind its newline. */
const char *fuzz_line_end(const struct fuzz_output *output, const char *line);

#endif
