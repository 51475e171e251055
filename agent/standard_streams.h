/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard output and standard error, for text that muster says itself. linux_standard_streams.c
 * has the C library's; win32_standard_streams.c gives a console UTF-16, and a file or pipe the bytes as
 * they are, both of which the C library there does not.
 */
#ifndef MUSTER_STANDARD_STREAMS_H
#define MUSTER_STANDARD_STREAMS_H

#include <stdbool.h>
#include <stddef.h>

/* Before any file is opened: one of them that was closed would else be the number of the next file, and
 * be written to. False where nothing can be put in its place. */
bool standard_streams_fill(void);

/* Writes UTF-8. What fails is told by standard_output_finish. */
void standard_output_write(const char *bytes, size_t size_bytes);
void standard_error_write(const char *bytes, size_t size_bytes);

/* Everything is written out. 0, or the errno of what failed on standard output since the start. */
int standard_output_finish(void);

/* Whether standard output is a terminal that understands colours; makes it so, where that takes
 * something. */
bool standard_output_has_colors(void);

/* Likewise for standard error. Linux. */
bool standard_error_has_colors(void);

#endif
