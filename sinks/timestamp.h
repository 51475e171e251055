/* SPDX-License-Identifier: Apache-2.0 */
/* Times as text. Both remember the last day or minute, since records come close together. */
#ifndef MUSTER_SINKS_TIMESTAMP_H
#define MUSTER_SINKS_TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

struct buffer;
struct muster_stream;

enum { TIMESTAMP_UTC_BYTES = 30 };

/* Zeroed to begin with. */
struct timestamp_day {
    bool known;
    uint64_t day; /* since 1970 */
    char date[10];
};

struct timestamp_minute {
    bool known;
    uint64_t minute; /* since 1970 */
    char hour_minute[5];
};

/* A time on the stream's clock as nanoseconds since 1970. */
uint64_t timestamp_since_1970(const struct muster_stream *stream, uint64_t time_ns);

/* 2026-08-20T10:00:00.123456789Z */
void timestamp_utc(struct buffer *buffer, struct timestamp_day *day, uint64_t since_1970_ns);

/* 12:00:00.123, in the zone of the process. */
void timestamp_local(struct buffer *buffer, struct timestamp_minute *minute, uint64_t since_1970_ns);

#endif
