/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fault plan: which calls fail on purpose, and how long threads linger at lock edges. Set by tests
 * through simulated_nt.h, asked by whatever can fail.
 */
#include <execinfo.h>

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/sim_internal.h"

#define SITES_MAX 4096
/* A driver's allocator is often one function that all others call, so a site is a path of calls:
 * the innermost frames of the driver and whoever called it. */
#define SITE_FRAMES    6
#define SKIPPED_FRAMES 3 /* site_of, sim_fault_here, the NT function */

static struct sim_host_lock plan_lock;
static struct {
    uint64_t countdown; /* to the failing call; 0: none */
    bool forever;
    bool each_site_once;
    size_t site_count;
    uint64_t sites[SITES_MAX];
    uint64_t attempted;
    uint64_t failed;
} plan;
static uint64_t delay_seed;

static void plan_enter(void)
{
    sim_own_begin();
    sim_host_lock_acquire(&plan_lock);
}

static void plan_leave(void)
{
    sim_host_lock_release(&plan_lock);
    sim_own_end();
}

void sim_fault_reset(void)
{
    plan_enter();
    plan.countdown = 0;
    plan.forever = false;
    plan.each_site_once = false;
    plan.site_count = 0;
    plan.attempted = 0;
    plan.failed = 0;
    plan_leave();
}

void sim_fault_allocation(uint64_t nth, bool forever)
{
    plan_enter();
    plan.countdown = nth;
    plan.forever = forever;
    plan_leave();
}

void sim_fault_each_call_site_once(void)
{
    plan_enter();
    plan.each_site_once = true;
    plan.site_count = 0;
    plan_leave();
}

static uint64_t site_of(const char *call, void *return_address)
{
    void *frames[SKIPPED_FRAMES + SITE_FRAMES];
    const int count = backtrace(frames, SKIPPED_FRAMES + SITE_FRAMES);
    uint64_t hash = (uint64_t)(uintptr_t)call ^ (uint64_t)(uintptr_t)return_address << 20;

    for (int i = SKIPPED_FRAMES; i < count; i++)
        hash = (hash ^ (uint64_t)(uintptr_t)frames[i]) * 0x100000001b3ULL;
    return hash;
}

/* True the first time that this site is seen. */
static bool note_site(uint64_t site)
{
    for (size_t i = 0; i < plan.site_count; i++)
        if (plan.sites[i] == site)
            return false;
    if (plan.site_count == SITES_MAX)
        return false;
    plan.sites[plan.site_count++] = site;
    return true;
}

static bool countdown_fails(void)
{
    if (plan.countdown == 0)
        return false;
    if (plan.countdown > 1) {
        plan.countdown--;
        return false;
    }
    if (!plan.forever)
        plan.countdown = 0;
    return true;
}

bool sim_fault_here(const char *call, void *return_address)
{
    plan_enter();
    plan.attempted++;
    bool fails = countdown_fails();
    if (plan.each_site_once && note_site(site_of(call, return_address)))
        fails = true;
    if (fails)
        plan.failed++;
    plan_leave();
    return fails;
}

static uint64_t plan_read(const uint64_t *field)
{
    plan_enter();
    const uint64_t value = *field;
    plan_leave();
    return value;
}

uint64_t sim_fault_attempts(void)
{
    return plan_read(&plan.attempted);
}

uint64_t sim_fault_failures(void)
{
    return plan_read(&plan.failed);
}

size_t sim_fault_sites(void)
{
    plan_enter();
    const size_t count = plan.site_count;
    plan_leave();
    return count;
}

void sim_delay_seed(uint64_t seed)
{
    __atomic_store_n(&delay_seed, seed, __ATOMIC_RELAXED);
}

/* splitmix64, Sebastiano Vigna, public domain. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15ULL;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebULL;
    return mixed ^ mixed >> 31;
}

/* Most edges pass at once, some yield, few sleep: enough to turn the order of threads around. */
void sim_delay_here(void)
{
    const uint64_t seed = __atomic_load_n(&delay_seed, __ATOMIC_RELAXED);
    if (seed == 0)
        return;
    struct sim_thread *self = sim_thread_self();
    if (self->random_seed != seed) {
        self->random_seed = seed;
        self->random_state = seed ^ self->thread_id << 32;
    }
    const uint64_t drawn = random_next(&self->random_state) % 100;
    if (drawn < 2)
        sim_host_sleep_ns(1000 * (1 + drawn * 40));
    else if (drawn < 20)
        sim_host_yield();
}
