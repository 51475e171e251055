/* SPDX-License-Identifier: Apache-2.0 */
/* Makes records of what the tracer saw, in an outbox, from which they are taken one by one. It gives the
 * numbers, so a record that is here cannot be missing without being missed. */
#ifndef MUSTER_TRACE_RECORDS_H
#define MUSTER_TRACE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exec_memory.h"
#include "exec_paths.h"
#include "muster/filter.h"
#include "muster/record.h"
#include "tracee_cgroup.h"
#include "tracee_table.h"

/* One stop makes at most a fork, a start and a message; or a fork and an exit. */
#define OUTBOX_BYTES (192U * 1024U)

struct trace_records {
    const struct muster_filter *filter; /* NULL: everything is wanted */
    uint32_t args_max_bytes;
    uint64_t sequence; /* the last number that was given */
    uint64_t filtered; /* of those, how many were left out */
    size_t filled, taken;
    struct exec_memory memory;
    struct exec_path executable, working_directory, parent_executable;
    struct tracee_cgroup cgroup;
    _Alignas(MUSTER_RECORD_ALIGNMENT) unsigned char outbox[OUTBOX_BYTES];
};

/* The next that was not taken; NULL where all are, and then the outbox is empty. */
const struct muster_record *trace_records_take(struct trace_records *records);

/* Each numbers an event, and makes its record if that is wanted. `table` knows parents. `tid` 0: not known. */
void trace_fork(struct trace_records *records, const struct tracee_table *table, struct tracee *child, uint32_t tid);
void trace_start(struct trace_records *records, const struct tracee_table *table, struct tracee *tracee,
                 const struct tracee_facts *facts, uint32_t tid);

/* How a process ended, as of waitid(2). */
struct trace_end {
    int code; /* CLD_EXITED, CLD_KILLED or CLD_DUMPED */
    int status;
    const struct rusage *usage; /* its own and of the children that it has waited for */
};
void trace_exit(struct trace_records *records, const struct tracee_table *table, struct tracee *tracee,
                const struct tracee_facts *facts, const struct trace_end *end);

#endif
