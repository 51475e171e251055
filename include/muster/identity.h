/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.entity_id: names one process of one boot for ever, whatever becomes of its pid.
 *
 *     BLAKE2s (RFC 7693), 16 bytes of digest, no key, of these 28 bytes:
 *         the boot's identity                16 bytes (Linux: boot_id, as its hex digits stand)
 *         pid in the initial pid namespace   4 bytes, little-endian
 *         start of the process in ticks      8 bytes, little-endian
 *
 * Ticks on Linux are those of /proc/PID/stat, 100 a second since boot; on Windows 100 ns since 1601.
 * In Python: hashlib.blake2s(boot + pid.to_bytes(4, "little") + start.to_bytes(8, "little"),
 * digest_size=16).hexdigest(). Test vectors: tests/unit/identity_test.c.
 */
#ifndef MUSTER_IDENTITY_H
#define MUSTER_IDENTITY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MUSTER_ENTITY_ID_BYTES 16

void muster_entity_id(const uint8_t boot_id[16], uint32_t pid, uint64_t start_ticks,
                      uint8_t ret_id[MUSTER_ENTITY_ID_BYTES]);

#ifdef __cplusplus
}
#endif

#endif
