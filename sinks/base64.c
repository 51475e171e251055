/* SPDX-License-Identifier: Apache-2.0 */
/* base64.h. */
#include "base64.h"

#include <stdint.h>

#include "buffer.h"

static void write_group(char *out, uint32_t bits)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out[0] = digits[bits >> 18];
    out[1] = digits[bits >> 12 & 63];
    out[2] = digits[bits >> 6 & 63];
    out[3] = digits[bits & 63];
}

void base64_append(struct buffer *buffer, const char *bytes, size_t size_bytes)
{
    const unsigned char *in = (const unsigned char *)bytes;
    size_t encoded_bytes = (size_bytes + 2) / 3 * 4;
    char *out = buffer_reserve(buffer, encoded_bytes);
    if (out == NULL)
        return;
    buffer->size_bytes += encoded_bytes;
    for (; size_bytes >= 3; size_bytes -= 3, in += 3, out += 4)
        write_group(out, (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2]);
    if (size_bytes == 0)
        return;
    write_group(out, (uint32_t)in[0] << 16 | (size_bytes == 2 ? (uint32_t)in[1] << 8 : 0));
    out[3] = '=';
    if (size_bytes == 1)
        out[2] = '=';
}
