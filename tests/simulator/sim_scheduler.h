/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread, many fibers, and a clock of its own. A seed chooses who runs at each point at which a real machine could
 * take the processor away: an atomic operation, the edge of a lock, a wait, a write, a step of the kernel side. What
 * runs between two points runs alone. Time passes a little at each point, and jumps to the next that waits for it when
 * nobody can run.
 *
 * Not simulated: a processor that reorders memory accesses. (`make check-tsan` is about those.)
 */
#ifndef MUSTER_SIM_SCHEDULER_H
#define MUSTER_SIM_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fiber;

/* What dies together: the threads of the agent in a crash. */
enum fiber_group { GROUP_WORLD, GROUP_KERNEL, GROUP_AGENT };

#define NEVER UINT64_MAX

struct schedule {
    uint64_t seed;
    unsigned points_between; /* in the mean, from one change of who runs to the next */
    unsigned point_cost_ns;  /* at most, each */
    uint64_t points_most;    /* a simulation that has not ended by then never will */
};

/* A new simulation, at time 0. Nothing of the one before remains. */
void scheduler_begin(const struct schedule *schedule);

/* Runs until no fiber is left. */
void scheduler_run(void);

/* `weight`: how often it is chosen, compared with others. The name is static. */
struct fiber *fiber_start(const char *name, enum fiber_group group, unsigned weight, void (*body)(void *context),
                          void *context);
struct fiber *fiber_current(void);
void fiber_weight_set(struct fiber *fiber, unsigned weight);

/* Waits until somebody wakes it or the time has come. True where it was woken. */
bool fiber_wait(uint64_t deadline_ns);
void fiber_wake(struct fiber *fiber);
void fiber_sleep(uint64_t duration_ns);

/* Ends all fibers of a group, or of all, where they stand. Does not return to one of them. */
void fiber_group_end(enum fiber_group group);
void fiber_all_end(void);

/* Calls `at` instead of going on when so many points have been passed, from whichever fiber; 0: never. */
void scheduler_interrupt(uint64_t after_points, void (*at)(void));

/* Whoever runs may be somebody else afterwards. Does nothing outside of fibers. */
void sim_point(void);

/* What looks at the whole while nobody runs is called each so many changes. */
void scheduler_observe(unsigned every, void (*observer)(void));

uint64_t sim_now_ns(void);
uint64_t sim_point_count(void);
const char *sim_name(void);

/* A mutex of the simulated machine. Zeroed: free. */
struct sim_mutex {
    struct fiber *owner;
};
void sim_mutex_lock(struct sim_mutex *mutex);
void sim_mutex_unlock(struct sim_mutex *mutex);

/* Lets go of it and waits, and nobody comes between the two. */
void sim_mutex_unlock_and_wait(struct sim_mutex *mutex, uint64_t deadline_ns);

bool sim_mutex_is_held(const struct sim_mutex *mutex);

/* Whether any fiber holds one. */
bool sim_mutex_held_by_any(void);
unsigned sim_mutex_held_by_current(void);

#endif
