/* SPDX-License-Identifier: Apache-2.0 */
/* Names, classes, statuses and the ledger's sums. The expected words stand in contract.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "muster/ledger.h"
#include "muster/record.h"

typedef const char *name_of(unsigned value);

static void expect_names(name_of *name, const char *const *expected, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (expected[i] == NULL)
            assert_null(name(i));
        else
            assert_string_equal(name(i), expected[i]);
    }
    assert_null(name(count));
    assert_null(name(0x10000U));
    assert_null(name(~0U));
}

#define EXPECT_NAMES(name, ...)                                                                                        \
    do {                                                                                                               \
        static const char *const expected[] = {__VA_ARGS__};                                                           \
        expect_names(name, expected, sizeof expected / sizeof expected[0]);                                            \
    } while (0)

static void names_are_those_of_the_contract(void **state)
{
    (void)state;
    EXPECT_NAMES(muster_event_action, NULL, "process-started", "process-exited", "process-forked", "message",
                 "events-lost", "sensor-status", "process-running", "sensor-started", "sensor-stopped");
    EXPECT_NAMES(muster_event_type_name, NULL, "start", "exit", "fork", "message");
    EXPECT_NAMES(muster_cause_name, "ring_full", "class_shed", "queue_full", "allocation_failed", "irql_refused",
                 "program_missed", "record_invalid", "record_too_large", "unexplained", "capture_damaged",
                 "share_shed");
    EXPECT_NAMES(muster_stage_name, NULL, "kernel_ring", "driver_queue", "agent_queue", "capture");
}

static void fields_have_their_names(void **state)
{
    (void)state;
    assert_string_equal(muster_field_name(MUSTER_FIELD_PID), "process.pid");
    assert_string_equal(muster_field_name(MUSTER_FIELD_PARENT_START), "process.parent.start");
    assert_string_equal(muster_field_name(MUSTER_FIELD_REAL_USER), "process.real_user.id");
    assert_string_equal(muster_field_name(MUSTER_FIELD_EXECUTABLE), "process.executable");
    assert_string_equal(muster_field_name(MUSTER_FIELD_ARGS), "process.args");
    assert_string_equal(muster_field_name(MUSTER_FIELD_MESSAGE), "message");
    assert_string_equal(muster_field_name(MUSTER_FIELD_SCRIPT), "muster.script");
    assert_string_equal(muster_field_name(MUSTER_FIELD_CGROUP_PATH), "muster.cgroup.path");
    assert_null(muster_field_name(MUSTER_FIELD_SCALAR_COUNT));
    assert_null(muster_field_name(MUSTER_FIELD_COUNT));
}

static void classes(void **state)
{
    (void)state;
    static const enum muster_class expected[] = {
        MUSTER_CLASS_MESSAGE, MUSTER_CLASS_START, MUSTER_CLASS_EXIT,    MUSTER_CLASS_FORK,
        MUSTER_CLASS_MESSAGE, MUSTER_CLASS_GAP,   MUSTER_CLASS_GAP,     MUSTER_CLASS_START,
        MUSTER_CLASS_GAP,     MUSTER_CLASS_GAP,   MUSTER_CLASS_MESSAGE,
    };
    for (unsigned type = 0; type < sizeof expected / sizeof expected[0]; type++)
        assert_int_equal(muster_event_class(type), expected[type]);
    assert_int_equal(muster_event_class(~0U), MUSTER_CLASS_MESSAGE);
}

static void statuses_have_texts(void **state)
{
    (void)state;
    assert_string_equal(muster_status_text(MUSTER_OK), "ok");
    for (int status = -1; status <= MUSTER_INPUT_FAILED + 1; status++) {
        const char *text = muster_status_text((enum muster_status)status);
        assert_non_null(text);
        assert_true(strlen(text) > 1 && text[strlen(text) - 1] != '.');
        for (int other = -1; other < status; other++)
            assert_true(status == MUSTER_INPUT_FAILED + 1 ||
                        strcmp(text, muster_status_text((enum muster_status)other)) != 0);
    }
}

static void ledger_adds_up(void **state)
{
    (void)state;
    struct muster_ledger ledger = {.delivered = 40, .filtered = 10, .held = 5};
    uint64_t dropped = 0;

    for (unsigned i = 0; i < MUSTER_CAUSE_COUNT; i++)
        dropped += ledger.dropped[i] = i + 1;
    ledger.produced = 55 + dropped;
    assert_int_equal(muster_ledger_dropped(&ledger), dropped);
    assert_true(muster_ledger_balances(&ledger));
    ledger.degraded = 7; /* counts on top */
    assert_true(muster_ledger_balances(&ledger));
    uint64_t *const each[] = {&ledger.produced, &ledger.delivered,  &ledger.filtered,
                              &ledger.held,     &ledger.dropped[0], &ledger.dropped[MUSTER_CAUSE_COUNT - 1]};
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
        ++*each[i];
        assert_false(muster_ledger_balances(&ledger));
        --*each[i];
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_the_contract),
        cmocka_unit_test(fields_have_their_names),
        cmocka_unit_test(classes),
        cmocka_unit_test(statuses_have_texts),
        cmocka_unit_test(ledger_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
