/* SPDX-License-Identifier: Apache-2.0 */
/* What exec has laid down in the memory of a new image, read before its first instruction has run. */
#ifndef MUSTER_EXEC_MEMORY_H
#define MUSTER_EXEC_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "muster/record.h"
#include "tracee_facts.h"

struct exec_memory {
    bool args_known;
    uint32_t args_size, args_head, args_full; /* as in struct muster_text */
    bool count_known;
    uint32_t args_count;
    bool path_known; /* the path that was given to exec; a script's own, where an interpreter runs it */
    uint32_t path_bytes;
    char args[MUSTER_ARGS_LIMIT_MAX];
    char path[MUSTER_PATH_MAX_BYTES];
};

/* Of arguments over `args_max_bytes`, an even number of at most MUSTER_ARGS_LIMIT_MAX, the ends. What cannot be read is
 * not known. */
void exec_memory_read(const struct tracee_facts *facts, uint32_t args_max_bytes, struct exec_memory *ret_memory);

#endif
