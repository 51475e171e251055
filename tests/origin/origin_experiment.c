/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The experiments of docs/origin.md. Each runs in a process of its own, since some end by a broken rule or a
 * crash; one line says what came of it.
 *
 *     origin_experiment            all of them, as a table
 *     origin_experiment NAME       one, in this process: for a debugger or a sanitizer
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "muster/queue.h"
#include "platform/nt_platform.h"
#include "simulated_nt.h"
#include "tests/origin/origin_queue.h"

static struct origin_queue *queue;

static void make(enum origin_variant variant, unsigned checks)
{
    sim_event_checks(checks);
    queue = origin_queue_new(variant);
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* ---- one thread -------------------------------------------------------------------------------- */

static void use_alone(void)
{
    size_t count = 0, sum = 0;

    for (unsigned i = 0; i < 1000; i++) {
        origin_add_message(queue);
        if (origin_extract_all(queue, NULL, NULL, &count))
            sum += count;
    }
    printf("works: %zu messages in, %zu out\n", (size_t)1000, sum);
}

/* ---- two threads ------------------------------------------------------------------------------- */

static void *add_one(void *context)
{
    (void)context;
    origin_add_message(queue);
    return NULL;
}

/* With the lock held: another thread comes, and waits. */
static void meet(void *context)
{
    pthread_t *other = context;

    if (pthread_create(other, NULL, add_one, NULL) != 0)
        abort();
    while (origin_contention(queue) == 0)
        sleep_ms(1);
    sleep_ms(20);
}

static void use_together(void)
{
    size_t count = 0;
    pthread_t other;

    for (unsigned i = 0; i < 20; i++) {
        origin_add_message(queue);
        if (!origin_extract_all(queue, meet, &other, &count))
            abort();
        (void)pthread_join(other, NULL);
        if (!origin_extract_all(queue, NULL, NULL, &count))
            abort();
    }
    printf("works: two threads met %u times\n", origin_contention(queue));
}

/*
 * What the stray write hits. This function's array lies where the mutex was made, in a function that has
 * returned since: it is the innocent neighbour.
 */
#define BYSTANDER_BYTES 16384
#define UNTOUCHED       0x11

struct meeting {
    pthread_t other;
    const unsigned char *bystander;
};

static void look_at_bystander(const unsigned char *bystander)
{
    const uintptr_t stale = origin_list_points_to(queue);

    for (size_t i = 0; i + 8 <= BYSTANDER_BYTES; i++) {
        uint64_t now;
        if (bystander[i] == UNTOUCHED)
            continue;
        i -= i % 8;
        memcpy(&now, bystander + i, sizeof now);
        printf("stray write: 8 bytes of another function's array, %s, now lead to the waiter's stack; then ",
               (uintptr_t)(bystander + i) == stale ? "where the list head of the moved event points" : "elsewhere");
        fflush(stdout);
        return;
    }
    printf("no stray write seen; ");
}

static void meet_and_look(void *context)
{
    struct meeting *meeting = context;

    meet(&meeting->other);
    look_at_bystander(meeting->bystander);
}

__attribute__((noinline)) static void use_beside_a_bystander(void)
{
    volatile unsigned char bystander[BYSTANDER_BYTES];
    struct meeting meeting = {.bystander = (const unsigned char *)(uintptr_t)bystander};
    size_t count;

    for (size_t i = 0; i < sizeof bystander; i++)
        bystander[i] = UNTOUCHED;
    origin_add_message(queue);
    (void)origin_extract_all(queue, meet_and_look, &meeting, &count);
    (void)pthread_join(meeting.other, NULL);
    printf("went on\n");
}

/* ---- take or swap ------------------------------------------------------------------------------ */

static void compare(void)
{
    const struct origin_comparison comparison = origin_compare_swap_and_take();

    printf("the queue's bytes after either: %s; what came out: %s; the lock's bytes: %s\n",
           comparison.same_queue ? "the same" : "different", comparison.same_result ? "the same" : "different",
           comparison.lock_untouched ? "untouched" : "changed");
}

/* ---- muster_queue ------------------------------------------------------------------------------ */

/* A move that the types do not allow, planted with memcpy, past the canary too. */
static void move_muster_queue(bool past_the_canary)
{
    static union muster_queue_storage home, elsewhere;
    const struct muster_queue_config config = {.budget_bytes = MUSTER_QUEUE_BUDGET_MIN,
                                               .stage = MUSTER_STAGE_DRIVER_QUEUE};
    struct muster_queue *made;
    void *self = &elsewhere;

    muster_nt_platform_init();
    if (muster_queue_init(&home, &config, &made) != MUSTER_OK)
        abort();
    memcpy(&elsewhere, &home, sizeof home);
    if (past_the_canary)
        memcpy(&elsewhere, &self, sizeof self); /* the canary is its first word */
    (void)muster_queue_push_message((struct muster_queue *)(void *)&elsewhere, 1, "x", 1);
    printf("works\n");
}

/* ---- the table --------------------------------------------------------------------------------- */

#define BOTH (SIM_CHECK_REGISTRY | SIM_CHECK_LIST)

static void swap_alone_unchecked(void)
{
    make(ORIGIN_SWAP, 0);
    use_alone();
}

static void take_alone_unchecked(void)
{
    make(ORIGIN_TAKE, 0);
    use_alone();
}

static void swap_alone_checked(void)
{
    make(ORIGIN_SWAP, BOTH);
    use_alone();
}

static void take_alone_checked(void)
{
    make(ORIGIN_TAKE, BOTH);
    use_alone();
}

static void swap_together_list_checked(void)
{
    make(ORIGIN_SWAP, SIM_CHECK_LIST);
    use_together();
}

static void take_together_list_checked(void)
{
    make(ORIGIN_TAKE, SIM_CHECK_LIST);
    use_together();
}

static void swap_together_unchecked(void)
{
    make(ORIGIN_SWAP, 0);
    use_beside_a_bystander();
}

static void take_together_unchecked(void)
{
    make(ORIGIN_TAKE, 0);
    use_beside_a_bystander();
}

static void whole_alone_unchecked(void)
{
    make(ORIGIN_TAKE_WHOLE, 0);
    use_alone();
}

static void whole_together_unchecked(void)
{
    make(ORIGIN_TAKE_WHOLE, 0);
    use_together();
}

static void in_place_alone_checked(void)
{
    make(ORIGIN_IN_PLACE, BOTH);
    use_alone();
}

static void in_place_together_checked(void)
{
    make(ORIGIN_IN_PLACE, BOTH);
    use_together();
}

static void muster_moved(void)
{
    move_muster_queue(false);
}

static void muster_moved_past_the_canary(void)
{
    move_muster_queue(true);
}

static const struct experiment {
    const char *name;
    void (*run)(void);
} experiments[] = {
    {"swap-and-take-compared", compare},
    {"swap-alone-unchecked", swap_alone_unchecked},
    {"take-alone-unchecked", take_alone_unchecked},
    {"swap-alone-checked", swap_alone_checked},
    {"take-alone-checked", take_alone_checked},
    {"swap-together-list-checked", swap_together_list_checked},
    {"take-together-list-checked", take_together_list_checked},
    {"swap-together-unchecked", swap_together_unchecked},
    {"take-together-unchecked", take_together_unchecked},
    {"whole-alone-unchecked", whole_alone_unchecked},
    {"whole-together-unchecked", whole_together_unchecked},
    {"in-place-alone-checked", in_place_alone_checked},
    {"in-place-together-checked", in_place_together_checked},
    {"muster-queue-moved", muster_moved},
    {"muster-queue-moved-past-the-canary", muster_moved_past_the_canary},
};

#define COUNT (sizeof experiments / sizeof *experiments)

/* The first line of what it said; the rest is where. */
static void print_first_line(FILE *output)
{
    char line[512];

    rewind(output);
    if (fgets(line, sizeof line, output) != NULL)
        printf("%.*s", (int)strcspn(line, "\n"), line);
}

static void run_apart(const struct experiment *experiment)
{
    FILE *output = tmpfile(), *errors = tmpfile();
    int status;
    pid_t child;

    if (output == NULL || errors == NULL)
        abort();
    fflush(stdout);
    child = fork();
    if (child == 0) {
        dup2(fileno(output), STDOUT_FILENO);
        dup2(fileno(errors), STDERR_FILENO);
        alarm(20);
        experiment->run();
        fflush(stdout);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    printf("%-36s", experiment->name);
    print_first_line(output);
    print_first_line(errors);
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGABRT)
        printf("%s", WTERMSIG(status) == SIGALRM ? "hangs" : strsignal(WTERMSIG(status)));
    puts("");
    fclose(output);
    fclose(errors);
}

int main(int count, char **arguments)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (count > 1 && strcmp(arguments[1], experiments[i].name) == 0) {
            experiments[i].run();
            return 0;
        }
    }
    if (count > 1) {
        fprintf(stderr, "there is no experiment '%s'\n", arguments[1]);
        return 2;
    }
    for (size_t i = 0; i < COUNT; i++)
        run_apart(&experiments[i]);
    return 0;
}
