/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps and globals that all programs share; emit.h declares them. The loader sizes the maps. */
#include "emit.h"
#include "wanted.h"

struct sensor_ring_map ring SEC(".maps");
struct sensor_cpus_map cpus SEC(".maps");
struct sensor_verdicts_map filter_verdicts SEC(".maps");
struct sensor_scratch_map filter_scratch SEC(".maps");
struct sensor_control control;
/* Written by the loader, before the programs are loaded. */
const volatile struct muster_filter filter;
const volatile __u32 args_max_bytes;

char LICENSE[] SEC("license") = "Dual BSD/GPL";
