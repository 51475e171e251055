/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a BPF ring in place, over memory laid out as the kernel's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sensor_linux/ring.h"

#define BYTES     64U
#define BUSY      (1U << 31)
#define DISCARDED (1U << 30)

static uint64_t consumer, producer;
static uint64_t memory[2 * BYTES / 8];
static struct ring ring;

static int setup(void **state)
{
    (void)state;
    consumer = producer = 0;
    memset(memory, 0, sizeof(memory));
    ring = (struct ring){.consumer_position = &consumer,
                         .producer_position = &producer,
                         .data = (const unsigned char *)memory,
                         .size_bytes = BYTES};
    return 0;
}

/* Twice, as both mappings show the same page. */
static void header_set(uint64_t position, uint32_t header)
{
    uint64_t offset = position % BYTES;

    memcpy((unsigned char *)memory + offset, &header, sizeof(header));
    memcpy((unsigned char *)memory + offset + BYTES, &header, sizeof(header));
}

static uint64_t put(uint32_t size, uint32_t flags)
{
    uint64_t at = producer;

    header_set(at, size | flags);
    producer += (8 + size + 7) & ~7U;
    return at;
}

static const void *data_at(uint64_t position)
{
    return (const unsigned char *)memory + position % BYTES + 8;
}

static void test_an_empty_ring_has_nothing(void **state)
{
    uint32_t size;

    (void)state;
    assert_null(ring_next(&ring, &size));
    assert_false(ring_has_more(&ring));
}

static void test_records_come_in_order_and_stay_until_acknowledged(void **state)
{
    uint64_t first = put(5, 0), second = put(16, 0);
    uint32_t size;

    (void)state;
    assert_ptr_equal(ring_next(&ring, &size), data_at(first));
    assert_int_equal(size, 5);
    assert_ptr_equal(ring_next(&ring, &size), data_at(second));
    assert_int_equal(size, 16);
    assert_null(ring_next(&ring, &size));
    assert_int_equal(consumer, 0);
    ring_ack(&ring, second);
    assert_int_equal(consumer, second);
}

static void test_an_unfinished_record_is_not_passed(void **state)
{
    uint64_t first = put(8, BUSY);
    uint32_t size;

    (void)state;
    put(8, 0);
    assert_null(ring_next(&ring, &size));
    assert_true(ring_has_more(&ring));
    header_set(first, 8);
    assert_ptr_equal(ring_next(&ring, &size), data_at(first));
}

static void test_a_discarded_record_is_stepped_over(void **state)
{
    uint64_t second;
    uint32_t size;

    (void)state;
    put(24, DISCARDED);
    second = put(8, 0);
    assert_ptr_equal(ring_next(&ring, &size), data_at(second));
}

static void test_positions_go_on_behind_the_end(void **state)
{
    uint32_t size;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        uint64_t at = put(i % 3 * 8, 0);

        assert_ptr_equal(ring_next(&ring, &size), data_at(at));
        assert_int_equal(size, i % 3 * 8);
        ring_ack(&ring, ring.position);
    }
    assert_int_equal(consumer, producer);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_empty_ring_has_nothing),          TEST(test_records_come_in_order_and_stay_until_acknowledged),
        TEST(test_an_unfinished_record_is_not_passed), TEST(test_a_discarded_record_is_stepped_over),
        TEST(test_positions_go_on_behind_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
