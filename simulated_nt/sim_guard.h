/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks that are exactly as long as asked: a page that nobody may touch stands behind, a pattern fills
 * what is left in front and behind, and freed blocks are kept untouchable for a while. What IRPs, their
 * buffers, objects and the texts of notifications live in. Whoever touches what he may not ends the run,
 * with the block's name.
 */
#ifndef SIMULATED_NT_SIM_GUARD_H
#define SIMULATED_NT_SIM_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_GUARD_NAME_BYTES 96

/* `address % 16` will be `phase`; as near to the page behind as that allows. Filled with `fill`. */
void *sim_guard_allocate(size_t bytes, unsigned phase, uint8_t fill, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Checks the patterns, and makes the block untouchable. `why` stands in the report of a later touch. */
void sim_guard_free(const char *call, void *memory, const char *why);

/* Makes a live block untouchable, or touchable again. */
void sim_guard_permit(void *memory, bool permit);

/* Whether a live block begins at this address; any address may be asked about. */
bool sim_guard_is_live(const void *memory);

/* The name of the block that begins there and why it was freed; false where none is known. */
bool sim_guard_describe(const void *memory, char ret_name[SIM_GUARD_NAME_BYTES], const char **ret_why);

#endif
