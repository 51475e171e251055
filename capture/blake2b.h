/* SPDX-License-Identifier: Apache-2.0 */
/* BLAKE2b (RFC 7693) with 32 bytes of digest and no key, of bytes that are all there. */
#ifndef MUSTER_CAPTURE_BLAKE2B_H
#define MUSTER_CAPTURE_BLAKE2B_H

#include <stddef.h>
#include <stdint.h>

#define BLAKE2B_DIGEST_BYTES 32

void blake2b(const void *bytes, size_t size_bytes, uint8_t ret_digest[BLAKE2B_DIGEST_BYTES]);

#endif
