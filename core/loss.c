/* SPDX-License-Identifier: Apache-2.0 */
/* The open gap; see loss.h. */
#include "core/loss.h"

#include "platform/platform.h"

void loss_init(struct loss *loss)
{
    muster_clear(loss, sizeof *loss);
    loss->start_ns = UINT64_MAX;
}

static void widen(struct loss *loss, uint64_t start_ns, uint64_t end_ns)
{
    if (start_ns < loss->start_ns)
        loss->start_ns = start_ns;
    if (end_ns > loss->end_ns)
        loss->end_ns = end_ns;
}

void loss_add(struct loss *loss, unsigned type, enum muster_cause cause, uint64_t sequence, uint64_t time_ns)
{
    widen(loss, time_ns, time_ns);
    if (sequence != 0 && (loss->first_sequence == 0 || sequence < loss->first_sequence))
        loss->first_sequence = sequence;
    if (sequence > loss->last_sequence)
        loss->last_sequence = sequence;
    loss->count++;
    loss->causes[cause]++;
    loss->types[type - 1]++;
}

void loss_encode(const struct loss *loss, enum muster_stage stage, void *destination)
{
    struct muster_gap *gap = destination;

    muster_clear(gap, sizeof *gap);
    gap->record.size_bytes = sizeof *gap;
    gap->record.type = MUSTER_EVENT_GAP;
    gap->record.version = MUSTER_RECORD_VERSION;
    gap->record.fixed_bytes = sizeof *gap;
    gap->record.time_ns = loss->end_ns;
    if (loss->first_sequence != 0)
        gap->record.valid = MUSTER_FIELD_BIT(MUSTER_FIELD_SEQUENCE_RANGE);
    gap->first_sequence = loss->first_sequence;
    gap->last_sequence = loss->last_sequence;
    gap->count = loss->count;
    gap->start_ns = loss->start_ns;
    gap->end_ns = loss->end_ns;
    gap->stage = stage;
    muster_copy(gap->causes, loss->causes, sizeof loss->causes);
    muster_copy(gap->types, loss->types, sizeof loss->types);
}

static void lower(atomic_uint_least64_t *least, uint64_t value)
{
    uint_least64_t seen = atomic_load_explicit(least, memory_order_relaxed);
    while (value < seen &&
           !atomic_compare_exchange_weak_explicit(least, &seen, value, memory_order_release, memory_order_relaxed)) {
    }
}

static void raise(atomic_uint_least64_t *most, uint64_t value)
{
    uint_least64_t seen = atomic_load_explicit(most, memory_order_relaxed);
    while (value > seen &&
           !atomic_compare_exchange_weak_explicit(most, &seen, value, memory_order_release, memory_order_relaxed)) {
    }
}

void loss_outside_init(struct loss_outside *outside)
{
    atomic_init(&outside->begun, 0);
    for (unsigned i = 0; i < MUSTER_EVENT_NUMBERED_COUNT; i++)
        atomic_init(&outside->types[i], 0);
    atomic_init(&outside->start_ns, UINT64_MAX);
    atomic_init(&outside->end_ns, 0);
}

void loss_outside_add(struct loss_outside *outside, unsigned type, uint64_t time_ns)
{
    /* First that it began, last that it is whole: collect compares the two. */
    atomic_fetch_add_explicit(&outside->begun, 1, memory_order_relaxed);
    lower(&outside->start_ns, time_ns);
    raise(&outside->end_ns, time_ns);
    atomic_fetch_add_explicit(&outside->types[type - 1], 1, memory_order_release);
}

bool loss_outside_is_open(struct loss_outside *outside)
{
    uint64_t any = 0;
    for (unsigned i = 0; i < MUSTER_EVENT_NUMBERED_COUNT; i++)
        any |= atomic_load_explicit(&outside->types[i], memory_order_relaxed);
    return any != 0;
}

static uint64_t collect_types(struct loss_outside *outside, struct loss *open)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < MUSTER_EVENT_NUMBERED_COUNT; i++) {
        const uint64_t taken = atomic_exchange_explicit(&outside->types[i], 0, memory_order_acquire);
        open->types[i] += taken;
        count += taken;
    }
    return count;
}

bool loss_outside_collect(struct loss_outside *outside, struct loss *open, uint64_t *collected)
{
    /* The usual case, one load: nothing was ever refused, or nothing since. */
    if (atomic_load_explicit(&outside->begun, memory_order_relaxed) == *collected)
        return true;
    const uint64_t count = collect_types(outside, open);
    const uint64_t start_ns = atomic_exchange_explicit(&outside->start_ns, UINT64_MAX, memory_order_acquire);
    const uint64_t end_ns = atomic_exchange_explicit(&outside->end_ns, 0, memory_order_acquire);

    widen(open, start_ns, end_ns);
    open->count += count;
    open->causes[MUSTER_CAUSE_IRQL_REFUSED] += count;
    *collected += count;
    return atomic_load_explicit(&outside->begun, memory_order_relaxed) == *collected;
}
