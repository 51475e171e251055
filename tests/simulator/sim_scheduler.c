/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_scheduler.h: fibers by ucontext(3), and who runs next.
 *
 * swapcontext(3) asks the kernel for the signal mask each time, which takes longer than all the rest; so it is used to
 * begin a fiber, and longjmp to go on with it. AddressSanitizer has to be told of every change, and is told.
 */
#include "sim_scheduler.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "sim_journal.h"
#include "sim_random.h"

#if defined(__SANITIZE_ADDRESS__)
#define SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIM_ASAN 1
#endif
#endif
#ifndef SIM_ASAN
#define SIM_ASAN 0
#endif

#if SIM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#define FIBERS_MAX  48
#define STACK_BYTES (256U * 1024U)

struct fiber {
    const char *name;
    enum fiber_group group;
    unsigned weight;
    bool used;
    bool begun;
    bool waiting;
    bool woken;
    uint64_t deadline_ns;
    struct sim_mutex *wanted; /* waits for it */
    unsigned mutexes_held;
    int saved_errno;
    void (*body)(void *context);
    void *context;
    ucontext_t start;
    jmp_buf place;
    void *sanitizer_stack;
};

static struct {
    struct schedule schedule;
    struct sim_random random;
    uint64_t now_ns;
    uint64_t points;
    uint64_t points_left;
    struct fiber fibers[FIBERS_MAX];
    struct fiber *current; /* NULL: nobody runs */
    unsigned char *stacks;
    ucontext_t outside;
    jmp_buf outside_place;
    void *outside_sanitizer_stack;
    const void *outside_bottom;
    size_t outside_bytes;
    uint64_t interrupt_at;
    void (*interrupt)(void);
    unsigned observe_every, observe_left;
    void (*observer)(void);
} scheduler;

/* ---- changing from one to the other ----------------------------------------------------------------- */

static unsigned char *stack_of(const struct fiber *fiber)
{
    return scheduler.stacks + (size_t)(fiber - scheduler.fibers) * STACK_BYTES;
}

/* `fake`: where the sanitizer keeps what belongs to who leaves; NULL where that never comes back. */
static void leave_announce(void **fake, const struct fiber *to)
{
#if SIM_ASAN
    __sanitizer_start_switch_fiber(fake, to ? stack_of(to) : scheduler.outside_bottom,
                                   to ? STACK_BYTES : scheduler.outside_bytes);
#else
    (void)fake;
    (void)to;
#endif
}

/* Who had the stack before may have ended in the middle. */
static void stack_clean(struct fiber *fiber)
{
#if SIM_ASAN
    __asan_unpoison_memory_region(stack_of(fiber), STACK_BYTES);
#else
    (void)fiber;
#endif
}

/* The first that arrives comes from outside, and so learns where that stack is. */
static void arrival_announce(void *fake)
{
#if SIM_ASAN
    if (!scheduler.outside_bottom)
        __sanitizer_finish_switch_fiber(fake, &scheduler.outside_bottom, &scheduler.outside_bytes);
    else
        __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#else
    (void)fake;
#endif
}

static struct fiber *choose(void);

_Noreturn static void fiber_go(struct fiber *to);

static void outside_go(void)
{
    scheduler.current = NULL;
#if SIM_ASAN
    setcontext(&scheduler.outside);
#else
    longjmp(scheduler.outside_place, 1);
#endif
}

static void fiber_main(void)
{
    struct fiber *fiber = scheduler.current;
    struct fiber *next;

    arrival_announce(NULL);
    errno = 0;
    fiber->body(fiber->context);
    fiber->used = false;
    next = choose();
    leave_announce(NULL, next);
    if (next)
        fiber_go(next);
    outside_go();
}

/* On to a fiber, without a way back for who calls. */
static void fiber_go(struct fiber *to)
{
    scheduler.current = to;
    if (!to->begun) {
        to->begun = true;
        stack_clean(to);
        getcontext(&to->start);
        to->start.uc_stack.ss_sp = stack_of(to);
        to->start.uc_stack.ss_size = STACK_BYTES;
        to->start.uc_link = NULL;
        makecontext(&to->start, fiber_main, 0);
        setcontext(&to->start);
    }
#if SIM_ASAN
    setcontext(&to->start);
#else
    longjmp(to->place, 1);
#endif
    sim_fail("the simulator could not change to another fiber");
}

/* The current fiber goes on when it is chosen again. */
static void fiber_change(struct fiber *to)
{
    struct fiber *from = scheduler.current;

    if (to == from)
        return;
    from->saved_errno = errno;
    leave_announce(&from->sanitizer_stack, to);
#if SIM_ASAN
    {
        volatile bool back = false;

        getcontext(&from->start);
        if (!back) {
            back = true;
            fiber_go(to);
        }
    }
#else
    if (setjmp(from->place) == 0)
        fiber_go(to);
#endif
    arrival_announce(from->sanitizer_stack);
    errno = from->saved_errno;
}

/* ---- who is next -------------------------------------------------------------------------------------- */

static bool can_run(struct fiber *fiber)
{
    if (!fiber->used)
        return false;
    if (fiber->wanted)
        return fiber->wanted->owner == NULL;
    return !fiber->waiting || fiber->woken || fiber->deadline_ns <= scheduler.now_ns;
}

static uint64_t earliest_deadline(void)
{
    uint64_t earliest = NEVER;

    for (size_t i = 0; i < FIBERS_MAX; i++) {
        const struct fiber *fiber = &scheduler.fibers[i];

        if (fiber->used && fiber->waiting && !fiber->wanted && fiber->deadline_ns < earliest)
            earliest = fiber->deadline_ns;
    }
    return earliest;
}

static struct fiber *choose_ready(void)
{
    struct fiber *ready[FIBERS_MAX];
    uint64_t total = 0, chosen;
    size_t count = 0;

    for (size_t i = 0; i < FIBERS_MAX; i++)
        if (can_run(&scheduler.fibers[i])) {
            ready[count++] = &scheduler.fibers[i];
            total += scheduler.fibers[i].weight;
        }
    if (count < 2)
        return count ? ready[0] : NULL;
    chosen = random_below(&scheduler.random, total);
    for (size_t i = 0; i < count; i++) {
        if (chosen < ready[i]->weight)
            return ready[i];
        chosen -= ready[i]->weight;
    }
    return ready[0];
}

static bool any_left(void)
{
    for (size_t i = 0; i < FIBERS_MAX; i++)
        if (scheduler.fibers[i].used)
            return true;
    return false;
}

static void points_draw(void)
{
    scheduler.points_left = 1 + random_below(&scheduler.random, 2ULL * scheduler.schedule.points_between);
}

static void observe(void)
{
    struct fiber *current = scheduler.current;

    if (!scheduler.observer || --scheduler.observe_left > 0)
        return;
    scheduler.observe_left = scheduler.observe_every;
    scheduler.current = NULL;
    scheduler.observer();
    scheduler.current = current;
}

/* NULL where nobody is left. */
static struct fiber *choose(void)
{
    struct fiber *next;
    uint64_t earliest;

    observe();
    points_draw();
    while ((next = choose_ready()) == NULL) {
        if (!any_left())
            return NULL;
        earliest = earliest_deadline();
        if (earliest == NEVER)
            sim_fail("everybody waits for somebody else");
        scheduler.now_ns = earliest;
    }
    journal_note("runs", (uint64_t)(next - scheduler.fibers), scheduler.points);
    return next;
}

/* ---- what the simulation calls ------------------------------------------------------------------------- */

void sim_point(void)
{
    if (!scheduler.current)
        return;
    scheduler.points++;
    scheduler.now_ns += 1 + scheduler.random.state % scheduler.schedule.point_cost_ns;
    if (scheduler.points == scheduler.interrupt_at)
        scheduler.interrupt();
    if (--scheduler.points_left > 0)
        return;
    if (scheduler.points > scheduler.schedule.points_most)
        sim_fail("no end in sight after %llu points", (unsigned long long)scheduler.points);
    fiber_change(choose());
}

bool fiber_wait(uint64_t deadline_ns)
{
    struct fiber *fiber = scheduler.current;
    bool woken;

    fiber->deadline_ns = deadline_ns;
    fiber->waiting = true;
    fiber_change(choose());
    woken = fiber->woken;
    fiber->waiting = false;
    fiber->woken = false;
    return woken;
}

void fiber_wake(struct fiber *fiber)
{
    if (fiber && fiber->waiting)
        fiber->woken = true;
}

void fiber_sleep(uint64_t duration_ns)
{
    uint64_t end_ns = scheduler.now_ns + duration_ns;

    do
        (void)fiber_wait(end_ns);
    while (scheduler.now_ns < end_ns);
}

void sim_mutex_lock(struct sim_mutex *mutex)
{
    struct fiber *fiber = scheduler.current;

    sim_point();
    if (!fiber) {
        if (mutex->owner)
            sim_fail("the simulator itself takes a mutex that is held");
        return;
    }
    while (mutex->owner) {
        if (mutex->owner == fiber)
            sim_fail("a mutex is taken twice");
        fiber->wanted = mutex;
        fiber_change(choose());
        fiber->wanted = NULL;
    }
    mutex->owner = fiber;
    fiber->mutexes_held++;
    sim_point();
}

void sim_mutex_unlock(struct sim_mutex *mutex)
{
    struct fiber *fiber = scheduler.current;

    if (!fiber)
        return;
    sim_point();
    if (mutex->owner != fiber)
        sim_fail("a mutex is let go that is not held");
    mutex->owner = NULL;
    fiber->mutexes_held--;
    sim_point();
}

void sim_mutex_unlock_and_wait(struct sim_mutex *mutex, uint64_t deadline_ns)
{
    if (mutex->owner != scheduler.current)
        sim_fail("a mutex is let go that is not held");
    mutex->owner = NULL;
    scheduler.current->mutexes_held--;
    (void)fiber_wait(deadline_ns);
}

bool sim_mutex_is_held(const struct sim_mutex *mutex)
{
    return mutex->owner != NULL;
}

bool sim_mutex_held_by_any(void)
{
    for (size_t i = 0; i < FIBERS_MAX; i++)
        if (scheduler.fibers[i].used && scheduler.fibers[i].mutexes_held > 0)
            return true;
    return false;
}

unsigned sim_mutex_held_by_current(void)
{
    return scheduler.current ? scheduler.current->mutexes_held : 0;
}

struct fiber *fiber_start(const char *name, enum fiber_group group, unsigned weight, void (*body)(void *context),
                          void *context)
{
    for (size_t i = 0; i < FIBERS_MAX; i++) {
        struct fiber *fiber = &scheduler.fibers[i];

        if (fiber->used || fiber == scheduler.current)
            continue;
        memset(fiber, 0, sizeof(*fiber));
        fiber->name = name;
        fiber->group = group;
        fiber->weight = weight;
        fiber->body = body;
        fiber->context = context;
        fiber->used = true;
        return fiber;
    }
    sim_fail("too many fibers");
}

struct fiber *fiber_current(void)
{
    return scheduler.current;
}

void fiber_weight_set(struct fiber *fiber, unsigned weight)
{
    fiber->weight = weight;
}

/* Who called may be at its end, too. */
static void go_on_unless_ended(void)
{
    struct fiber *next;

    if (!scheduler.current || scheduler.current->used)
        return;
    next = choose();
    leave_announce(NULL, next);
    if (next)
        fiber_go(next);
    outside_go();
}

void fiber_group_end(enum fiber_group group)
{
    for (size_t i = 0; i < FIBERS_MAX; i++)
        if (scheduler.fibers[i].group == group)
            scheduler.fibers[i].used = false;
    go_on_unless_ended();
}

void fiber_all_end(void)
{
    for (size_t i = 0; i < FIBERS_MAX; i++)
        scheduler.fibers[i].used = false;
    go_on_unless_ended();
}

void scheduler_interrupt(uint64_t after_points, void (*at)(void))
{
    scheduler.interrupt_at = after_points ? scheduler.points + after_points : 0;
    scheduler.interrupt = at;
}

void scheduler_observe(unsigned every, void (*observer)(void))
{
    scheduler.observe_every = every;
    scheduler.observe_left = every;
    scheduler.observer = observer;
}

uint64_t sim_now_ns(void)
{
    return scheduler.now_ns;
}

uint64_t sim_point_count(void)
{
    return scheduler.points;
}

const char *sim_name(void)
{
    return scheduler.current ? scheduler.current->name : "outside";
}

/* ---- life ------------------------------------------------------------------------------------------------- */

void scheduler_begin(const struct schedule *schedule)
{
    unsigned char *stacks = scheduler.stacks;

    if (!stacks) {
        stacks = mmap(NULL, (size_t)FIBERS_MAX * STACK_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (stacks == MAP_FAILED)
            sim_fail("no memory for stacks");
    }
    memset(&scheduler, 0, sizeof(scheduler));
    scheduler.stacks = stacks;
    scheduler.schedule = *schedule;
    scheduler.random.state = schedule->seed;
}

void scheduler_run(void)
{
    struct fiber *first = choose();

    if (!first)
        return;
    leave_announce(&scheduler.outside_sanitizer_stack, first);
#if SIM_ASAN
    {
        volatile bool back = false;

        getcontext(&scheduler.outside);
        if (!back) {
            back = true;
            fiber_go(first);
        }
    }
#else
    if (setjmp(scheduler.outside_place) == 0)
        fiber_go(first);
#endif
    arrival_announce(scheduler.outside_sanitizer_stack);
}
