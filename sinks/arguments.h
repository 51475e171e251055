/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the arguments in a NUL-separated text. An empty argument is one; of the last one the NUL may
 * be missing, since a program may have had anything in that memory.
 */
#ifndef MUSTER_SINKS_ARGUMENTS_H
#define MUSTER_SINKS_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "muster/record.h"

struct arguments {
    const char *at;
    const char *end;      /* of the part that is walked: all of it, or the head, then the tail */
    const char *tail_end; /* while the head is walked and a tail comes behind it, else NULL */
    bool is_cut_here;     /* the last argument before `end` goes on in what was not kept */
    bool left_out;        /* bytes were kept that belong to no whole argument */
};

/* The whole arguments: where the text was cut, those of its head and then those of its tail. */
struct arguments arguments_whole(const struct muster_text *text);

/* Everything in these bytes, the last argument as far as it goes. */
struct arguments arguments_of_bytes(const char *bytes, size_t size_bytes);

/* The next one, or false. */
bool arguments_next(struct arguments *arguments, const char **ret_bytes, size_t *ret_size_bytes);

#endif
