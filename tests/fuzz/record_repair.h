/* SPDX-License-Identifier: Apache-2.0 */
/* Puts right what makes records invalid, and leaves the rest as it is. */
#ifndef MUSTER_TESTS_RECORD_REPAIR_H
#define MUSTER_TESTS_RECORD_REPAIR_H

#include <stddef.h>
#include <stdint.h>

#include "muster/wire.h"

/* How long the fixed part of a known type is now. */
uint32_t record_fixed_bytes(unsigned type);

/* From the first record on, as far as there are bytes for one. `bytes` is aligned to 8. */
void record_repair(unsigned char *bytes, size_t size);

#endif
