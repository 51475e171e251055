/* SPDX-License-Identifier: Apache-2.0 */
/* Writing to a console, which takes UTF-16, or to a file or pipe, which takes the bytes as they are. */
#ifndef MUSTER_WIN32_CONSOLE_H
#define MUSTER_WIN32_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

/* Where text goes. A character may be split between two writes; a console gets it whole. */
struct win32_output {
    void *handle; /* not ours */
    bool is_console;
    unsigned char carried[4]; /* the beginning of a character that is not whole yet */
    unsigned carried_count;
};

/* NULL and INVALID_HANDLE_VALUE are fine: then writes fail. */
void win32_output_init(struct win32_output *output, void *handle);

/* Writes UTF-8: how many bytes were taken (a console takes all), or -1 with errno set. */
long win32_output_write(struct win32_output *output, const char *bytes, size_t size_bytes);

#endif
