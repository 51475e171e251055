/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (RFC 3720, appendix B.4), as iSCSI and ext4 have it. */
#ifndef MUSTER_CAPTURE_CRC32C_H
#define MUSTER_CAPTURE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *bytes, size_t size_bytes);

#endif
