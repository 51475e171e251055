/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor on Windows: what nt_source.c and nt_baseline.c share. */
#ifndef MUSTER_NT_SOURCE_H
#define MUSTER_NT_SOURCE_H

#include "muster/sensor.h"
#include "nt_device_client.h"
#include "nt_lease.h"

struct muster_sensor {
    struct nt_device device;
    struct nt_read read;
    bool reading;          /* a READ is under way */
    unsigned char *buffer; /* of that READ, or what the open lease stands in */
    size_t buffer_bytes;
    struct nt_lease lease;
    bool detached;
    DWORD failure; /* of the device; nothing is asked of it any more */
    const char *failed_at;

    struct muster_nt_status_reply status; /* the last that there was */
    uint64_t delivered_before;
    uint64_t read_count;     /* numbered */
    uint64_t skeleton_count; /* of those */
    uint64_t lost_untold;    /* not valid, or behind one that was not; no gap has told them yet */
    uint64_t lost_since_ns;
    uint64_t dropped[MUSTER_CAUSE_COUNT]; /* on the way from the driver */
    uint64_t told[MUSTER_CAUSE_COUNT];    /* by gaps of the driver that next returned, and by ours */

    /* atomic */
    uint64_t acknowledged; /* position; written by the pump's thread */
};

/* Takes what the driver has at once, into a lease, where none is open. False where the device fails. */
bool nt_source_take_now(struct muster_sensor *sensor);

#endif
