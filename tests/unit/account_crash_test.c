/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent that dies at any instruction. The memory that it shares with the kernel side is mapped twice, and its own
 * mapping is protected: so each access stops in a handler here, before it is made. Before each store a copy of that
 * memory is made, as if the agent had died there, and another agent takes the copy over; what both have written is
 * then judged by the truth. The kernel side moves in between. Now and then the agent dies indeed, and its successor
 * runs the same way: so agents die while they take over, too.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash_world.h"
#include "sensor_linux/account.h"
#include "sensor_linux/intake.h"

#define ITEMS_MAX    100
#define DEATH_EVERY  1000 /* stores, about */
#define WORLDS       4
#define WORLDS_DEEP  300
#define TRAP_FLAG    0x100 /* of the processor: stop behind the next instruction */
#define FAULT_STORES 2     /* bit of the page fault's error code */

/* ---- the agent ----------------------------------------------------------------------------------- */

struct item {
    struct muster_gap gap; /* count 0: a record */
    uint64_t sequence;
    uint64_t position;
};

struct agent {
    struct world *world;
    struct intake intake;
    struct item items[ITEMS_MAX];
    unsigned item_count;
    unsigned leased; /* of the items, the first so many */
    bool written;
    uint32_t random;
};

static uint32_t agent_random(struct agent *agent, uint32_t below)
{
    agent->random = agent->random * 1664525U + 1013904223U;
    return (agent->random >> 8) % below;
}

static void agent_open(struct agent *agent, struct world *world)
{
    memset(agent, 0, sizeof(*agent));
    agent->world = world;
    agent->random = world->random + world->agent;
    agent->intake.ring = world_ring(world);
    assert_true(intake_open(&agent->intake, &world->journal, &world->control, world->cpus, WORLD_CPUS));
}

static bool gap_take(void *context, const struct muster_record *record, uint64_t position)
{
    struct agent *agent = context;

    if (agent->item_count == ITEMS_MAX || agent_random(agent, 8) == 0)
        return false;
    memcpy(&agent->items[agent->item_count].gap, record, sizeof(struct muster_gap));
    agent->items[agent->item_count++].position = position;
    return true;
}

static void agent_read(struct agent *agent)
{
    const struct muster_record *record;
    uint64_t position;

    if (agent->item_count == ITEMS_MAX || !(record = intake_next(&agent->intake, &position)))
        return;
    if (agent_random(agent, 8) == 0) {
        intake_unread(&agent->intake, record);
        return;
    }
    agent->items[agent->item_count++] = (struct item){.sequence = record->sequence, .position = position};
}

static void agent_write(struct agent *agent)
{
    if (agent->leased == 0)
        agent->leased = agent->item_count;
    for (unsigned i = 0; i < agent->leased && !agent->written; i++) {
        if (agent->items[i].gap.count > 0)
            world_write_gap(agent->world, &agent->items[i].gap);
        else
            world_write_event(agent->world, agent->items[i].sequence);
    }
    agent->written = agent->leased > 0;
}

static void agent_acknowledge(struct agent *agent)
{
    if (!agent->written)
        return;
    intake_ack(&agent->intake, agent->items[agent->leased - 1].position);
    agent->world->returned[agent->world->agent] = agent->world->line_count;
    agent->item_count -= agent->leased;
    memmove(agent->items, agent->items + agent->leased, agent->item_count * sizeof(*agent->items));
    agent->leased = 0;
    agent->written = false;
}

static bool agent_account(struct agent *agent)
{
    return intake_account(&agent->intake, agent->world->missed, ++agent->world->now_ns, gap_take, agent);
}

static void agent_step(struct agent *agent)
{
    switch (agent_random(agent, 8)) {
    case 0:
        agent_write(agent);
        return;
    case 1:
        agent_acknowledge(agent);
        return;
    case 2:
        (void)agent_account(agent);
        return;
    default:
        agent_read(agent);
        return;
    }
}

static bool agent_is_done(struct agent *agent)
{
    return agent_account(agent) && agent->item_count == 0;
}

static void agent_balance(const struct agent *agent, uint64_t delivered)
{
    struct muster_sensor_counts counts;
    uint64_t dropped = 0;

    intake_counts(&agent->intake, &counts);
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        dropped += counts.dropped[cause];
    assert_int_equal(counts.produced, counts.delivered_before + delivered + counts.filtered + dropped + counts.held);
}

static uint64_t skeletons_count(const struct world *world)
{
    uint64_t count = 0;

    for (size_t i = 0; i < sizeof(world->skeletons) / sizeof(world->skeletons[0]); i++)
        count += world->skeletons[i];
    return count;
}

/* ---- the agent that takes over ------------------------------------------------------------------- */

static struct agent successor;

/* In this process, at full speed. */
static void take_over(struct world *world)
{
    struct agent *agent = &successor;
    const uint64_t *dropped = agent->intake.account.dropped;

    world_succeed(world);
    agent_open(agent, world);
    agent_balance(agent, 0);
    for (unsigned i = world_random(world, 30); i > 0; i--) {
        world_kernel_step(world);
        agent_step(agent);
    }
    world_kernel_finish(world);
    while (!agent_is_done(agent)) {
        agent_write(agent);
        agent_acknowledge(agent);
        for (unsigned i = 0; i < ITEMS_MAX; i++)
            agent_read(agent);
    }
    world_judge(world);
    agent_balance(agent, agent->intake.account.read);
    assert_int_equal(agent->intake.account.acknowledged, world_count(world, WORLD_IN_RING));
    assert_int_equal(agent->intake.account.skeletons_acknowledged, skeletons_count(world));
    assert_int_equal(agent->intake.account.filtered, world_count(world, WORLD_FILTERED));
    assert_int_equal(account_held(&agent->intake.account, world->control.sequence & SENSOR_SEQUENCE_MASK), 0);
    assert_int_equal(dropped[MUSTER_CAUSE_UNEXPLAINED], 0);
    assert_int_equal(dropped[MUSTER_CAUSE_RING_FULL] + dropped[MUSTER_CAUSE_CLASS_SHED] +
                         dropped[MUSTER_CAUSE_RECORD_INVALID],
                     world_count(world, WORLD_LOST));
    intake_deinit(&agent->intake);
}

/* ---- the agent that dies ------------------------------------------------------------------------- */

static struct {
    struct world *world;     /* for the kernel side and for us */
    struct world *protected; /* the same, for the agent */
    int protection;          /* PROT_READ: it is stopped before stores; PROT_NONE: before each access */
    sigjmp_buf death;
    uint64_t stores, accesses, deaths, lost, filtered, lines;
    uint64_t stores_to_live;
} harness;

static struct world copy;
static struct agent mortal;

/* Of the sink only how many lines it has: they count when that is stored. */
static void protect(int protection)
{
    if (mprotect(harness.protected, offsetof(struct world, lines), protection) != 0)
        abort();
}

static void on_access(int number, siginfo_t *information, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const char *begin = (const char *)harness.protected, *at = information->si_addr;
    struct world *world = harness.world;

    if (at < begin || at >= begin + sizeof(struct world)) {
        signal(number, SIG_DFL);
        return;
    }
    harness.accesses++;
    if (registers[REG_ERR] & FAULT_STORES) {
        harness.stores++;
        copy = *world;
        take_over(&copy);
        if (harness.stores_to_live-- == 0)
            siglongjmp(harness.death, 1);
    }
    if (world_random(world, 12) == 0)
        world_kernel_step(world);
    protect(PROT_READ | PROT_WRITE);
    registers[REG_EFL] |= TRAP_FLAG;
}

/* The access has been made. */
static void on_step(int number, siginfo_t *information, void *context)
{
    (void)number;
    (void)information;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
    protect(harness.protection);
}

static void handlers_set(void)
{
    struct sigaction access = {.sa_sigaction = on_access, .sa_flags = SA_SIGINFO | SA_NODEFER};
    struct sigaction step = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO | SA_NODEFER};

    sigaction(SIGSEGV, &access, NULL);
    sigaction(SIGTRAP, &step, NULL);
}

static void world_map(void)
{
    int fd = memfd_create("world", MFD_CLOEXEC);
    size_t size = sizeof(struct world);

    assert_true(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
    harness.world = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    harness.protected = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(harness.world != MAP_FAILED && harness.protected != MAP_FAILED);
    close(fd);
}

/* To its death, or to the end of the world. */
static void agent_live(void)
{
    struct world *world = harness.world;

    harness.stores_to_live = world_random(world, 2 * DEATH_EVERY);
    if (sigsetjmp(harness.death, 1) == 0) {
        protect(harness.protection);
        agent_open(&mortal, harness.protected);
        while (!world_is_used_up(world)) {
            world_kernel_step(world);
            agent_step(&mortal);
        }
    }
    protect(PROT_READ | PROT_WRITE);
    harness.deaths++;
}

static void world_live(uint32_t seed)
{
    struct world *world = harness.world;

    world_begin(world, seed);
    account_journal_begin(&world->journal, world->now_ns);
    harness.protection = seed % 2 ? PROT_READ : PROT_NONE;
    do {
        agent_live();
        if (!world_is_used_up(world))
            world_succeed(world);
    } while (!world_is_used_up(world));
    take_over(world);
    harness.lost += world_count(world, WORLD_LOST);
    harness.filtered += world_count(world, WORLD_FILTERED);
    harness.lines += world->line_count;
}

static void test_nothing_is_lost_or_told_twice_wherever_an_agent_dies(void **state)
{
    uint32_t worlds = getenv("MUSTER_DEEP") ? WORLDS_DEEP : WORLDS;

    (void)state;
    world_map();
    handlers_set();
    for (uint32_t seed = 1; seed <= worlds; seed++)
        world_live(seed);
    print_message("%llu accesses, %llu stores, %llu deaths, %llu lines, %llu lost\n",
                  (unsigned long long)harness.accesses, (unsigned long long)harness.stores,
                  (unsigned long long)harness.deaths, (unsigned long long)harness.lines,
                  (unsigned long long)harness.lost);
    /* Else this would show nothing. */
    assert_true(harness.stores > 1000 && harness.deaths > worlds && harness.lost > 0 && harness.filtered > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_lost_or_told_twice_wherever_an_agent_dies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
