/* SPDX-License-Identifier: Apache-2.0 */
/* arguments.h. */
#include "arguments.h"

#include <string.h>

struct arguments arguments_of_bytes(const char *bytes, size_t size_bytes)
{
    return (struct arguments){.at = bytes, .end = bytes + size_bytes};
}

struct arguments arguments_whole(const struct muster_text *text)
{
    if (text->full_bytes <= text->size_bytes)
        return arguments_of_bytes(text->bytes, text->size_bytes);
    return (struct arguments){
        .at = text->bytes,
        .end = text->bytes + text->head_bytes,
        .tail_end = text->bytes + text->size_bytes,
        .is_cut_here = true,
    };
}

/* From the end of the head into the tail, behind the argument that the tail begins in. */
static void enter_tail(struct arguments *arguments)
{
    const char *tail = arguments->end;
    const char *end = arguments->tail_end;
    const char *border = tail == end ? NULL : memchr(tail, 0, (size_t)(end - tail));
    arguments->left_out = arguments->left_out || tail != end;
    arguments->at = border == NULL ? end : border + 1;
    arguments->end = end;
    arguments->tail_end = NULL;
    arguments->is_cut_here = false;
}

bool arguments_next(struct arguments *arguments, const char **ret_bytes, size_t *ret_size_bytes)
{
    for (;;) {
        size_t left_bytes = (size_t)(arguments->end - arguments->at);
        const char *border = left_bytes == 0 ? NULL : memchr(arguments->at, 0, left_bytes);
        if (border != NULL || (left_bytes != 0 && !arguments->is_cut_here)) {
            *ret_bytes = arguments->at;
            *ret_size_bytes = border == NULL ? left_bytes : (size_t)(border - arguments->at);
            arguments->at = border == NULL ? arguments->end : border + 1;
            return true;
        }
        arguments->left_out = arguments->left_out || left_bytes != 0;
        if (arguments->tail_end == NULL)
            return false;
        enter_tail(arguments);
    }
}
