/* SPDX-License-Identifier: Apache-2.0 */
/* Filters: what a text is compared with, against fnmatch(3); parts and exclusions; what is not known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "agent/verdicts.h"
#include "muster/filter.h"
#include "muster/record.h"

static union {
    struct muster_record record;
    struct muster_process_start start;
    uint64_t words[256];
} made;

struct process {
    uint32_t pid;
    uint32_t parent;
    uint32_t user;
    const char *executable;
    const char *thread_name;
    const char *sid;
};

static struct muster_text text_of(enum muster_field field, const char *text)
{
    return muster_text_whole(field, text, (uint32_t)strlen(text));
}

static const struct muster_record *record_make(unsigned type, const struct process *process)
{
    struct muster_process_start start = {
        .record = {.type = (uint16_t)type,
                   .fixed_bytes = type == MUSTER_EVENT_PROCESS_EXIT ? sizeof(struct muster_process_exit)
                                                                    : sizeof(struct muster_process_start),
                   .flags = process->sid ? MUSTER_RECORD_WTF8 : 0,
                   .valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_START) |
                            MUSTER_FIELD_BIT(MUSTER_FIELD_PARENT_PID) |
                            (process->sid ? 0 : MUSTER_FIELD_BIT(MUSTER_FIELD_USER))},
        .process = {.pid = process->pid,
                    .start_ns = 1000 + process->pid,
                    .parent_pid = process->parent,
                    .user_id = process->user},
    };
    struct muster_text texts[3];
    size_t count = 0;

    if (process->executable)
        texts[count++] = text_of(MUSTER_FIELD_EXECUTABLE, process->executable);
    if (process->thread_name)
        texts[count++] = text_of(MUSTER_FIELD_THREAD_NAME, process->thread_name);
    if (process->sid)
        texts[count++] = text_of(MUSTER_FIELD_USER_SID, process->sid);
    assert_true(muster_record_size(&start.record, texts, count) <= sizeof(made));
    muster_record_encode(&made, &start.record, texts, count);
    return &made.record;
}

static bool wants(const struct muster_filter *filter, const struct process *process)
{
    return muster_filter_wants(filter, record_make(MUSTER_EVENT_PROCESS_START, process)) != 0;
}

static void name_add(struct muster_filter_part *part, const char *name)
{
    assert_int_equal(muster_filter_add_text(&part->names, name), MUSTER_FILTER_TAKEN);
}

static void number_add(struct muster_filter_numbers *numbers, uint32_t number)
{
    assert_int_equal(muster_filter_add_number(numbers, number), MUSTER_FILTER_TAKEN);
}

/* Every name against every pattern, with the C library as the oracle. */
static void test_names_fit_as_patterns_do(void **state)
{
    static char longest[64], too_long[80], path[128];
    const char *const patterns[] = {"sh", "*sh", "sh*", "s*", "*h", "bash", "b*", "a?c", "[a]", "\\x", longest};
    const char *const names[] = {"sh", "bash", "shh", "s", "h", "abc",   "a?c",
                                 "a",  "[a]",  "\\x", "x", "",  longest, too_long};

    (void)state;
    memset(longest, 'l', 63);
    memset(too_long, 'l', 79);
    for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++)
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
            struct muster_filter filter = {.active = 1};
            struct process process = {.executable = path};
            const bool starred = strchr(patterns[p], '*') != NULL;

            snprintf(path, sizeof(path), "/usr/sh/%s", names[n]);
            name_add(&filter.include, patterns[p]);
            assert_int_equal(wants(&filter, &process),
                             starred ? fnmatch(patterns[p], names[n], 0) == 0 : strcmp(patterns[p], names[n]) == 0);
        }
}

static void test_texts_that_are_refused(void **state)
{
    struct muster_filter_texts texts = {.count = 0};
    char text[80];

    (void)state;
    assert_int_equal(muster_filter_add_text(&texts, ""), MUSTER_FILTER_EMPTY);
    assert_int_equal(muster_filter_add_text(&texts, "*"), MUSTER_FILTER_EMPTY);
    assert_int_equal(muster_filter_add_text(&texts, "a*b"), MUSTER_FILTER_STAR);
    assert_int_equal(muster_filter_add_text(&texts, "*a*"), MUSTER_FILTER_STAR);
    assert_int_equal(muster_filter_add_text(&texts, "**"), MUSTER_FILTER_STAR);
    memset(text, 'x', sizeof(text));
    text[64] = '\0';
    assert_int_equal(muster_filter_add_text(&texts, text), MUSTER_FILTER_TOO_LONG);
    text[0] = '*';
    assert_int_equal(texts.count, 0);
    for (unsigned i = 0; i < MUSTER_FILTER_VALUES_MAX; i++)
        assert_int_equal(muster_filter_add_text(&texts, text), MUSTER_FILTER_TAKEN);
    assert_int_equal(muster_filter_add_text(&texts, "x"), MUSTER_FILTER_FULL);
}

static void test_too_many_numbers_are_refused(void **state)
{
    struct muster_filter_numbers numbers = {.count = 0};

    (void)state;
    for (uint32_t i = 0; i < MUSTER_FILTER_VALUES_MAX; i++)
        number_add(&numbers, i);
    assert_int_equal(muster_filter_add_number(&numbers, 99), MUSTER_FILTER_FULL);
    assert_true(muster_filter_has_number(&numbers, 15));
    assert_false(muster_filter_has_number(&numbers, 99));
}

static void test_values_are_or_and_options_are_and(void **state)
{
    struct muster_filter filter = {.active = 1};

    (void)state;
    number_add(&filter.include.users, 5);
    number_add(&filter.include.users, 6);
    name_add(&filter.include, "sh");
    name_add(&filter.include, "ls");
    assert_true(wants(&filter, &(struct process){.user = 5, .executable = "/bin/sh"}));
    assert_true(wants(&filter, &(struct process){.user = 6, .executable = "/bin/ls"}));
    assert_false(wants(&filter, &(struct process){.user = 7, .executable = "/bin/ls"}));
    assert_false(wants(&filter, &(struct process){.user = 6, .executable = "/bin/cp"}));
}

static void test_each_part(void **state)
{
    const struct process process = {.pid = 10, .parent = 20, .user = 30, .executable = "/bin/x"};

    (void)state;
    for (unsigned part = 0; part < 4; part++)
        for (unsigned excluded = 0; excluded < 2; excluded++)
            for (unsigned other = 0; other < 2; other++) {
                struct muster_filter filter = {.active = 1};
                struct muster_filter_part *side = excluded ? &filter.exclude : &filter.include;
                struct muster_filter_numbers *numbers[] = {&side->pids, &side->parents, &side->users};

                if (part < 3)
                    number_add(numbers[part], 10 * (part + 1) + other);
                else
                    name_add(side, other ? "y" : "x");
                assert_int_equal(wants(&filter, &process), excluded == other);
            }
}

static void test_exclusion_wins(void **state)
{
    struct muster_filter filter = {.active = 1};

    (void)state;
    number_add(&filter.include.users, 5);
    name_add(&filter.exclude, "*sh");
    assert_true(wants(&filter, &(struct process){.user = 5, .executable = "/bin/ls"}));
    assert_false(wants(&filter, &(struct process){.user = 5, .executable = "/bin/bash"}));
}

static void test_what_is_not_known_decides_nothing(void **state)
{
    struct muster_filter include = {.active = 1}, exclude = {.active = 1};

    (void)state;
    name_add(&include.include, "sh");
    name_add(&exclude.exclude, "sh");
    assert_true(wants(&include, &(struct process){.pid = 1}));
    assert_true(wants(&exclude, &(struct process){.pid = 1}));
    /* Without an executable the thread's name is the name. */
    assert_false(wants(&include, &(struct process){.thread_name = "kworker"}));
    assert_true(wants(&include, &(struct process){.thread_name = "sh"}));
    assert_false(wants(&exclude, &(struct process){.thread_name = "sh"}));
    assert_true(wants(&exclude, &(struct process){.executable = "/bin/ls", .thread_name = "sh"}));
}

static void test_other_events_pass(void **state)
{
    const unsigned types[] = {MUSTER_EVENT_MESSAGE, MUSTER_EVENT_GAP, MUSTER_EVENT_STATUS, MUSTER_EVENT_SENSOR_STARTED};
    struct muster_filter filter = {.active = 1};
    struct muster_record record = {.fixed_bytes = sizeof(record), .size_bytes = sizeof(record)};

    (void)state;
    number_add(&filter.include.pids, 1);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        record.type = (uint16_t)types[i];
        assert_true(muster_filter_wants(&filter, &record));
    }
}

static void test_windows_names_and_users_fold(void **state)
{
    struct muster_filter filter = {.active = 1, .fold_case = 1};

    (void)state;
    name_add(&filter.include, "notepad.exe");
    assert_int_equal(muster_filter_add_text(&filter.include.user_sids, "s-1-5-18"), MUSTER_FILTER_TAKEN);
    assert_true(wants(&filter, &(struct process){.executable = "C:\\Windows\\NotePad.EXE", .sid = "S-1-5-18"}));
    assert_false(wants(&filter, &(struct process){.executable = "C:\\Windows\\NotePad.EXE", .sid = "S-1-5-180"}));
    assert_false(wants(&filter, &(struct process){.executable = "C:\\notepad.exe\\x.exe", .sid = "S-1-5-18"}));
}

static bool verdict(struct verdicts *verdicts, const struct muster_filter *filter, unsigned type,
                    const struct process *process)
{
    return verdicts_want(verdicts, filter, record_make(type, process));
}

static void test_an_exit_goes_with_its_start(void **state)
{
    static struct verdicts verdicts;
    const struct process wanted = {.pid = 8, .sid = "S-1-1-0", .executable = "C:\\a.exe"};
    const struct process unwanted = {.pid = 12, .sid = "S-1-1-0", .executable = "C:\\b.exe"};
    const struct process wanted_exit = {.pid = 8}, unwanted_exit = {.pid = 12}, unknown_exit = {.pid = 16};
    struct muster_filter filter = {.active = 1, .fold_case = 1};

    (void)state;
    name_add(&filter.include, "a.exe");
    for (unsigned type = MUSTER_EVENT_PROCESS_START; type <= MUSTER_EVENT_PROCESS_RUNNING;
         type += MUSTER_EVENT_PROCESS_RUNNING - MUSTER_EVENT_PROCESS_START) {
        memset(&verdicts, 0, sizeof(verdicts));
        assert_true(verdict(&verdicts, &filter, type, &wanted));
        assert_false(verdict(&verdicts, &filter, type, &unwanted));
        assert_true(verdict(&verdicts, &filter, MUSTER_EVENT_PROCESS_EXIT, &wanted_exit));
        assert_false(verdict(&verdicts, &filter, MUSTER_EVENT_PROCESS_EXIT, &unwanted_exit));
        assert_true(verdict(&verdicts, &filter, MUSTER_EVENT_PROCESS_EXIT, &unknown_exit));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_fit_as_patterns_do),
        cmocka_unit_test(test_texts_that_are_refused),
        cmocka_unit_test(test_too_many_numbers_are_refused),
        cmocka_unit_test(test_values_are_or_and_options_are_and),
        cmocka_unit_test(test_each_part),
        cmocka_unit_test(test_exclusion_wins),
        cmocka_unit_test(test_what_is_not_known_decides_nothing),
        cmocka_unit_test(test_other_events_pass),
        cmocka_unit_test(test_windows_names_and_users_fold),
        cmocka_unit_test(test_an_exit_goes_with_its_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
