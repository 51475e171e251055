/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the text sink share. */
#ifndef MUSTER_SINKS_TEXT_INTERNAL_H
#define MUSTER_SINKS_TEXT_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "sink_internal.h"
#include "timestamp.h"

/* Columns. With the spaces between them a command begins at 62. */
enum { TEXT_EVENT_WIDTH = 7, TEXT_PID_WIDTH = 7, TEXT_NAME_WIDTH = 15, TEXT_USER_WIDTH = 8 };

#define TEXT_RED      "\033[31m"
#define TEXT_GREEN    "\033[32m"
#define TEXT_YELLOW   "\033[33m"
#define TEXT_DIM      "\033[2m"
#define TEXT_BOLD_RED "\033[1;31m"
#define TEXT_RESET    "\033[0m"

struct text_sink {
    struct muster_sink sink; /* first */
    struct timestamp_minute minute;
    bool color;
};

/* One record on its way into a line. */
struct text_line {
    struct text_sink *text;
    struct buffer *out;
    const struct muster_record *record;
    bool wtf8;
};

/* An escape sequence, where colour is wanted. */
void text_paint(struct text_line *line, const char *sequence);

/* The local time of day. */
void text_write_time(struct text_line *line, uint64_t time_ns);

/* The local time of day and the name of the event, which may be painted. */
void text_write_begin(struct text_line *line, const char *event, const char *color);

/* A start, exit, fork or running line, without its newline. */
void text_write_process(struct text_line *line);

#endif
