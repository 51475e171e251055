/* SPDX-License-Identifier: Apache-2.0 */
/* What the hosts have different words for, and different choices. linux_words.c, win32_words.c. */
#ifndef MUSTER_WORDS_H
#define MUSTER_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct words {
    size_t buffer_default_bytes;
    bool has_forks;            /* processes are made by fork */
    bool folds_case;           /* names of files and users are the same in either case */
    const char *new_file;      /* of --output: who may read one that is new */
    const char *forks_help;    /* the whole line of --forks, or nothing */
    const char *max_args_help; /* the whole line of --max-args, or nothing: command lines are always whole */
    const char *buffer_help;   /* of --buffer */
    const char *watch_needs;   /* what `muster watch` needs, with the command that checks */
    const char *example;       /* how to begin */
    const char *loss_advice;
};

extern const struct words words;

#endif
