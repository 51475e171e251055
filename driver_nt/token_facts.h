/* SPDX-License-Identifier: Apache-2.0 */
/* What a process's primary token says: session, logon, integrity, elevation, user. */
#ifndef MUSTER_DRIVER_NT_TOKEN_FACTS_H
#define MUSTER_DRIVER_NT_TOKEN_FACTS_H

#include <stddef.h>

#include <ntifs.h>

#include "muster/wire.h"

/* "S-1-", an authority of up to 15 characters and 15 sub-authorities of up to 11. */
#define TOKEN_SID_MAX_BYTES 192U

_IRQL_requires_(PASSIVE_LEVEL) void token_facts_fill(struct muster_process_start *start, PEPROCESS process);

/* The user's SID as text, not terminated; 0 where it cannot be had. */
_IRQL_requires_(PASSIVE_LEVEL) size_t token_user_sid(PEPROCESS process, char ret_text[TOKEN_SID_MAX_BYTES]);

#endif
