/* SPDX-License-Identifier: Apache-2.0 */
/* Names of users, for output that a person reads. One thread. linux_user_names.c has those of numbers,
 * win32_user_names.c those of security identifiers. */
#ifndef MUSTER_USER_NAMES_H
#define MUSTER_USER_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* NULL where there is none. Valid until the next call. */
const char *user_name_of(uint32_t user_id);

/* Likewise of "S-1-5-18". */
const char *user_name_of_sid(const char *sid, size_t sid_bytes);

#endif
