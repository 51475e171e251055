/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch: content that was taken out of a queue and is in nobody's list. It has no lock; whoever
 * holds the value calls this, where freeing is allowed.
 */
#include "core/block.h"
#include "muster/queue.h"
#include "platform/platform.h"

void muster_batch_release(struct muster_batch *batch)
{
    struct muster_block *first = batch->first;

    muster_clear(batch, sizeof *batch);
    block_destroy_list(first, NULL);
}
