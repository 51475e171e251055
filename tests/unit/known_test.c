/* SPDX-License-Identifier: Apache-2.0 */
/* The known, against a list that is searched from its beginning; and opened anew at any moment, as after a death. */
#include "unit/sink_fixture.h"

#include <stdlib.h>

#include "muster/identity.h"
#include "sensor_linux/known.h"

enum { CAPACITY = 300, PIDS = 40, STARTS = 12, STEPS = 60000 };

/* What should be there: the word of each identity, 0 where it is not known. */
static uint32_t truth[PIDS][STARTS];

static uint64_t start_of(unsigned start)
{
    return (start + 1) * (uint64_t)MUSTER_TICK_NS_LINUX + 5;
}

static unsigned truth_count(void)
{
    unsigned count = 0;

    for (unsigned pid = 0; pid < PIDS; pid++)
        for (unsigned start = 0; start < STARTS; start++)
            count += truth[pid][start] != 0;
    return count;
}

static void assert_known(const struct known *known)
{
    for (unsigned pid = 0; pid < PIDS; pid++)
        for (unsigned start = 0; start < STARTS; start++) {
            /* Another time within the same tick is the same process. */
            const struct known_slot *slot = known_find(known, 1024 * pid, start_of(start) - 3);

            assert_int_equal(slot ? slot->word : 0, truth[pid][start]);
        }
    assert_int_equal(known->count, truth_count());
}

static uint32_t random_word(void)
{
    return (uint32_t)(1 + rand() % 3) | (uint32_t)(rand() % 2 ? KNOWN_EXECED : 0) | (uint32_t)rand() << 4;
}

static void step(struct known *known)
{
    const unsigned pid = (unsigned)rand() % PIDS, start = (unsigned)rand() % STARTS;
    const uint32_t word = random_word();
    const bool has_room = truth[pid][start] != 0 || truth_count() < CAPACITY;
    const uint64_t left_out = known->left_out;

    if (rand() % 5 < 2) {
        known_remove(known, 1024 * pid, start_of(start));
        truth[pid][start] = 0;
        return;
    }
    assert_int_equal(known_put(known, 1024 * pid, start_of(start), word) != NULL, has_room);
    assert_int_equal(known->left_out - left_out, !has_room);
    if (has_room)
        truth[pid][start] = word;
}

/* What no output has got: a start is forgotten, an exit taken back. */
static void truth_reopen(void)
{
    for (unsigned pid = 0; pid < PIDS; pid++)
        for (unsigned start = 0; start < STARTS; start++) {
            uint32_t *word = &truth[pid][start];

            if ((*word & KNOWN_STATE) == KNOWN_START_TOLD)
                *word = 0;
            else if ((*word & KNOWN_STATE) == KNOWN_EXIT_TOLD)
                *word = (*word & ~KNOWN_STATE) | KNOWN_ALIVE;
        }
}

static void truth_confirm(void)
{
    for (unsigned pid = 0; pid < PIDS; pid++)
        for (unsigned start = 0; start < STARTS; start++) {
            uint32_t *word = &truth[pid][start];

            if ((*word & KNOWN_STATE) == KNOWN_EXIT_TOLD)
                *word = 0;
            else if (*word)
                *word = (*word & ~KNOWN_STATE) | KNOWN_ALIVE;
        }
}

static void test_many_changes(void **state)
{
    static struct known_slot memory[KNOWN_HEAD_SLOTS + CAPACITY];
    struct known known;

    (void)state;
    srand(20261125);
    assert_true(known_open(&known, memory, sizeof(memory)));
    assert_int_equal(known.capacity, CAPACITY);
    for (unsigned i = 0; i < STEPS; i++) {
        step(&known);
        if (i % 97 == 0)
            assert_known(&known);
        if (i % 1009 == 0) {
            known_confirm(&known);
            truth_confirm();
            assert_known(&known);
        }
        if (i % 1013 == 0) { /* nothing but the memory is left */
            free(known.index);
            assert_true(known_open(&known, memory, sizeof(memory)));
            truth_reopen();
            assert_known(&known);
        }
    }
    known_deinit(&known);
}

/* The index grows with them. */
static void test_own_memory_of_many(void **state)
{
    struct known known;

    (void)state;
    assert_true(known_make(&known, 20000));
    for (uint32_t pid = 1; pid <= 20000; pid++)
        assert_non_null(known_put(&known, pid, pid * 1000, KNOWN_ALIVE));
    assert_null(known_put(&known, 20001, 1, KNOWN_ALIVE));
    assert_int_equal(known.left_out, 1);
    for (uint32_t pid = 1; pid <= 20000; pid += 2)
        known_remove(&known, pid, pid * 1000);
    for (uint32_t pid = 1; pid <= 20000; pid++)
        assert_int_equal(known_find(&known, pid, pid * 1000) != NULL, pid % 2 == 0);
    assert_int_equal(known.count, 10000);
    known_deinit(&known);
}

static void test_records(void **state)
{
    struct muster_process_start start = fixture_start();
    struct muster_process_exit exit = fixture_exit();
    struct muster_process_fork fork = {.record = fixture_start().record, .process = fixture_process()};
    struct known known;
    uint32_t word;

    (void)state;
    fork.record.type = MUSTER_EVENT_PROCESS_FORK;
    assert_true(known_make(&known, 100));
    known_apply(&known, &fork.record);
    assert_int_equal(known_find(&known, fork.process.pid, fork.process.start_ns)->word, KNOWN_ALIVE);
    start.record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_IMAGE_INODE) | MUSTER_FIELD_BIT(MUSTER_FIELD_IMAGE_DEVICE);
    start.image_inode = 7;
    known_apply(&known, &start.record);
    word = known_find(&known, fork.process.pid, fork.process.start_ns)->word;
    assert_true(word & KNOWN_EXECED && word & KNOWN_IMAGE);
    known_apply(&known, &fork.record); /* read again: it knows less */
    assert_int_equal(known_find(&known, fork.process.pid, fork.process.start_ns)->word, word);
    start.image_inode = 8;
    known_apply(&known, &start.record);
    assert_int_not_equal(known_find(&known, fork.process.pid, fork.process.start_ns)->word, word);
    known_apply(&known, &exit.record);
    assert_int_equal(known.count, 0);
    start.record.valid = 0;
    known_apply(&known, &start.record);
    assert_int_equal(known.count, 0);
    known_deinit(&known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_changes),
        cmocka_unit_test(test_own_memory_of_many),
        cmocka_unit_test(test_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
