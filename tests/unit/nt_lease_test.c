/* SPDX-License-Identifier: Apache-2.0 */
/* What a READ of the driver's device brings is hostile until nt_lease.c has looked at it. */
/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "agent/nt_lease.h"

#define EPOCH 0x1122334455667788ULL
#define EXIT  sizeof(struct muster_process_exit)

/* A reply with `count` exits, numbered from 1. */
struct reply {
    struct muster_nt_read_header header;
    struct muster_process_exit exits[4];
};

static struct reply reply_make(uint32_t count)
{
    struct reply reply = {.header = {.epoch = EPOCH,
                                     .lease_id = count ? 77 : 0,
                                     .record_count = count,
                                     .record_bytes = (uint32_t)(count * EXIT)}};

    for (uint32_t i = 0; i < count; i++)
        reply.exits[i].record = (struct muster_record){.size_bytes = EXIT,
                                                       .type = MUSTER_EVENT_PROCESS_EXIT,
                                                       .version = MUSTER_RECORD_VERSION,
                                                       .sequence = i + 1,
                                                       .fixed_bytes = EXIT};
    return reply;
}

static size_t got(uint32_t count)
{
    return sizeof(struct muster_nt_read_header) + count * EXIT;
}

static void assert_next(struct nt_lease *lease, uint64_t sequence, uint64_t position)
{
    uint64_t at = 0;
    uint32_t lost = 9;
    const struct muster_record *record = nt_lease_next(lease, &at, &lost);

    assert_non_null(record);
    assert_int_equal(record->sequence, sequence);
    assert_int_equal(at, position);
    assert_int_equal(lost, 0);
    assert_int_equal(lease->given_position, position);
}

static void assert_end(struct nt_lease *lease, uint32_t lost_expected)
{
    uint64_t at = 0;
    uint32_t lost = 9;

    assert_null(nt_lease_next(lease, &at, &lost));
    assert_int_equal(lost, lost_expected);
    assert_true(nt_lease_is_read(lease));
    assert_null(nt_lease_next(lease, &at, &lost));
    assert_int_equal(lost, 0); /* told once */
}

static void test_records_come_in_order(void **state)
{
    (void)state;
    struct reply reply = reply_make(3);
    struct nt_lease lease = {0};

    assert_true(nt_lease_is_read(&lease));
    assert_true(nt_lease_open(&lease, &reply, got(3), EPOCH));
    assert_int_equal(lease.id, 77);
    assert_false(nt_lease_is_read(&lease));
    assert_int_equal(lease.given_position, 0); /* nothing to acknowledge yet */
    assert_next(&lease, 1, EXIT);
    assert_next(&lease, 2, 2 * EXIT);
    nt_lease_unread(&lease);
    assert_int_equal(lease.given_position, EXIT);
    assert_next(&lease, 2, 2 * EXIT);
    assert_false(nt_lease_is_read(&lease));
    assert_next(&lease, 3, 3 * EXIT);
    assert_true(nt_lease_is_read(&lease));
    assert_end(&lease, 0);
}

/* What the pump acknowledged of one lease must not pass for the next one's. */
static void test_positions_go_on(void **state)
{
    (void)state;
    struct reply reply = reply_make(2);
    struct nt_lease lease = {0};

    assert_true(nt_lease_open(&lease, &reply, got(2), EPOCH));
    assert_next(&lease, 1, EXIT);
    assert_next(&lease, 2, 2 * EXIT);
    nt_lease_close(&lease);
    assert_int_equal(lease.id, 0);
    assert_true(nt_lease_is_read(&lease));
    assert_int_equal(lease.given_position, 0);
    assert_true(nt_lease_open(&lease, &reply, got(2), EPOCH));
    assert_next(&lease, 1, 3 * EXIT);
}

static void test_a_read_that_brings_nothing(void **state)
{
    (void)state;
    struct reply reply = reply_make(0);
    struct nt_lease lease = {0};

    assert_true(nt_lease_open(&lease, &reply, got(0), EPOCH));
    assert_int_equal(lease.id, 0);
    assert_true(nt_lease_is_read(&lease));
    assert_end(&lease, 0);
}

static void assert_refused(const struct reply *reply, size_t got_bytes)
{
    const struct nt_lease before = {.base_position = 5};
    struct nt_lease lease = before;

    assert_false(nt_lease_open(&lease, reply, got_bytes, EPOCH));
    assert_memory_equal(&lease, &before, sizeof(lease));
}

static void test_headers_that_contradict_themselves(void **state)
{
    (void)state;
    struct reply reply = reply_make(2);

    assert_refused(&reply, 0);
    assert_refused(&reply, sizeof(reply.header) - 1);
    assert_refused(&reply, got(2) - 1);
    assert_refused(&reply, got(2) + 8);
    reply.header.epoch++;
    assert_refused(&reply, got(2));
    reply = reply_make(2);
    reply.header.lease_id = 0;
    assert_refused(&reply, got(2));
    reply = reply_make(2);
    reply.header.record_count = 0;
    assert_refused(&reply, got(2));
    reply.header.lease_id = 0;
    assert_refused(&reply, got(2));
    reply = reply_make(2);
    reply.header.record_count = UINT32_MAX;
    assert_refused(&reply, got(2));
    reply = reply_make(0);
    reply.header.lease_id = 1;
    assert_refused(&reply, got(0));
    reply = reply_make(1);
    reply.header.record_bytes = UINT32_MAX;
    assert_refused(&reply, got(1));
}

/* Behind a record that is not valid nothing can be found: what the header counts is lost, and told. */
static void test_records_that_are_not_valid(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 8, EXIT - 8, EXIT + 1, 3 * EXIT, UINT32_MAX};
    struct nt_lease lease;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct reply reply = reply_make(3);

        lease = (struct nt_lease){0};
        reply.exits[1].record.size_bytes = sizes[i];
        assert_true(nt_lease_open(&lease, &reply, got(3), EPOCH));
        assert_next(&lease, 1, EXIT);
        assert_end(&lease, 2);
        assert_int_equal(lease.given_position, EXIT); /* so the lease can be acknowledged all the same */
    }
}

static void test_fewer_records_than_the_header_counts(void **state)
{
    (void)state;
    struct reply reply = reply_make(2);
    struct nt_lease lease = {0};

    reply.header.record_count = 4;
    assert_true(nt_lease_open(&lease, &reply, got(2), EPOCH));
    assert_next(&lease, 1, EXIT);
    assert_next(&lease, 2, 2 * EXIT);
    assert_false(nt_lease_is_read(&lease));
    assert_end(&lease, 2);
}

/* Whatever the bytes are, the walk ends, and never leaves them: AddressSanitizer sees the end of the
 * allocation. */
static void test_any_bytes(void **state)
{
    (void)state;
    uint32_t random = 1;

    for (unsigned round = 0; round < 20000; round++) {
        struct reply reply = reply_make(4);
        unsigned char *bytes = malloc(got(4));
        struct nt_lease lease = {0};
        uint64_t position;
        uint32_t lost, walked = 0;

        assert_non_null(bytes);
        memcpy(bytes, &reply, got(4));
        for (unsigned i = 0; i < 3; i++) {
            random = random * 1664525U + 1013904223U;
            bytes[sizeof(reply.header) + (random >> 8) % (4 * EXIT)] = (unsigned char)(random >> 24);
        }
        assert_true(nt_lease_open(&lease, bytes, got(4), EPOCH));
        while (nt_lease_next(&lease, &position, &lost) != NULL)
            walked++;
        assert_int_equal(walked + lost, 4);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_come_in_order),
        cmocka_unit_test(test_positions_go_on),
        cmocka_unit_test(test_a_read_that_brings_nothing),
        cmocka_unit_test(test_headers_that_contradict_themselves),
        cmocka_unit_test(test_records_that_are_not_valid),
        cmocka_unit_test(test_fewer_records_than_the_header_counts),
        cmocka_unit_test(test_any_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
