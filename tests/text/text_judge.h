/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges what the three output formats make of a text: one line, nothing in it that a terminal or a reader of logs
 * would obey, and the text whole. JSON is read by jansson, which is strict about UTF-8 and about JSON and has no line
 * of ours in it; it takes what libmuster.a wrote, through the public headers alone.
 *
 * A text that is judged wrong ends the program: by then there is nothing more to learn from the next four billion.
 */
#ifndef MUSTER_TESTS_TEXT_JUDGE_H
#define MUSTER_TESTS_TEXT_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/record.h"

struct judged_text {
    const char *bytes;
    uint32_t size_bytes;
    bool is_exact; /* valid Unicode, so that JSON can hold it */
};

/* Of one call. */
#define JUDGED_TEXTS_MAX 1024U

/* One for each process that judges. */
void judge_init(void);

/*
 * As free text through all three formats (NDJSON: only where the text has a NUL), and as arguments of one process
 * through NDJSON (those without a NUL). `flags` is 0, or MUSTER_RECORD_WTF8.
 */
void judge_texts(const struct judged_text *texts, size_t count, uint8_t flags);

/* In every other field of a process that has text, six a record, through NDJSON and driver-messages. */
void judge_fields(const struct judged_text *texts, size_t count, uint8_t flags);

/* Says what is wrong with which text and ends the program. */
#define JUDGE_REQUIRE(condition, text)                                                                                 \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            judge_fail(__FILE__, __LINE__, #condition, (text));                                                        \
    } while (0)
_Noreturn void judge_fail(const char *file, int line, const char *what, const struct judged_text *text);

/*
 * Calls `judge_part` for 0 to part_count - 1, on as many processes as there are CPUs. MUSTER_TEXT_SHARE=N/M takes the
 * Nth of M shares only, from 1: for those who have not the time for all of it.
 */
void judge_parts(uint32_t part_count, void (*judge_part)(uint32_t part));

/* MUSTER_DEEP=1 asks for everything. */
bool judge_is_deep(void);

#endif
