/* SPDX-License-Identifier: Apache-2.0 */
/* Users of the command line: found once, when the options are read. linux_filter_users.c takes names and
 * numbers, win32_filter_users.c accounts and security identifiers. */
#ifndef MUSTER_FILTER_USERS_H
#define MUSTER_FILTER_USERS_H

#include <stdbool.h>

#include "muster/filter.h"

/* False where there is no such user; else *ret_refusal says whether *part took it. */
bool filter_user_add(struct muster_filter_part *part, const char *user, enum muster_filter_refusal *ret_refusal);

#endif
