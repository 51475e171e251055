/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sink turns records into one output format. The pump (agent) opens it once, hands it every
 * record of a lease, flushes, and acknowledges the lease when that succeeded.
 *
 * One thread at a time. Records are valid (muster_record_validate) and read in place.
 */
#ifndef MUSTER_SINK_H
#define MUSTER_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/annotations.h"
#include "muster/record.h"
#include "muster/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What all records of a stream share. Strings are UTF-8, borrowed, and outlive the sink; NULL where
 * not known. */
struct muster_stream {
    uint64_t epoch;
    uint8_t boot_id[16];
    bool boot_id_valid;
    int64_t clock_offset_ns; /* added to a record's times: nanoseconds since 1970, UTC. May be changed
                                by the pump between two leases */
    uint64_t tick_ns;        /* unit of the start time in an entity id: Linux 10,000,000 */
    const char *provider;    /* event.provider: "ebpf", "muster.sys" */
    const char *os_type;     /* "linux", "windows" */
    const char *os_kernel;   /* uname -r; Windows: "10.0.19045" */
    const char *host_name;
    const char *host_id; /* /etc/machine-id; Windows: MachineGuid */
    const char *version; /* of muster */
    /* Name of a user id, for a person to read; NULL where not known. Any thread's context of the
     * sink. May be NULL itself. The result lives until the next call. */
    const char *(*user_name)(uint32_t user_id);
    /* Likewise of a security identifier as a text, "S-1-5-18" (Windows). */
    const char *(*user_sid_name)(const char *sid, size_t sid_bytes);
};

/* Where formatted bytes go. `write` has write(2)'s contract: it returns how many bytes it took, or
 * -1 with errno set. */
struct muster_output_target {
    long (*write)(void *context, const char *bytes, size_t size_bytes);
    void *context;
};

enum muster_color { MUSTER_COLOR_NEVER = 0, MUSTER_COLOR_ALWAYS = 1 };

struct muster_sink_options {
    const struct muster_stream *stream;
    struct muster_output_target target;
    enum muster_color color; /* text only */
    uint64_t capture;        /* capture only: names it, so best a random number; 0: one is made from its beginning */
};

struct muster_sink;

/* All: NULL where memory ran out. */
struct muster_sink *muster_sink_text_create(const struct muster_sink_options *options);
struct muster_sink *muster_sink_ndjson_create(const struct muster_sink_options *options);
struct muster_sink *muster_sink_driver_messages_create(const struct muster_sink_options *options);
/* Bytes, not lines: see muster/capture_file.h. Ends with MUSTER_EVENT_SENSOR_STOPPED, behind which nothing is taken. */
struct muster_sink *muster_sink_capture_create(const struct muster_sink_options *options);

/* By the name that --format takes: "text", "ndjson", "driver-messages", "capture". Returns NULL with
 * *ret_known false for any other name, and NULL with true where memory ran out. */
struct muster_sink *muster_sink_create(const char *format, const struct muster_sink_options *options, bool *ret_known);

/* Formats one record, and writes when enough has come together. MUSTER_OUTPUT_FAILED (errno set)
 * or MUSTER_NO_MEMORY; after either only muster_sink_delivered and _destroy may be called. */
enum muster_status muster_sink_write(struct muster_sink *sink, const struct muster_record *record) MUSTER_MUST_CHECK;

/* The end of a batch: everything that was formatted is written out. */
enum muster_status muster_sink_flush(struct muster_sink *sink) MUSTER_MUST_CHECK;

/* Of the numbered records given so far, how many are in the output as whole lines (or frames). Also after a
 * write that failed half-way. (A format that leaves records out by its nature, such as
 * driver-messages, counts them as delivered with the next line or flush.) */
uint64_t muster_sink_delivered(const struct muster_sink *sink);

/* Bytes behind the last whole line: what a target that can be shortened may be shortened to,
 * counted from the sink's first byte. */
uint64_t muster_sink_whole_bytes(const struct muster_sink *sink);

/* Frees; does not flush. NULL is fine. */
void muster_sink_destroy(struct muster_sink *sink);

#ifdef __cplusplus
}
#endif

#endif
