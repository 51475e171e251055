/* SPDX-License-Identifier: Apache-2.0 */
/* Security identifiers as texts, "S-1-5-18". */
#ifndef MUSTER_WIN32_SID_H
#define MUSTER_WIN32_SID_H

#include <stdbool.h>
#include <wchar.h>

#define SID_TEXT_MAX 190 /* 15 sub-authorities of 10 digits, with all around them */

/* Who a process runs as. `process`: a handle that may be asked, or GetCurrentProcess. False with
 * GetLastError set. */
bool sid_text_of_process(void *process, wchar_t ret_text[SID_TEXT_MAX]);

/* Likewise of an open token. */
bool sid_text_of_token(void *token, wchar_t ret_text[SID_TEXT_MAX]);

#endif
