/* SPDX-License-Identifier: Apache-2.0 */
/* The last component of a path. */
#ifndef MUSTER_SINKS_PATH_H
#define MUSTER_SINKS_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "muster/record.h"

/* False, outputs untouched, where it is empty or was cut away. In WTF-8, so on Windows, a backslash
 * separates too. */
bool path_name(const struct muster_text *path, bool wtf8, const char **ret_bytes, size_t *ret_size_bytes);

#endif
