/* SPDX-License-Identifier: Apache-2.0 */
/* sensor_linux/bpf/share_use.h, compared with a list of what was put into a ring: never less than what is in there, and
 * not more than that and one stretch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor_linux/bpf/share_use.h"

#define RING_BYTES 65536U
#define EVENTS_MAX 20000U

static struct {
    uint64_t position;
    uint32_t bytes;
    unsigned group;
} events[EVENTS_MAX];
static unsigned event_count;
static uint64_t producer, consumer;
static uint32_t seed;

static uint32_t random_below(uint32_t below)
{
    seed = seed * 1664525U + 1013904223U;
    return (seed >> 8) % below;
}

static uint64_t truly_held(unsigned group, uint64_t from)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < event_count; i++)
        if (events[i].group == group && events[i].position >= from)
            bytes += events[i].bytes;
    return bytes;
}

static void put(struct share_use *use, unsigned group, uint32_t bytes)
{
    share_add(&use[group], share_stretch(producer, RING_BYTES), bytes);
    events[event_count].position = producer;
    events[event_count].bytes = bytes;
    events[event_count++].group = group;
    producer += bytes;
}

static void judge(const struct share_use *use)
{
    const uint64_t stretch = RING_BYTES / 8, border = consumer / stretch * stretch;

    for (unsigned group = 0; group < 3; group++) {
        uint64_t held = share_held(&use[group], share_stretch(consumer, RING_BYTES));

        assert_true(held >= truly_held(group, consumer));
        assert_true(held == truly_held(group, border));
    }
}

static void run(uint64_t begin)
{
    struct share_use use[3] = {0};

    producer = consumer = begin;
    event_count = 0;
    while (event_count < 3000) {
        uint32_t bytes = 8 + 8 * random_below(random_below(20) == 0 ? 2000 : 50);

        if (producer + bytes - consumer <= RING_BYTES)
            put(use, random_below(3), bytes);
        else
            consumer += random_below((uint32_t)(producer - consumer) + 1);
        if (random_below(200) == 0)
            consumer = producer; /* all was read; some have nothing in the ring for long */
        if (random_below(10) == 0)
            judge(use);
    }
}

static void test_what_is_held_is_what_was_put_and_not_read(void **state)
{
    (void)state;
    for (seed = 1; seed < 20; seed++) {
        uint32_t again = seed;

        run(0);
        run(RING_BYTES * 12345ULL + 8);
        run((uint64_t)RING_BYTES / 8 * UINT32_MAX - RING_BYTES); /* the numbers of stretches begin anew */
        seed = again;
    }
}

static void test_nobody_holds_nothing(void **state)
{
    const struct share_use use = {0};

    (void)state;
    assert_int_equal(share_held(&use, 0), 0);
    assert_int_equal(share_held(&use, UINT32_MAX), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_held_is_what_was_put_and_not_read),
        cmocka_unit_test(test_nobody_holds_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
