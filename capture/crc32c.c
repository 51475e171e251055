/* SPDX-License-Identifier: Apache-2.0 */
/* crc32c.h. By half bytes: it is for headers, a hundred bytes at a time. */
#include "crc32c.h"

/* The remainders of the half bytes, for the polynomial 0x82f63b78 (bits reversed). */
static const uint32_t table[16] = {
    0x00000000U, 0x105ec76fU, 0x20bd8edeU, 0x30e349b1U, 0x417b1dbcU, 0x5125dad3U, 0x61c69362U, 0x7198540dU,
    0x82f63b78U, 0x92a8fc17U, 0xa24bb5a6U, 0xb21572c9U, 0xc38d26c4U, 0xd3d3e1abU, 0xe330a81aU, 0xf36e6f75U,
};

uint32_t crc32c(const void *bytes, size_t size_bytes)
{
    const uint8_t *at = bytes;
    uint32_t crc = ~0U;

    for (size_t i = 0; i < size_bytes; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}
