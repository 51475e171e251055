/* SPDX-License-Identifier: Apache-2.0 */
/* What a seed decides before anything runs: the machine, the load, the output, and what goes wrong when. */
#ifndef MUSTER_SIM_PLAN_H
#define MUSTER_SIM_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/wire.h"

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

#define SLOW_POINT_NS    2000U /* from here on it is no wonder that events come late */
#define PLAN_CPUS_MOST   4
#define PLAN_PHASES_MOST 4
#define PLAN_STALLS_MOST 2
#define PLAN_RUNS_MOST   5

/* A time of the load. In a calm one the ring has room for all that comes in seconds. */
struct plan_phase {
    uint64_t duration_ns;
    uint64_t gap_most_ns; /* between two events of one program on one processor; 0: one behind the other */
    uint64_t beat_ns;     /* 0: none; else all events come in the first moments of each beat */
    bool calm;
};

struct plan_window {
    uint64_t begin_ns;
    uint64_t end_ns;
};

/* Processes of the one are wanted where there is a filter, of the other not. */
#define SIM_USER_WANTED    1000U
#define SIM_USER_UNWANTED  2000U
#define SIM_BASELINE_FIRST 1000000U /* pid */

enum plan_filter {
    FILTER_NONE,
    FILTER_IN_KERNEL, /* as on Linux */
    FILTER_IN_AGENT,  /* as on Windows: muster_sensor_filters() says no */
};

/* What the points until a crash are counted from. */
enum plan_crash {
    CRASH_FROM_BEGINNING,
    CRASH_FROM_ACCOUNT, /* it begins to look what was lost */
    CRASH_FROM_GAP,     /* a gap is in the output */
    CRASH_FROM_ACK,     /* it begins to acknowledge */
    CRASH_FROM_COMMIT,  /* the journal has a new state */
};

/* One process of several that read one kernel side after the other. */
struct plan_run {
    uint64_t crash_at_points; /* 0: it does not */
    enum plan_crash crash_from;
    unsigned crash_skips; /* so many times of those first */
    uint64_t duration_ms; /* it ends by then */
    uint64_t pause_ns;    /* until the next one begins */
};

enum plan_open_fault {
    OPEN_WORKS,
    OPEN_SENSOR_FAILS,
    OPEN_OUTPUT_FAILS,
    OPEN_ATTACH_FAILS,
    OPEN_WAKEUPS_FAIL,
    OPEN_WORKER_FAILS,
    OPEN_BASELINE_FAILS,
    OPEN_QUEUE_FAILS,
    OPEN_SINK_FAILS,
};

struct plan_output {
    bool standard;
    bool regular;
    uint64_t fails_at_byte; /* NEVER: not */
    uint64_t fails_at_ns;   /* likewise */
    int error;              /* then; 0: the write returns 0 */
    unsigned short_per_mille;
    unsigned interrupted_per_mille;
    unsigned ns_per_byte;
    unsigned stall_count;
    struct plan_window stalls[PLAN_STALLS_MOST]; /* no write begins or goes on within one */
    bool close_fails;
    unsigned sync_fails_per_mille;
};

struct plan {
    uint64_t seed;

    unsigned points_between, point_cost_ns;
    unsigned agent_weight, pump_weight, kernel_weight;
    unsigned stolen_per_mille; /* of a program's points: its processor is taken away there, for milliseconds */

    unsigned cpu_count;
    size_t ring_bytes;
    size_t queue_bytes;         /* budget; 0: what the agent itself chooses */
    uint64_t ring_position;     /* where it begins */
    bool ring_looks_at_pending; /* as kernels since 6.x do, when they look for room */
    bool forks;

    unsigned phase_count;
    struct plan_phase phases[PLAN_PHASES_MOST];
    unsigned events_most;
    unsigned start_percent, exit_percent; /* the rest are forks, where there are any */
    uint32_t text_most_bytes;
    unsigned huge_per_mille;
    unsigned missed_per_mille;
    unsigned invalid_per_mille; /* records that are not valid */
    enum plan_filter filter;
    unsigned unwanted_percent;

    unsigned baseline_count;
    uint64_t status_interval_ms; /* 0: none */
    bool has_page;               /* for `muster status` */
    struct plan_output output;
    bool fail_on_loss;
    bool clock_is_set;

    enum plan_open_fault open_fault;
    struct plan_window memory_window;
    unsigned memory_per_mille;
    uint64_t library_allocation_fails; /* the nth of the C library's; 0: none */

    uint64_t stop_ns;         /* a signal; NEVER: none */
    uint64_t stop_again_ns;   /* after the first; NEVER: none */
    uint64_t duration_ms;     /* --duration; 0: none */
    uint64_t crash_at_points; /* 0: none */

    bool kept;    /* the kernel side outlives its agents: `muster service` */
    bool durable; /* what is acknowledged is on the disk */
    unsigned run_count;
    struct plan_run runs[PLAN_RUNS_MOST];
};

void plan_make(struct plan *ret_plan, uint64_t seed);

/* In a few lines, to standard output. */
void plan_print(const struct plan *plan);

#endif
