/* SPDX-License-Identifier: Apache-2.0 */
/* The records that hold counts, gap and status, and the words for what they count. */
#ifndef MUSTER_SINKS_TALLY_H
#define MUSTER_SINKS_TALLY_H

#include <stdint.h>

#include "muster/record.h"

struct buffer;

/* A copy of the fixed part. An earlier version's record may be shorter: the rest is 0. */
struct muster_gap tally_gap(const struct muster_record *record);
struct muster_sensor_status tally_status(const struct muster_record *record);

/* The name of the count at an index of `causes` and `dropped`, or of `types`. A name is made up for
 * one that this version does not know, in `spare`: a count is never left out. */
struct tally_spare {
    char name[16];
};
const char *tally_cause_name(unsigned index, struct tally_spare *spare);
const char *tally_type_name(unsigned index, struct tally_spare *spare);

/* "ring_full 12, class_shed 3" or "start 5, exit 7": those that are not 0. */
void tally_write_causes(struct buffer *buffer, const uint64_t causes[MUSTER_GAP_CAUSES]);
void tally_write_types(struct buffer *buffer, const uint64_t types[MUSTER_GAP_TYPES]);

/* "12 events (start 5, exit 7)" */
void tally_write_lost(struct buffer *buffer, const struct muster_gap *gap);

/* "12 events (start 5, exit 7) lost in kernel_ring: ring_full 12" */
void tally_write_reason(struct buffer *buffer, const struct muster_gap *gap);

#endif
