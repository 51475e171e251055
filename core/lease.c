/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading what is under lease, in place and without a lock. The holder of the lease calls this; it
 * is safe beside an absorb that links blocks behind the lease, because the link of a lease's last
 * block is never read: the counts say when to stop.
 */
#include "core/block.h"
#include "muster/cache.h"
#include "platform/platform.h"

const struct muster_record *muster_lease_next(const struct muster_lease *lease, struct muster_lease_cursor *cursor)
{
    if (cursor->done_count == lease->record_count)
        return NULL;
    if (cursor->block == NULL) {
        cursor->block = lease->first;
        cursor->offset = lease->first_offset;
    }
    if (cursor->offset == cursor->block->used_bytes) {
        cursor->block = cursor->block->next;
        cursor->offset = 0;
    }
    const struct muster_record *record = (const void *)(cursor->block->records + cursor->offset);
    cursor->offset += record->size_bytes;
    cursor->done_count++;
    return record;
}

void muster_lease_copy(const struct muster_lease *lease, void *buffer)
{
    const struct muster_block *block = lease->first;
    uint64_t offset = lease->first_offset;
    unsigned char *to = buffer;
    uint64_t left = lease->record_bytes;

    while (left != 0) {
        const uint64_t here = block->used_bytes - offset;
        const uint64_t bytes = here < left ? here : left;
        muster_copy(to, block->records + offset, bytes);
        to += bytes;
        left -= bytes;
        if (left != 0) {
            block = block->next;
            offset = 0;
        }
    }
}
