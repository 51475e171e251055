/* SPDX-License-Identifier: Apache-2.0 */
/* Where a sink writes: standard output, or a file that is nobody else's to read. linux_output_file.c,
 * win32_output_file.c. */
#ifndef MUSTER_OUTPUT_FILE_H
#define MUSTER_OUTPUT_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "muster/sink.h"

struct output_file {
    const char *name;     /* for messages */
    intptr_t handle;      /* Linux: a file descriptor; -1 where it is closed */
    bool standard;        /* not ours to close */
    bool regular;         /* can be cut back to whole lines */
    bool terminal;        /* a person sees it */
    uint64_t begin_bytes; /* that stood in the file before */
    uint64_t written;     /* bytes that were taken */
};

/*
 * `path` NULL or "-": standard output. A new file gets mode 0600 (Windows: its owner, SYSTEM and the
 * administrators may read it), since arguments hold secrets; an existing one is emptied. False with
 * errno set.
 */
bool output_file_open(struct output_file *file, const char *path);

/*
 * The same, but what stands in the file stays, up to its last whole line: half a line is what a writer left that died,
 * which had not acknowledged it. Linux.
 */
bool output_file_append(struct output_file *file, const char *path);

/* Standard error. Linux. False with errno set. */
bool output_file_open_error(struct output_file *file);

struct muster_output_target output_file_target(struct output_file *file);

/* What was written is on the disk when this returns, where the file is on one. False with errno set. */
bool output_file_sync(struct output_file *file);

/* After a failed write: takes the unfinished last line off a file, given how many of what was
 * written are whole. */
void output_file_cut(struct output_file *file, uint64_t whole_bytes);

/* False with errno set where the last writes turn out to have failed. */
bool output_file_close(struct output_file *file);

#endif
