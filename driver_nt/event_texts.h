/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of a start: image path, command line, user. The kernel has them in UTF-16, records in WTF-8, so
 * they are converted: into the small buffer here, or into pool where that is too small. Nothing of a command
 * line is edited, and of an image path only the object manager's prefix is taken off.
 */
#ifndef MUSTER_DRIVER_NT_EVENT_TEXTS_H
#define MUSTER_DRIVER_NT_EVENT_TEXTS_H

#include <stddef.h>

#include <ntifs.h>

#include "driver_nt/token_facts.h"
#include "muster/record.h"

/* Holds the usual start: a path and some arguments. What is on the callback's stack counts twice, since it
 * runs on the stack of whoever creates the process. */
#define EVENT_TEXTS_SMALL_BYTES 384U

struct event_texts {
    struct muster_text texts[3]; /* in ascending order of field */
    size_t count;
    char *pool; /* NULL: not needed */
    size_t pool_bytes;
    char small[EVENT_TEXTS_SMALL_BYTES];
    char user_sid[TOKEN_SID_MAX_BYTES];
};

/*
 * Reads and converts what there is. Sets the image flags of `start`, and for a text that is not there its
 * bit in `unavailable`; where it is not there for want of memory or because it is malformed, the record is
 * marked a skeleton too.
 */
_IRQL_requires_(PASSIVE_LEVEL) void event_texts_init(struct event_texts *texts, struct muster_process_start *start,
                                                     const PS_CREATE_NOTIFY_INFO *info, PEPROCESS process);

/* After the record was pushed. */
_IRQL_requires_max_(DISPATCH_LEVEL) void event_texts_deinit(struct event_texts *texts);

#endif
