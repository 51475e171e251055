/* SPDX-License-Identifier: Apache-2.0 */
/* Times as text. Records come close together, so what the last ones had is remembered. */
#ifndef MUSTER_SINKS_TIMESTAMP_H
#define MUSTER_SINKS_TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

struct buffer;
struct muster_stream;

enum { TIMESTAMP_UTC_BYTES = 30 };

/* Up to a second, and its point. */
struct timestamp_second {
    bool known;
    uint64_t second; /* since 1970 */
    char text[TIMESTAMP_UTC_BYTES - 10];
};

enum { TIMESTAMP_SECONDS = 64 };

/* Zeroed to begin with. Of some seconds, since a line has the times of an event, its process and its parent. */
struct timestamp_cache {
    struct timestamp_second seconds[TIMESTAMP_SECONDS];
};

/* Zeroed to begin with. */
struct timestamp_minute {
    bool known;
    uint64_t minute; /* since 1970 */
    char hour_minute[5];
};

/* A time on the stream's clock as nanoseconds since 1970. */
uint64_t timestamp_since_1970(const struct muster_stream *stream, uint64_t time_ns);

/* 2026-08-20T10:00:00.123456789Z: writes TIMESTAMP_UTC_BYTES. */
void timestamp_utc(char *out, struct timestamp_cache *cache, uint64_t since_1970_ns);

/* 12:00:00.123, in the zone of the process. */
void timestamp_local(struct buffer *buffer, struct timestamp_minute *minute, uint64_t since_1970_ns);

#endif
