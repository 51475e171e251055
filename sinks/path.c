/* SPDX-License-Identifier: Apache-2.0 */
/* path.h. */
#include "path.h"

static bool is_separator(char byte, bool wtf8)
{
    return byte == '/' || (wtf8 && byte == '\\');
}

bool path_name(const struct muster_text *path, bool wtf8, const char **ret_bytes, size_t *ret_size_bytes)
{
    bool is_cut = path->full_bytes > path->size_bytes;
    size_t begin = path->size_bytes;
    /* Of a path that was cut only the tail can show where the last component begins. */
    size_t first = is_cut ? path->head_bytes : 0;
    while (begin > first && !is_separator(path->bytes[begin - 1], wtf8))
        begin--;
    if (begin == path->size_bytes || (is_cut && begin == first))
        return false;
    *ret_bytes = path->bytes + begin;
    *ret_size_bytes = path->size_bytes - begin;
    return true;
}
