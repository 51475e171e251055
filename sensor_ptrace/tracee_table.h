/* SPDX-License-Identifier: Apache-2.0 */
/* The processes that are traced, by pid. Threads are not in it. */
#ifndef MUSTER_TRACEE_TABLE_H
#define MUSTER_TRACEE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tracee_facts.h"
#include "tracee_usage.h"

/* What a filter said about its last start or fork. */
enum tracee_verdict { TRACEE_NOT_ASKED, TRACEE_WANTED, TRACEE_UNWANTED };

struct tracee {
    struct tracee *next;
    uint32_t pid;
    uint64_t start_ns; /* the tick of /proc, made finer by when the process was met */
    bool execed;       /* its exit is reported */
    bool threaded;     /* which of its threads ends last is not seen */
    bool fork_pending; /* the fork has not been reported yet */
    bool exit_stops;   /* it is made to stop at its exit */
    enum tracee_verdict verdict;
    struct tracee_usage usage;
    struct tracee_facts birth; /* while it has not: as it was when it had done nothing yet */
};

#define TRACEE_BUCKETS 256

struct tracee_table {
    struct tracee *buckets[TRACEE_BUCKETS];
    size_t count;
};

struct tracee *tracee_find(const struct tracee_table *table, uint32_t pid);

/* Of a pid that is not in it. NULL where memory ran out. */
struct tracee *tracee_add(struct tracee_table *table, uint32_t pid);

void tracee_remove(struct tracee_table *table, uint32_t pid);

void tracee_table_deinit(struct tracee_table *table);

#endif
