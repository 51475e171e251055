/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few helpers that sensor_linux/bpf/emit.h calls, so that it compiles as it stands for the simulated kernel
 * (sim_kernel.h). Found before libbpf's file of this name by the include path.
 */
#ifndef MUSTER_FEW_BPF_HELPERS_H
#define MUSTER_FEW_BPF_HELPERS_H

#include <linux/types.h>
#include <stdint.h>

#define __u64 uint64_t /* as the structs have it that both sides share: here the two are not one type */

#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, value) value *name
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* kernel_types.h has these for BPF. */
enum {
    BPF_MAP_TYPE_ARRAY = 2,
    BPF_MAP_TYPE_RINGBUF = 27,
    BPF_F_MMAPABLE = 1U << 10,
};
enum {
    BPF_RB_NO_WAKEUP = 1ULL << 0,
    BPF_RB_FORCE_WAKEUP = 1ULL << 1,
};
enum {
    BPF_RB_AVAIL_DATA = 0,
    BPF_RB_RING_SIZE = 1,
    BPF_RB_CONS_POS = 2,
    BPF_RB_PROD_POS = 3,
};

struct bpf_dynptr {
    unsigned char *data;
    uint64_t position; /* of its header in the ring */
};

__u32 bpf_get_smp_processor_id(void);
__u64 bpf_ktime_get_boot_ns(void);
void *bpf_map_lookup_elem(void *map, const void *key);
__u64 bpf_ringbuf_query(void *ring_map, __u64 what);
long bpf_ringbuf_reserve_dynptr(void *ring_map, __u32 size_bytes, __u64 flags, struct bpf_dynptr *ret_room);
long bpf_dynptr_write(const struct bpf_dynptr *room, __u32 offset, void *bytes, __u32 size_bytes, __u64 flags);
void bpf_ringbuf_submit_dynptr(struct bpf_dynptr *room, __u64 flags);
void bpf_ringbuf_discard_dynptr(struct bpf_dynptr *room, __u64 flags);

#endif
