/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a number to the ring: how every program numbers an event, finds room for it or counts it as
 * lost, and decides whether to wake the reader. sensor_shared.h has the protocol.
 */
#ifndef MUSTER_EMIT_H
#define MUSTER_EMIT_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "muster/wire.h"
#include "sensor_shared.h"

/* Defined in sensor_state.bpf.c. */
struct sensor_ring_map {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
};
struct sensor_cpus_map {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct sensor_cpu);
};
extern struct sensor_ring_map ring SEC(".maps");
extern struct sensor_cpus_map cpus SEC(".maps");
extern struct sensor_control control;

struct birth {
    struct sensor_slot *slot;
    __u64 sequence;
    __u64 time_ns;
    __u32 generation;
};

/* Numbers an event. False where the side is closed (or the CPU has no slot, which the loader rules out). */
static __always_inline int event_birth(unsigned type, struct birth *birth)
{
    __u32 cpu = bpf_get_smp_processor_id();
    struct sensor_cpu *state = bpf_map_lookup_elem(&cpus, &cpu);
    __u64 word = *(volatile __u64 *)&control.sequence;

    if (!state || (word & SENSOR_CLOSED_BIT))
        return 0;
    birth->slot = &state->programs[type - 1];
    *(volatile __u64 *)&birth->slot->in_flight = (word & SENSOR_SEQUENCE_MASK) + 1;
    /* The add is a full barrier: whoever sees the number sees in_flight. */
    __u64 before = __sync_fetch_and_add(&control.sequence, 1);
    birth->sequence = (before & SENSOR_SEQUENCE_MASK) + 1;
    birth->generation = before >> 63;
    birth->time_ns = bpf_ktime_get_boot_ns();
    return 1;
}

/* The event has been handed over or counted as lost. The exchange is a barrier: whoever sees the
 * slot empty sees that. */
static __always_inline void event_done(struct birth *birth)
{
    __sync_lock_test_and_set(&birth->slot->in_flight, 0);
}

/* `cause` is a constant of enum sensor_cause. */
static __always_inline void event_lost(struct birth *birth, unsigned cause)
{
    struct sensor_loss *loss = &birth->slot->losses[birth->generation & 1];

    if (loss->causes[0] + loss->causes[1] + loss->causes[2] == 0) {
        loss->first_sequence = birth->sequence;
        loss->first_time_ns = birth->time_ns;
    }
    loss->last_sequence = birth->sequence;
    loss->last_time_ns = birth->time_ns;
    loss->causes[cause]++;
}

/* Ends the birth, too. */
static __always_inline int event_shed(struct birth *birth, unsigned cause)
{
    event_lost(birth, cause);
    event_done(birth);
    return 0;
}

/* The event is not wanted. Ends the birth. */
static __always_inline void event_filtered(struct birth *birth)
{
    birth->slot->filtered[birth->generation & 1]++;
    event_done(birth);
}

/* What was read but not acknowledged counts as used. */
struct ring_state {
    __u64 size_bytes;
    __u64 used_bytes;
};

static __always_inline void ring_look(struct ring_state *ret_state)
{
    ret_state->size_bytes = bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE);
    ret_state->used_bytes = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
}

/* Whether the ring is too full for a class that is shed above `share` sixteenths. */
static __always_inline int ring_sheds(const struct ring_state *state, unsigned share)
{
    return state->used_bytes > state->size_bytes / MUSTER_SHARE_UNIT * share;
}

/*
 * The flags for submitting: called between reserve and submit, so that a reader that goes to sleep
 * meanwhile sees the reserved record when it looks once more, and does not sleep.
 */
static __always_inline __u64 wake_flags(void)
{
    __u64 wake_at = __sync_fetch_and_add(&control.wake_at, 0); /* a read with a barrier before it */

    if (wake_at == SENSOR_AWAKE || bpf_ringbuf_query(&ring, BPF_RB_PROD_POS) < wake_at)
        return BPF_RB_NO_WAKEUP;
    if (__sync_val_compare_and_swap(&control.wake_at, wake_at, SENSOR_AWAKE) != wake_at)
        return BPF_RB_NO_WAKEUP;
    return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void record_begin(struct muster_record *record, unsigned type, unsigned fixed_bytes,
                                         const struct birth *birth)
{
    record->size_bytes = fixed_bytes;
    record->type = type;
    record->version = MUSTER_RECORD_VERSION;
    record->flags = 0;
    record->sequence = birth->sequence;
    record->time_ns = birth->time_ns;
    record->unavailable = 0;
    record->fixed_bytes = fixed_bytes;
    record->text_count = 0;
    record->reserved = 0;
}

/*
 * Hands the record over; 0 where there is no room. `size_bytes` is bounded by the caller, for the
 * verifier. A dynptr rather than bpf_ringbuf_output: the wake-up has to be decided between reserve
 * and submit.
 */
static __always_inline int record_put(void *record, __u32 size_bytes)
{
    struct bpf_dynptr room;

    if (bpf_ringbuf_reserve_dynptr(&ring, size_bytes, 0, &room)) {
        bpf_ringbuf_discard_dynptr(&room, BPF_RB_NO_WAKEUP);
        return 0;
    }
    bpf_dynptr_write(&room, 0, record, size_bytes, 0);
    bpf_ringbuf_submit_dynptr(&room, wake_flags());
    return 1;
}

/* Hands the record over, or counts it as lost (0); either ends the birth. */
static __always_inline int event_submit(struct birth *birth, void *record, __u32 size_bytes)
{
    int put = record_put(record, size_bytes);

    if (!put)
        event_lost(birth, SENSOR_RING_FULL);
    event_done(birth);
    return put;
}

/* How large a start may be, whole: what the ring has above that is for skeletons, of starts alone. */
static __always_inline __u64 start_room(const struct ring_state *state)
{
    __u64 limit = state->size_bytes / MUSTER_SHARE_UNIT * MUSTER_SHARE_START_WHOLE;

    return state->used_bytes < limit ? limit - state->used_bytes : 0;
}

/* 0: it has to become a skeleton. `room` is what start_room said before the record was made. */
static __always_inline int start_put_whole(void *record, __u32 size_bytes, __u64 room)
{
    return size_bytes <= room && record_put(record, size_bytes);
}

#endif
