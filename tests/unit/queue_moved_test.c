/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lock that is moved after it was made is what broke the origin of this project (docs/origin.md).
 * Here the move is planted, with memcpy, since the types do not allow an assignment: every call
 * that takes the lock must catch it, every time, before it touches the lock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "muster/cache.h"
#include "muster/queue.h"
#include "unit/test_platform.h"

static union muster_queue_storage queue_home, queue_elsewhere;
static union muster_cache_storage cache_home, cache_elsewhere;
static struct muster_queue *queue;
static struct muster_cache *cache;

static int set_up(void **state)
{
    (void)state;
    const struct muster_queue_config config = {.budget_bytes = MUSTER_QUEUE_BUDGET_MIN,
                                               .stage = MUSTER_STAGE_DRIVER_QUEUE};
    test_platform_reset();
    if (muster_queue_init(&queue_home, &config, &queue) != MUSTER_OK)
        return -1;
    return muster_cache_init(&cache_home, &cache) == MUSTER_OK ? 0 : -1;
}

static void call_start(void *moved)
{
    const struct muster_process_start start = {
        .record = {.type = MUSTER_EVENT_PROCESS_START, .fixed_bytes = sizeof start}};
    (void)muster_queue_push_process_start(moved, &start, NULL, 0);
}

static void call_exit(void *moved)
{
    const struct muster_process_exit exit = {.record = {.type = MUSTER_EVENT_PROCESS_EXIT, .fixed_bytes = sizeof exit}};
    (void)muster_queue_push_process_exit(moved, &exit, NULL, 0);
}

static void call_fork(void *moved)
{
    const struct muster_process_fork fork = {.record = {.type = MUSTER_EVENT_PROCESS_FORK, .fixed_bytes = sizeof fork}};
    (void)muster_queue_push_process_fork(moved, &fork, NULL, 0);
}

static void call_message(void *moved)
{
    (void)muster_queue_push_message(moved, 1, "x", 1);
}

static void call_record(void *moved)
{
    const struct muster_record record = {
        .size_bytes = sizeof record, .type = MUSTER_EVENT_MESSAGE, .version = 1, .fixed_bytes = sizeof record};
    (void)muster_queue_push_record(moved, &record, 0);
}

static void call_extract(void *moved)
{
    struct muster_batch batch = {0};
    if (muster_queue_extract_all(moved, &batch) == MUSTER_OK)
        muster_batch_release(&batch);
}

static void call_would_admit(void *moved)
{
    (void)muster_queue_would_admit(moved, MUSTER_CLASS_START, 100);
}

static void call_is_empty(void *moved)
{
    (void)muster_queue_is_empty(moved);
}

static void call_queue_counts(void *moved)
{
    struct muster_queue_counts counts;
    (void)muster_queue_counts(moved, &counts);
}

static void call_queue_deinit(void *moved)
{
    muster_queue_deinit(moved);
}

static void call_absorb(void *moved)
{
    struct muster_batch batch = {0};
    (void)!muster_cache_absorb(moved, &batch);
}

static void call_lease(void *moved)
{
    struct muster_lease lease;
    (void)!muster_cache_lease(moved, SIZE_MAX, &lease, NULL);
}

static void call_ack(void *moved)
{
    (void)!muster_cache_ack(moved, 1);
}

static void call_cache_counts(void *moved)
{
    struct muster_cache_counts counts;
    (void)muster_cache_counts(moved, &counts);
}

static void call_cache_deinit(void *moved)
{
    muster_cache_deinit(moved);
}

typedef void call(void *moved);

/* deinit comes last: at home it ends the life. */
static call *const queue_calls[] = {call_start,        call_exit,        call_fork,        call_message,
                                    call_record,       call_extract,     call_would_admit, call_is_empty,
                                    call_queue_counts, call_queue_deinit};
static call *const cache_calls[] = {call_absorb, call_lease, call_ack, call_cache_counts, call_cache_deinit};

#define QUEUE_CALLS (sizeof queue_calls / sizeof queue_calls[0])
#define CACHE_CALLS (sizeof cache_calls / sizeof cache_calls[0])

static void expect_caught(call *what, void *moved, const char *text)
{
    const uint64_t locks = test_platform_lock_count();
    const char *panic = test_platform_panic_of(what, moved);

    assert_non_null(panic);
    assert_string_equal(panic, text);
    assert_int_equal(test_platform_lock_count(), locks);
}

#define QUEUE_TEXT "queue moved, or used outside its life"
#define CACHE_TEXT "cache moved, or used outside its life"

static void a_move_is_caught_every_time(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        memcpy(&queue_elsewhere, &queue_home, sizeof queue_home);
        memcpy(&cache_elsewhere, &cache_home, sizeof cache_home);
        for (size_t i = 0; i < QUEUE_CALLS; i++)
            expect_caught(queue_calls[i], &queue_elsewhere, QUEUE_TEXT);
        for (size_t i = 0; i < CACHE_CALLS; i++)
            expect_caught(cache_calls[i], &cache_elsewhere, CACHE_TEXT);
        /* What stayed at home works. */
        for (size_t i = 0; i + 1 < QUEUE_CALLS; i++)
            assert_null(test_platform_panic_of(queue_calls[i], queue));
        for (size_t i = 0; i + 1 < CACHE_CALLS; i++)
            assert_null(test_platform_panic_of(cache_calls[i], cache));
    }
}

/* std::mem::swap of two: each then stands where the other was made. */
static void a_swap_is_caught(void **state)
{
    (void)state;
    const struct muster_queue_config config = {.budget_bytes = MUSTER_QUEUE_BUDGET_MIN,
                                               .stage = MUSTER_STAGE_DRIVER_QUEUE};
    static union muster_queue_storage other_home, spare;
    struct muster_queue *other;

    assert_int_equal(muster_queue_init(&other_home, &config, &other), MUSTER_OK);
    memcpy(&spare, &queue_home, sizeof spare);
    memcpy(&queue_home, &other_home, sizeof spare);
    memcpy(&other_home, &spare, sizeof spare);
    for (size_t i = 0; i < QUEUE_CALLS; i++) {
        expect_caught(queue_calls[i], queue, QUEUE_TEXT);
        expect_caught(queue_calls[i], other, QUEUE_TEXT);
    }
    memcpy(&spare, &queue_home, sizeof spare);
    memcpy(&queue_home, &other_home, sizeof spare);
    memcpy(&other_home, &spare, sizeof spare);
    muster_queue_deinit(other);
}

static void use_after_the_end_is_caught(void **state)
{
    (void)state;
    muster_cache_deinit(cache);
    muster_queue_deinit(queue);
    for (size_t i = 0; i < QUEUE_CALLS; i++)
        expect_caught(queue_calls[i], queue, QUEUE_TEXT);
    for (size_t i = 0; i < CACHE_CALLS; i++)
        expect_caught(cache_calls[i], cache, CACHE_TEXT);
    assert_int_equal(test_platform_live_bytes(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_move_is_caught_every_time),
        cmocka_unit_test(a_swap_is_caught),
        cmocka_unit_test(use_after_the_end_is_caught),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
