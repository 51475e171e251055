/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts right in a capture what no mutation hits by chance, its checksums, so that what stands behind them is explored.
 * What else is put right is the input's wish.
 */
#ifndef MUSTER_TESTS_CAPTURE_REPAIR_H
#define MUSTER_TESTS_CAPTURE_REPAIR_H

#include <stddef.h>

enum capture_repair {
    CAPTURE_REPAIR_SUMS = 1,   /* check and digest of each frame; without it nothing is done */
    CAPTURE_REPAIR_CHAIN = 2,  /* number, previous and totals, of what stands in it */
    CAPTURE_REPAIR_LENGTH = 4, /* payload_bytes, so that a frame ends where the next one begins */
};

/* `bytes` are aligned to 8. */
void capture_repair(unsigned char *bytes, size_t size, unsigned wishes);

#endif
