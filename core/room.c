/* SPDX-License-Identifier: Apache-2.0 */
/* The byte budget; see room.h. */
#include "core/room.h"

static void raise_peak(struct muster_room *room, size_t charged)
{
    size_t peak = atomic_load_explicit(&room->peak_bytes, memory_order_relaxed);

    while (peak < charged && !atomic_compare_exchange_weak_explicit(&room->peak_bytes, &peak, charged,
                                                                    memory_order_relaxed, memory_order_relaxed)) {
    }
}

size_t room_charge(struct muster_room *room, size_t limit_bytes, size_t preferred_bytes, size_t least_bytes)
{
    size_t charged = room_charged(room);
    size_t taken;

    do {
        if (charged > limit_bytes || limit_bytes - charged < least_bytes)
            return 0;
        const size_t left = (limit_bytes - charged) & ~(size_t)7;
        taken = preferred_bytes < left ? preferred_bytes : left;
    } while (!atomic_compare_exchange_weak_explicit(&room->charged_bytes, &charged, charged + taken,
                                                    memory_order_acq_rel, memory_order_acquire));
    raise_peak(room, charged + taken);
    return taken;
}

void room_uncharge(struct muster_room *room, size_t bytes)
{
    atomic_fetch_sub_explicit(&room->charged_bytes, bytes, memory_order_release);
}
