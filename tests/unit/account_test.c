/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account of numbers, beside a model of the kernel side: programs on several CPUs that take a
 * number, leave it out or find room or do not, and finish, each step at any moment, while the reader reads, flips
 * and settles. (On the real kernel the interleavings that matter are too rare to wait for.) The
 * model knows each lost number, its cause and its type.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sensor_linux/account.h"

#define CPUS        3
#define NUMBERS_MAX 6000
#define STEPS       20000

enum fate { UNKNOWN, READ, LOST, TOLD, FILTERED };

/* A program's run on one CPU: what it does next. */
enum step { IDLE, BOUND_SET, NUMBERED, RESERVED };

struct run {
    enum step step;
    uint64_t sequence;
    uint32_t generation;
    uint32_t slot_in_ring;
};

struct entry {
    uint64_t sequence;
    bool busy;
};

struct model {
    struct sensor_control control;
    struct sensor_cpu cpus[CPUS];
    struct run runs[CPUS]; /* preemption is off: one program a CPU */
    unsigned program[CPUS];
    struct entry entries[NUMBERS_MAX]; /* the ring: position is 8 x index */
    uint64_t producer_position;
    uint64_t consumer_position;
    struct ring ring;
    struct account account;
    enum fate fates[NUMBERS_MAX + 1];
    unsigned types[NUMBERS_MAX + 1];
    unsigned causes[NUMBERS_MAX + 1];
    uint64_t last_gap_end;
    uint64_t told;
    uint64_t filtered;
    uint32_t filter_percent;
    uint32_t random;
};

static struct model model;

static uint32_t random_below(uint32_t limit)
{
    model.random = model.random * 1664525U + 1013904223U;
    return (model.random >> 8) % limit;
}

static uint64_t numbers_given(void)
{
    return model.control.sequence & SENSOR_SEQUENCE_MASK;
}

static struct sensor_slot *slot_of(unsigned cpu)
{
    return &model.cpus[cpu].programs[model.program[cpu]];
}

static void run_number(unsigned cpu)
{
    struct run *run = &model.runs[cpu];

    run->sequence = numbers_given() + 1;
    run->generation = (uint32_t)(model.control.sequence >> 63);
    model.control.sequence++;
    model.types[run->sequence] = model.program[cpu];
    run->step = NUMBERED;
}

static void run_lose(unsigned cpu)
{
    struct run *run = &model.runs[cpu];
    struct sensor_loss *loss = &slot_of(cpu)->losses[run->generation];
    unsigned cause = random_below(SENSOR_CAUSE_COUNT);

    if (loss->causes[0] + loss->causes[1] + loss->causes[2] == 0) {
        loss->first_sequence = run->sequence;
        loss->first_time_ns = 1000 + run->sequence;
    }
    loss->last_sequence = run->sequence;
    loss->last_time_ns = 1000 + run->sequence;
    loss->causes[cause]++;
    model.causes[run->sequence] = cause == 2 ? MUSTER_CAUSE_SHARE_SHED : cause; /* the third that a program has */
    model.fates[run->sequence] = LOST;
    slot_of(cpu)->in_flight = 0;
    run->step = IDLE;
}

static void run_filter(unsigned cpu)
{
    struct run *run = &model.runs[cpu];

    slot_of(cpu)->filtered[run->generation]++;
    model.fates[run->sequence] = FILTERED;
    model.filtered++;
    slot_of(cpu)->in_flight = 0;
    run->step = IDLE;
}

static void run_reserve(unsigned cpu)
{
    struct run *run = &model.runs[cpu];

    run->slot_in_ring = (uint32_t)(model.producer_position / 8);
    model.entries[run->slot_in_ring] = (struct entry){.sequence = run->sequence, .busy = true};
    model.producer_position += 8;
    run->step = RESERVED;
}

/* One step of what runs on that CPU, or a new run. */
static void cpu_step(unsigned cpu, uint32_t loss_percent)
{
    struct run *run = &model.runs[cpu];

    switch (run->step) {
    case IDLE:
        if (numbers_given() + CPUS >= NUMBERS_MAX)
            return;
        model.program[cpu] = random_below(SENSOR_PROGRAM_COUNT);
        slot_of(cpu)->in_flight = numbers_given() + 1;
        run->step = BOUND_SET;
        return;
    case BOUND_SET:
        run_number(cpu);
        return;
    case NUMBERED:
        if (random_below(100) < model.filter_percent)
            run_filter(cpu);
        else if (random_below(100) < loss_percent)
            run_lose(cpu);
        else
            run_reserve(cpu);
        return;
    case RESERVED:
        model.entries[run->slot_in_ring].busy = false;
        slot_of(cpu)->in_flight = 0;
        run->step = IDLE;
        return;
    }
}

static void reader_read(uint32_t count)
{
    while (count-- > 0 && model.ring.position < model.producer_position) {
        const struct entry *entry = &model.entries[model.ring.position / 8];

        if (entry->busy)
            return;
        model.ring.position += 8;
        account_read(&model.account, entry->sequence);
        assert_int_equal(model.fates[entry->sequence], UNKNOWN);
        model.fates[entry->sequence] = READ;
    }
}

/* A gap has to be exactly the lost numbers in its range, by cause and type, and behind the last. */
static void gap_check(const struct muster_gap *gap)
{
    uint64_t causes[MUSTER_GAP_CAUSES] = {0}, types[MUSTER_GAP_TYPES] = {0}, count = 0;

    assert_true(gap->first_sequence > model.last_gap_end);
    assert_true(gap->last_sequence >= gap->first_sequence);
    for (uint64_t sequence = model.last_gap_end + 1; sequence <= gap->last_sequence; sequence++) {
        if (model.fates[sequence] != LOST)
            continue;
        assert_true(sequence >= gap->first_sequence);
        model.fates[sequence] = TOLD;
        causes[model.causes[sequence]]++;
        types[model.types[sequence]]++;
        count++;
    }
    assert_int_equal(model.fates[gap->first_sequence], TOLD);
    assert_int_equal(model.fates[gap->last_sequence], TOLD);
    assert_int_equal(gap->count, count);
    assert_memory_equal(gap->causes, causes, sizeof(causes));
    assert_memory_equal(gap->types, types, sizeof(types));
    assert_int_equal(gap->start_ns, 1000 + gap->first_sequence);
    assert_int_equal(gap->end_ns, 1000 + gap->last_sequence);
    model.last_gap_end = gap->last_sequence;
    model.told += count;
}

/* Takes the gap that was just made, and acknowledges it with all that was read. */
static void gap_take(const struct muster_gap *made)
{
    uint64_t position;
    const struct muster_gap *gap = account_gap_next(&model.account, model.ring.position, &position);

    assert_non_null(gap);
    assert_memory_equal(gap, made, sizeof(*gap));
    assert_null(account_gap_next(&model.account, model.ring.position, &(uint64_t){0}));
    account_ack(&model.account, &model.ring, position);
    assert_int_equal(model.consumer_position, model.ring.position);
}

static bool reader_settle(void)
{
    struct muster_gap gap;

    account_flip(&model.account);
    if (!account_settle(&model.account, &model.ring, 99, &gap))
        return false;
    if (gap.count > 0) {
        gap_check(&gap);
        gap_take(&gap);
    }
    return true;
}

static void model_reset(uint32_t seed)
{
    memset(&model, 0, sizeof(model));
    model.random = seed;
    model.ring.producer_position = &model.producer_position;
    model.ring.consumer_position = &model.consumer_position;
    account_init(&model.account, &model.control, model.cpus, CPUS);
}

static void programs_finish(void)
{
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        while (model.runs[cpu].step != IDLE)
            cpu_step(cpu, 50);
}

static void test_every_loss_is_told_once(void **state)
{
    uint64_t lost = 0, filtered = 0;

    (void)state;
    for (uint32_t seed = 1; seed <= 60; seed++) {
        model_reset(seed);
        model.filter_percent = seed % 4 * 30;
        for (unsigned step = 0; step < STEPS; step++) {
            uint32_t choice = random_below(100);

            if (choice < 80)
                cpu_step(random_below(CPUS), seed % 3 * 45);
            else if (choice < 95)
                reader_read(random_below(8));
            else
                (void)reader_settle();
        }
        programs_finish();
        reader_read(UINT32_MAX);
        assert_true(reader_settle()); /* what was flipped already */
        assert_true(reader_settle()); /* and the rest */
        for (uint64_t sequence = 1; sequence <= numbers_given(); sequence++)
            assert_true(model.fates[sequence] == READ || model.fates[sequence] == TOLD ||
                        model.fates[sequence] == FILTERED);
        assert_false(account_has_losses(&model.account));
        assert_int_equal(model.account.filtered, model.filtered);
        assert_int_equal(model.account.read + model.told + model.filtered, numbers_given());
        lost += model.told;
        filtered += model.filtered;
    }
    assert_true(lost > 10000 && filtered > 10000); /* else this test would show nothing */
}

static void test_nothing_is_settled_while_a_program_is_under_way(void **state)
{
    struct muster_gap gap;

    (void)state;
    model_reset(1);
    cpu_step(0, 100); /* its bound is set */
    cpu_step(0, 100); /* it has number 1 */
    account_flip(&model.account);
    assert_false(account_settle(&model.account, &model.ring, 99, &gap));
    cpu_step(0, 100); /* lost */
    assert_true(account_settle(&model.account, &model.ring, 99, &gap));
    assert_int_equal(gap.count, 1);
    assert_int_equal(gap.first_sequence, 1);
}

static void test_nothing_is_settled_before_the_ring_is_read(void **state)
{
    struct muster_gap gap;

    (void)state;
    model_reset(1);
    for (unsigned step = 0; step < 4; step++)
        cpu_step(0, 0);
    account_flip(&model.account);
    assert_false(account_settle(&model.account, &model.ring, 99, &gap));
    reader_read(1);
    assert_true(account_settle(&model.account, &model.ring, 99, &gap));
    assert_int_equal(gap.count, 0);
}

/* A defect of the kernel side: number 1 is neither in the ring nor counted. */
static void test_what_nobody_counted_is_told_as_unexplained(void **state)
{
    struct muster_gap gap;

    (void)state;
    model_reset(1);
    cpu_step(0, 100);
    cpu_step(0, 100);
    slot_of(0)->in_flight = 0;
    account_flip(&model.account);
    assert_true(account_settle(&model.account, &model.ring, 99, &gap));
    assert_int_equal(gap.count, 1);
    assert_int_equal(gap.causes[MUSTER_CAUSE_UNEXPLAINED], 1);
    assert_int_equal(gap.first_sequence, 1);
    assert_int_equal(gap.last_sequence, 1);
    assert_int_equal(gap.end_ns, 99);
}

static void test_a_refused_record_is_told_as_invalid(void **state)
{
    struct muster_record record = {.sequence = 1};
    struct muster_gap gap;

    (void)state;
    model_reset(1);
    for (unsigned step = 0; step < 4; step++)
        cpu_step(0, 0);
    model.ring.position += 8; /* read, and refused */
    record.type = (uint16_t)(model.types[1] + 1);
    account_refused(&model.account, &record, sizeof(record));
    account_flip(&model.account);
    assert_true(account_settle(&model.account, &model.ring, 99, &gap));
    assert_int_equal(gap.count, 1);
    assert_int_equal(gap.causes[MUSTER_CAUSE_RECORD_INVALID], 1);
    assert_int_equal(gap.types[model.types[1]], 1);
}

/* Read before the first generation is settled, and of a type that would be told first. */
static void test_a_refused_record_of_the_next_generation_waits_for_it(void **state)
{
    const unsigned types[2] = {MUSTER_EVENT_PROCESS_EXIT, MUSTER_EVENT_PROCESS_START};
    struct muster_gap gap;

    (void)state;
    model_reset(1);
    for (uint64_t sequence = 1; sequence <= 2; sequence++) {
        const struct muster_record record = {.type = (uint16_t)types[sequence - 1], .sequence = sequence};

        model.control.sequence++;
        account_refused(&model.account, &record, sizeof(record));
        account_flip(&model.account);
    }
    for (unsigned i = 0; i < 2; i++) {
        account_flip(&model.account);
        assert_true(account_settle(&model.account, &model.ring, 99, &gap));
        assert_int_equal(gap.count, 1);
        assert_int_equal(gap.types[types[i] - 1], 1);
    }
}

static void test_skipped_runs_have_a_count_and_no_range(void **state)
{
    const uint64_t missed[SENSOR_PROGRAM_COUNT] = {2, 3, 0};
    struct muster_gap gap;

    (void)state;
    model_reset(1);
    model.account.missed_checked_ns = 10;
    account_missed(&model.account, missed, 20, &gap);
    assert_int_equal(gap.count, 5);
    assert_int_equal(gap.causes[MUSTER_CAUSE_PROGRAM_MISSED], 5);
    assert_int_equal(gap.types[MUSTER_EVENT_PROCESS_EXIT - 1], 3);
    assert_int_equal(gap.record.valid, 0);
    assert_int_equal(gap.start_ns, 10);
    assert_int_equal(gap.end_ns, 20);
    account_missed(&model.account, missed, 30, &gap);
    assert_int_equal(gap.count, 0); /* told once */
}

/* One gap each: number `sequence` is lost, and the generation settled. */
static bool lose_and_settle(struct muster_gap *gap)
{
    cpu_step(0, 100);
    cpu_step(0, 100);
    cpu_step(0, 100);
    account_flip(&model.account);
    return account_settle(&model.account, &model.ring, 99, gap);
}

static void test_while_no_gap_is_acknowledged_losses_wait_and_become_one(void **state)
{
    uint64_t positions[JOURNAL_GAPS];
    struct muster_gap gap;

    (void)state;
    model_reset(1);
    for (unsigned i = 0; i < JOURNAL_GAPS; i++) {
        assert_true(lose_and_settle(&gap));
        assert_non_null(account_gap_next(&model.account, model.ring.position, &positions[i]));
    }
    assert_false(lose_and_settle(&gap));
    assert_false(lose_and_settle(&gap));
    account_ack(&model.account, &model.ring, positions[0]);
    assert_true(account_settle(&model.account, &model.ring, 99, &gap));
    assert_int_equal(gap.first_sequence, JOURNAL_GAPS + 1);
    account_ack(&model.account, &model.ring, positions[JOURNAL_GAPS - 1]);
    account_flip(&model.account);
    assert_true(account_settle(&model.account, &model.ring, 99, &gap));
    assert_int_equal(gap.count, 1);
    assert_int_equal(gap.last_sequence, JOURNAL_GAPS + 2);
}

static void test_a_gap_that_was_not_taken_is_told_again(void **state)
{
    struct muster_gap made;
    uint64_t first, second;

    (void)state;
    model_reset(1);
    assert_true(lose_and_settle(&made));
    assert_non_null(account_gap_next(&model.account, model.ring.position, &first));
    account_gap_unread(&model.account);
    assert_int_equal(model.account.told[MUSTER_CAUSE_RING_FULL] + model.account.told[MUSTER_CAUSE_CLASS_SHED], 0);
    assert_memory_equal(account_gap_next(&model.account, model.ring.position, &second), &made, sizeof(made));
    assert_int_equal(first, second);
}

/* Positions of gaps and of concluded events are places between those of the ring, which is acknowledged as if they were
 * not there. */
static void test_concluded_events_have_positions(void **state)
{
    struct account *account = &model.account;
    uint64_t gap_position, marks[4];
    struct muster_gap gap;

    (void)state;
    model_reset(1);
    model.ring.position = 800;
    account_mark_next(account, 800, &marks[0]);
    assert_int_equal(account->marks_told - account->marks_acknowledged, 1);
    account_mark_unread(account);
    account_mark_next(account, 800, &marks[1]);
    account_mark_next(account, 800, &marks[2]);
    assert_int_equal(marks[1], marks[0]);
    assert_true(marks[2] > marks[1] && marks[1] > 800);
    account_ack(account, &model.ring, 800); /* what was read before them */
    assert_int_equal(account->marks_acknowledged, 0);
    account_ack(account, &model.ring, marks[1]);
    assert_int_equal(account->marks_acknowledged, 1);
    assert_int_equal(account->position, 800);
    model.ring.position = 1600;
    assert_true(lose_and_settle(&gap));
    assert_non_null(account_gap_next(account, 1600, &gap_position));
    account_ack(account, &model.ring, gap_position); /* and so the second */
    assert_int_equal(account->marks_acknowledged, 2);
    assert_int_equal(account->gaps_acknowledged, 1);
    assert_int_equal(account->position, 1600);
    account_mark_next(account, 1600, &marks[3]);
    account_ack(account, &model.ring, account_position(account, 1600));
    assert_int_equal(account->marks_acknowledged, 3);
    assert_int_equal(account->position, 1600);
    account_ack(account, &model.ring, account_position(account, 2400));
    assert_int_equal(account->position, 2400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_loss_is_told_once),
        cmocka_unit_test(test_nothing_is_settled_while_a_program_is_under_way),
        cmocka_unit_test(test_nothing_is_settled_before_the_ring_is_read),
        cmocka_unit_test(test_what_nobody_counted_is_told_as_unexplained),
        cmocka_unit_test(test_a_refused_record_is_told_as_invalid),
        cmocka_unit_test(test_a_refused_record_of_the_next_generation_waits_for_it),
        cmocka_unit_test(test_skipped_runs_have_a_count_and_no_range),
        cmocka_unit_test(test_while_no_gap_is_acknowledged_losses_wait_and_become_one),
        cmocka_unit_test(test_a_gap_that_was_not_taken_is_told_again),
        cmocka_unit_test(test_concluded_events_have_positions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
