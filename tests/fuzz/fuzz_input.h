/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzz targets share. A target is LLVMFuzzerTestOneInput and nothing else: libFuzzer drives it, or
 * replay_main.c, which gives it the kept inputs and needs no clang.
 *
 * The input of a target that takes records is records, one behind the other; what stands behind the last
 * valid one are wishes of the target's own (fuzz_wish). So all of them can share their corpora.
 */
#ifndef MUSTER_TESTS_FUZZ_INPUT_H
#define MUSTER_TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program with what was broken; a fuzzer keeps the input then. */
_Noreturn void fuzz_broken(const char *file, int line, const char *what);
#define FUZZ_REQUIRE(condition) ((condition) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #condition))

/* A copy on the heap, aligned to 8 and not to more where `odd`, of exactly this size, so that
 * AddressSanitizer sees the first byte behind it. */
struct fuzz_copy {
    void *memory;
    unsigned char *bytes;
};
struct fuzz_copy fuzz_copy_make(const void *bytes, size_t size, bool odd);
void fuzz_copy_free(struct fuzz_copy *copy);

/* The next valid record at *offset, which moves behind it; NULL where there is none. `bytes` is aligned to 8. */
const struct muster_record *fuzz_next_record(const unsigned char *bytes, size_t size, size_t *offset);

/* Byte `index` of the wishes behind `offset`; 0 where there are so many not. */
unsigned fuzz_wish(const unsigned char *bytes, size_t size, size_t offset, size_t index);

/* Reads all that may be read of a valid record, and requires that the ways to read it agree. */
void fuzz_read_record(const struct muster_record *record);

#endif
