/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps and globals that all programs share; emit.h declares them. The loader sizes the maps. */
#include "emit.h"

struct sensor_ring_map ring SEC(".maps");
struct sensor_cpus_map cpus SEC(".maps");
struct sensor_control control;

char LICENSE[] SEC("license") = "Dual BSD/GPL";
