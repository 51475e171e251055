/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the NDJSON file of a running sensor as it grows, and takes down which of the self-test's processes are in it.
 */
#ifndef MUSTER_SELFTEST_FOLLOW_H
#define MUSTER_SELFTEST_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "selftest_shapes.h"

#define SELFTEST_ENTITY_BYTES 33

/* What the stream says of one process. */
struct selftest_seen {
    uint64_t digest;                       /* by which a skeleton of it is recognised */
    char entity_id[SELFTEST_ENTITY_BYTES]; /* of its start; "" where that was not seen */
    uint32_t pid;
    uint32_t args_count;
    uint32_t starts;
    uint32_t exits;
    uint64_t latency_ns; /* from the event to its line being there to read */
};

struct selftest_follow {
    uint64_t nonce;
    struct selftest_seen *seen[SHAPE_COUNT]; /* the caller's, by shape and index */
    uint32_t sizes[SHAPE_COUNT];
    uint64_t lost_told; /* events that the stream tells as lost */
    bool started;       /* sensor-started was seen */
    bool stopped;       /* sensor-stopped was */
    uint64_t starts;    /* of ours, all in all */
    uint64_t exits;

    int fd;
    int notify_fd;
    char *line; /* bytes that have been read, from the beginning of a line on */
    size_t line_bytes;
    size_t capacity_bytes;
    uint32_t *by_entity; /* open addressing: shape << 24 | index, plus 1 */
    uint32_t *by_digest; /* likewise */
    size_t table_size;   /* of each */
};

/* Follows the file from `offset` on, -1: from its present end. The caller has set the members up to sizes. False with
 * errno set. */
bool selftest_follow_open(struct selftest_follow *follow, const char *path, int64_t offset);
void selftest_follow_close(struct selftest_follow *follow);

/* Takes in what is there, and waits for more up to that time if there is nothing. False with errno set. */
bool selftest_follow_read(struct selftest_follow *follow, int timeout_ms);

#endif
