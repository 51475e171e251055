/* SPDX-License-Identifier: Apache-2.0 */
/* Where text is cut into pieces: does the last piece end in the middle of a character? */
#ifndef MUSTER_UTF8_TAIL_H
#define MUSTER_UTF8_TAIL_H

#include <stddef.h>

/* How many bytes at the end begin a character of UTF-8 and do not complete it: 0 to 3. What is no UTF-8 is
 * not waited for. */
static inline size_t utf8_unfinished_bytes(const unsigned char *bytes, size_t size_bytes)
{
    for (size_t back = 1; back <= 3 && back <= size_bytes; back++) {
        const unsigned char byte = bytes[size_bytes - back];
        const size_t whole = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;

        if ((byte & 0xc0U) != 0x80U)
            return back < whole ? back : 0;
    }
    return 0;
}

#endif
