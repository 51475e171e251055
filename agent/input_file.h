/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is read from beginning to end, or standard input. linux_input_file.c, win32_input_file.c. */
#ifndef MUSTER_INPUT_FILE_H
#define MUSTER_INPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input_file {
    const char *name; /* for messages */
    intptr_t handle;  /* Linux: a file descriptor */
    bool standard;    /* not ours to close */
};

/* "-": standard input. False with errno set. */
bool input_file_open(struct input_file *file, const char *path);

/* With read(2)'s contract: 0 at the end, -1 with errno set. `context` is the struct input_file. */
long input_file_read(void *context, char *bytes, size_t size_bytes);

void input_file_close(struct input_file *file);

/* Whether both are paths of one file that is there: what is written to the one is lost in the other. */
bool input_file_same(const char *path, const char *other);

#endif
