/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sample driver's notify routine: what it is given, that nothing is given behind the end of a text, and
 * that a removal waits while four threads create processes.
 */
#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/include/simulated_nt_io.h"
#include "simulated_nt/tests/nt_test.h"
#include "simulated_nt/tests/sample_driver.h"

static const WCHAR image[] = L"\\\?\?\\C:\\x.exe";
static const WCHAR command_line[] = L"x.exe --why";

static struct sim_process_spec spec_of_x(void)
{
    return (struct sim_process_spec){.image = (const sim_utf16 *)image,
                                     .image_bytes = sizeof(image) - sizeof(WCHAR),
                                     .command_line = (const sim_utf16 *)command_line,
                                     .command_line_bytes = sizeof(command_line) - sizeof(WCHAR),
                                     .file_open_name_available = true};
}

static void start(ULONG flaws)
{
    sample_flaws = flaws;
    __builtin_memset(&sample_counts, 0, sizeof(sample_counts));
    NT_CHECK_EQUAL(sim_driver_load(sample_driver_entry, (const sim_utf16 *)L"sample", SIM_FORCE_INTEGRITY), 0);
}

static void stop(void)
{
    sample_looks = FALSE;
    NT_CHECK_EQUAL(sim_driver_unload(false), 0);
    sim_io_reset();
}

static bool text_is(const WCHAR *left, const char *right)
{
    while (*right != 0 && *left == (WCHAR)*right) {
        left++;
        right++;
    }
    return *left == 0 && *right == 0;
}

static void routines_are_told(void)
{
    struct sim_process_spec spec = spec_of_x();
    struct sim_process *process;
    sim_status status = -1;

    start(0);
    sample_looks = TRUE;
    spec.token = sim_token_create(&sim_token_administrator);
    spec.process_id = 4712;
    spec.parent_process_id = 88;
    spec.creating_thread_id = 92;
    spec.create_time_100ns = 12345;
    process = sim_process_create(&spec, &status);
    NT_CHECK_EQUAL(status, 0);
    NT_CHECK_EQUAL(sim_process_id(process), 4712);
    NT_CHECK_EQUAL(sample_seen.process_id, 4712);
    NT_CHECK_EQUAL(sample_seen.parent_process_id, 88);
    NT_CHECK_EQUAL(sample_seen.creating_thread, 92);
    NT_CHECK_EQUAL(sample_seen.create_time, 12345);
    NT_CHECK_EQUAL(sample_seen.exit_status, SIM_STATUS_PENDING);
    NT_CHECK_EQUAL(sample_seen.image_bytes, spec.image_bytes);
    NT_CHECK_EQUAL(sample_seen.image_first, '\\');
    NT_CHECK_EQUAL(sample_seen.command_line_last, 'y');
    NT_CHECK(sample_seen.is_admin);
    NT_CHECK_EQUAL(sample_seen.session_id, 1);
    NT_CHECK_EQUAL(sample_seen.integrity, SIM_INTEGRITY_HIGH);
    NT_CHECK_EQUAL(sample_seen.logon_id.LowPart, 0x1a2b3);
    NT_CHECK(text_is(sample_seen.user, "S-1-5-21-1004336348-1177238915-682003330-1001"));
    sim_process_exit(process, 7);
    NT_CHECK_EQUAL(sample_seen.exit_status, 7);
    NT_CHECK_EQUAL(sample_counts.exits, 1);
    sim_token_release(spec.token);
    NT_CHECK_EQUAL(sim_process_handles_opened(), 0);
    stop();
}

static void texts_may_be_missing(void)
{
    struct sim_process_spec spec = {.image = NULL};
    struct sim_process_spec empty = {.image = (const sim_utf16 *)image, .command_line = (const sim_utf16 *)image};

    start(0);
    sample_looks = TRUE;
    sim_process_exit(sim_process_create(&spec, NULL), 0);
    NT_CHECK_EQUAL(sample_counts.creations, 1);
    NT_CHECK(!sample_seen.has_image && !sample_seen.has_command_line);
    sim_process_exit(sim_process_create(&empty, NULL), 0);
    stop();
}

static void denials_are_told(void)
{
    struct sim_process_spec spec = spec_of_x();
    sim_status status = 0;

    start(SAMPLE_ROUTINE_DENIES);
    NT_CHECK(sim_process_create(&spec, &status) == NULL);
    NT_CHECK_EQUAL(status, SIM_STATUS_ACCESS_DENIED);
    NT_CHECK_EQUAL(sample_counts.exits, 1);
    stop();
}

static void silent_processes_are_found(void)
{
    struct sim_process_spec spec = {.silent = true, .process_id = 4000, .start_key = 99};
    struct sim_process *process;
    PEPROCESS found = NULL;

    start(0);
    process = sim_process_create(&spec, NULL);
    NT_CHECK_EQUAL(sample_counts.creations, 0);
    NT_CHECK_EQUAL(PsLookupProcessByProcessId((HANDLE)4000, &found), 0);
    NT_CHECK_EQUAL(PsGetProcessId(found), 4000);
    ObDereferenceObject(found);
    sim_process_exit(process, 0);
    NT_CHECK_EQUAL(PsLookupProcessByProcessId((HANDLE)4000, &found), SIM_STATUS_INVALID_PARAMETER);
    NT_CHECK(IoGetCurrentProcess() == PsInitialSystemProcess);
    stop();
}

static void registering_has_its_rules(void)
{
    start(0);
    NT_CHECK_EQUAL(sample_register(), SIM_STATUS_INVALID_PARAMETER); /* it is */
    NT_CHECK_EQUAL(sample_unregister(), 0);
    NT_CHECK_EQUAL(sample_unregister(), STATUS_PROCEDURE_NOT_FOUND);
    NT_CHECK_EQUAL(sample_register(), 0);
    stop();
}

static void handles_to_processes_are_counted(void)
{
    struct sim_process_spec spec = spec_of_x();

    start(SAMPLE_ROUTINE_OPENS_PROCESS);
    sim_process_exit(sim_process_create(&spec, NULL), 0);
    NT_CHECK_EQUAL(sim_process_handles_opened(), 1);
    stop();
}

/* ---- removal ------------------------------------------------------------------------------------ */

struct storm {
    unsigned rounds;
    int is_over; /* atomic */
};

static ULONG calls(void)
{
    return (ULONG)InterlockedAdd((volatile LONG *)&sample_counts.creations, 0) +
           (ULONG)InterlockedAdd((volatile LONG *)&sample_counts.exits, 0);
}

/* In the middle of calls; none comes after. */
static void remove_and_add(void)
{
    ULONG before = calls(), removed;

    while (calls() == before)
        nt_sleep_ms(0);
    NT_CHECK_EQUAL(sample_unregister(), 0);
    removed = calls();
    nt_sleep_ms(1);
    NT_CHECK_EQUAL(calls(), removed);
    NT_CHECK_EQUAL(sample_register(), 0);
}

static void storm_body(unsigned index, void *context)
{
    struct sim_process_spec spec = spec_of_x();
    struct storm *storm = context;

    if (index != 0) {
        while (__atomic_load_n(&storm->is_over, __ATOMIC_ACQUIRE) == 0)
            sim_process_exit(sim_process_create(&spec, NULL), 0);
        return;
    }
    for (unsigned i = 0; i < storm->rounds; i++)
        remove_and_add();
    __atomic_store_n(&storm->is_over, 1, __ATOMIC_RELEASE);
}

static void removal_waits(void)
{
    struct storm storm = {.rounds = nt_scale(1000)};

    start(0);
    sim_delay_seed(3);
    nt_run_threads(5, storm_body, &storm);
    NT_CHECK(sample_counts.creations != 0);
    NT_CHECK_EQUAL(sample_counts.after_removal, 0);
    sim_delay_seed(0);
    stop();
}

/* ---- broken rules ------------------------------------------------------------------------------- */

static void create_one(void *context)
{
    struct sim_process_spec spec = spec_of_x();

    start((ULONG)(uintptr_t)context);
    sample_looks = TRUE;
    sim_process_exit(sim_process_create(&spec, NULL), 0);
    stop();
}

static void misdeeds_are_seen(void)
{
    NT_EXPECT_BROKEN(create_one, (void *)SAMPLE_ROUTINE_REMOVES_ITSELF, "PsSetCreateProcessNotifyRoutineEx",
                     "removes itself");
    NT_EXPECT_BROKEN(create_one, (void *)SAMPLE_ROUTINE_READS_BEHIND, "an access to memory",
                     "0 bytes behind the end of CreateInfo->ImageFileName");
    NT_EXPECT_BROKEN(create_one, (void *)SAMPLE_ROUTINE_STAYS_AT_APC, "a notify routine (creation)",
                     "came back at IRQL 1");
    NT_EXPECT_BROKEN(create_one, (void *)SAMPLE_KEEPS_TOKEN, "DriverUnload", "reference(s) to token");
}

const struct nt_test nt_tests[] = {
    NT_TEST(routines_are_told),
    NT_TEST(texts_may_be_missing),
    NT_TEST(denials_are_told),
    NT_TEST(silent_processes_are_found),
    NT_TEST(registering_has_its_rules),
    NT_TEST(handles_to_processes_are_counted),
    NT_TEST(removal_waits),
    NT_TEST(misdeeds_are_seen),
    NT_TESTS_END,
};
