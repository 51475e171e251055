/* SPDX-License-Identifier: Apache-2.0 */
/* A UUID as Linux and Windows write one. */
#ifndef MUSTER_UUID_H
#define MUSTER_UUID_H

#include <stdbool.h>
#include <stdint.h>

/* 32 hex digits with dashes between them, to bytes in the order of the digits. False, bytes undefined, for
 * anything else. */
bool uuid_parse(const char *text, uint8_t ret_bytes[16]);

#endif
