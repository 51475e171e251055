/* SPDX-License-Identifier: Apache-2.0 */
/* entity.h: one slot for each end of a pid; what collides is computed again. */
#include "entity.h"

#include <stddef.h>

#include "muster/identity.h"
#include "muster/sink.h"

static void write_digits(char *out, const uint8_t id[MUSTER_ENTITY_ID_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < MUSTER_ENTITY_ID_BYTES; i++) {
        out[2 * i] = digits[id[i] >> 4];
        out[2 * i + 1] = digits[id[i] & 15];
    }
}

const char *entity_digits(struct entity_cache *cache, const struct muster_stream *stream, uint32_t pid,
                          uint64_t start_ns)
{
    if (!stream->boot_id_valid || stream->tick_ns == 0)
        return NULL;
    struct entity_slot *slot = &cache->slots[pid % ENTITY_SLOTS];
    if (!slot->used || slot->pid != pid || slot->start_ns != start_ns) {
        uint8_t id[MUSTER_ENTITY_ID_BYTES];
        muster_entity_id(stream->boot_id, pid, start_ns / stream->tick_ns, id);
        write_digits(slot->digits, id);
        slot->start_ns = start_ns;
        slot->pid = pid;
        slot->used = true;
    }
    return slot->digits;
}
