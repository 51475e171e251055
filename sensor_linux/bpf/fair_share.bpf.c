/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fair_share.h: what each group has in the ring. */
#include "fair_share.h"

#include "share_use.h"

/* The loader sizes it. What is forgotten here begins anew, with nothing. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1);
    __type(key, struct share_group);
    __type(value, struct share_use);
} fair_shares SEC(".maps");

static const struct share_use share_of_nobody = {};

/* Linux 6.1 takes a key from the stack, and not from a function's argument. */
static __always_inline __u64 group_held(const struct share_group *of, __u32 oldest)
{
    struct share_group group = *of;
    struct share_use *use = group.second ? bpf_map_lookup_elem(&fair_shares, &group) : NULL;

    return use ? share_held(use, oldest) : 0;
}

__u64 shares_held(struct share_claim *claim)
{
    __u64 session, parent;
    __u32 oldest;

    if (!claim || claim->ring_bytes < SHARE_STRETCHES_IN_RING)
        return 0;
    oldest = share_stretch(bpf_ringbuf_query(&ring, BPF_RB_CONS_POS), claim->ring_bytes);
    session = group_held(&claim->groups[0], oldest);
    parent = group_held(&claim->groups[1], oldest);
    return session > parent ? session : parent;
}

static __always_inline void group_charge(const struct share_group *of, __u32 stretch, __u32 size_bytes)
{
    struct share_group group = *of;
    struct share_use *use;

    if (!group.second)
        return;
    use = bpf_map_lookup_elem(&fair_shares, &group);
    if (!use) {
        bpf_map_update_elem(&fair_shares, &group, &share_of_nobody, BPF_NOEXIST);
        use = bpf_map_lookup_elem(&fair_shares, &group);
    }
    if (use)
        share_add(use, stretch, size_bytes);
}

int shares_charge(struct share_claim *claim, __u32 size_bytes)
{
    __u32 stretch;

    if (!claim || claim->ring_bytes < SHARE_STRETCHES_IN_RING)
        return 0;
    stretch = share_stretch(bpf_ringbuf_query(&ring, BPF_RB_PROD_POS), claim->ring_bytes);
    group_charge(&claim->groups[0], stretch, size_bytes);
    group_charge(&claim->groups[1], stretch, size_bytes);
    return 0;
}
