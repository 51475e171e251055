/* SPDX-License-Identifier: Apache-2.0 */
/* Making and freeing blocks; see block.h. */
#include "core/block.h"

#include "platform/platform.h"

struct muster_block *block_create(struct muster_room *room, size_t charged_bytes)
{
    struct muster_block *block = muster_platform_allocate(charged_bytes);

    if (block == NULL) {
        room_uncharge(room, charged_bytes);
        return NULL;
    }
    muster_clear(block, sizeof *block);
    block->room = room;
    block->allocated_bytes = (uint32_t)charged_bytes;
    return block;
}

void block_destroy_list(struct muster_block *first, const struct muster_block *end)
{
    while (first != end) {
        struct muster_block *next = first->next;
        struct muster_room *room = first->room;
        const size_t bytes = first->allocated_bytes;

        muster_platform_free(first, bytes);
        room_uncharge(room, bytes);
        first = next;
    }
}
