/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One capture that is read back: what its records have to say where they are written again. What a capture lost
 * becomes gaps, and ledgers count it, so that the new output is as complete and as checkable as the old one was.
 * Knows nothing of files, queues and threads.
 */
#ifndef MUSTER_REPLAY_STREAM_H
#define MUSTER_REPLAY_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "muster/capture_file.h"
#include "sequence_set.h"

#define REPLAY_WAITING_MAX 16

struct replay_stream {
    uint64_t capture; /* which one */
    bool used;
    struct muster_capture_description description;
    struct muster_stream stream; /* of it; its clock offset is that of what is being written */

    struct sequence_set seen;           /* numbers that were read */
    uint64_t given;                     /* numbers up to this one were given, as ledgers and gaps say */
    uint64_t read_count;                /* numbered records */
    uint64_t lost_count;                /* likewise, that were told here to be lost */
    uint64_t told[MUSTER_GAP_CAUSES];   /* by gap records that were read, or made here for those that were not */
    uint64_t untold[MUSTER_GAP_CAUSES]; /* by gap records that stood before the last checkpoint and were not read */
    bool started;
    uint64_t delivered_before; /* by earlier readers of the driver, as sensor-started says */

    struct muster_capture_damage waiting[REPLAY_WAITING_MAX]; /* to be told when it is known what stands behind it */
    unsigned waiting_count;
    unsigned ready_count; /* of those, the first so many can be told now */

    bool stopped; /* sensor-stopped was read, and waits for the end: */
    struct muster_sensor_status stopped_record;

    /* What was written by pumps that have ended. */
    uint64_t delivered;
    uint64_t filtered;
    uint64_t types[MUSTER_EVENT_NUMBERED_COUNT];
};

/* `part` is the first of a capture. */
void replay_stream_begin(struct replay_stream *stream, const struct muster_capture_part *part);
void replay_stream_end(struct replay_stream *stream);

/* Takes note of the numbers in a frame of records, before its records are taken one by one. */
void replay_stream_look(struct replay_stream *stream, const struct muster_capture_part *part);

/* Whether the record is to be written now, and as what: *ret_record is `record`, or stands in *made. A sensor-stopped
 * is kept. */
bool replay_stream_take(struct replay_stream *stream, const struct muster_record *record,
                        struct muster_sensor_status *made, const struct muster_record **ret_record);

/* Takes note of damage, and of what a checkpoint says. */
void replay_stream_damage(struct replay_stream *stream, const struct muster_capture_damage *damage);
void replay_stream_checkpoint(struct replay_stream *stream, const struct muster_capture_part *part);

/* The next gap that is to be written, for what was lost: true, and *ret_gap. To be called until false, behind each
 * replay_stream_look, and at the end (`last`), where also gap records are made up for that were lost themselves. */
bool replay_stream_gap(struct replay_stream *stream, bool last, struct muster_gap *ret_gap);

/* The sensor-stopped that was kept, for pump_stop_as; NULL where none was read. */
const struct muster_sensor_status *replay_stream_stopped(struct replay_stream *stream);

#endif
