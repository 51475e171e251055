/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The byte budget that a queue shares with its batches, its cache and what is under lease. Lives in
 * the queue's storage. Charged before memory is allocated and uncharged after it was freed, so what
 * is allocated never exceeds the budget, whoever is under way. Any thread, with a lock or without:
 * a reader gives bytes back while it holds no queue's lock. A count under the queue's lock was
 * rejected for that: releasing a batch would then need the queue's lock.
 */
#ifndef MUSTER_CORE_ROOM_H
#define MUSTER_CORE_ROOM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct muster_room {
    atomic_size_t charged_bytes;
    atomic_size_t peak_bytes;
};

static inline size_t room_charged(struct muster_room *room)
{
    return atomic_load_explicit(&room->charged_bytes, memory_order_acquire);
}

/*
 * Charges `preferred_bytes`, or where that is too much what is left below the limit, but
 * `least_bytes` at the least; both are multiples of 8. Returns what was charged; 0, and nothing
 * charged, where there is no room.
 */
size_t room_charge(struct muster_room *room, size_t limit_bytes, size_t preferred_bytes, size_t least_bytes);

void room_uncharge(struct muster_room *room, size_t bytes);

#endif
