/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading and unloading the sample driver: what a driver may leave behind (nothing), who gets through its
 * DACL, names that are taken, opens that come too early, and each call that can fail, failed once.
 */
#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/include/simulated_nt_io.h"
#include "simulated_nt/tests/nt_test.h"
#include "simulated_nt/tests/sample_driver.h"

#define NAME   ((const sim_utf16 *)L"sample")
#define ACCESS (SIM_GENERIC_READ | SIM_GENERIC_WRITE)

static sim_status load(ULONG flaws)
{
    sample_flaws = flaws;
    return sim_driver_load(sample_driver_entry, NAME, SIM_FORCE_INTEGRITY);
}

static void unload(void)
{
    NT_CHECK_EQUAL(sim_driver_unload(false), 0);
    sim_io_reset();
    sample_flaws = 0;
}

/* The status of an open by a token of that kind. */
static sim_status try_open(const sim_utf16 *path, const struct sim_token_spec *spec, uint32_t access)
{
    struct sim_token *token = sim_token_create(spec);
    struct sim_file *file;
    sim_status status;

    file = sim_open(path, token, access, 0, &status);
    NT_CHECK((file != NULL) == (status == 0));
    if (file != NULL)
        (void)sim_close(file);
    sim_token_release(token);
    return status;
}

static void loads_and_unloads(void)
{
    for (int i = 0; i < 20; i++) {
        NT_CHECK_EQUAL(load(0), 0);
        NT_CHECK(sim_driver_loaded());
        NT_CHECK_EQUAL(sim_notify_routines(), 1);
        unload();
        NT_CHECK_EQUAL(sim_notify_routines(), 0);
    }
}

static void routines_want_integrity(void)
{
    sample_flaws = 0;
    NT_CHECK_EQUAL(sim_driver_load(sample_driver_entry, NAME, 0), SIM_STATUS_ACCESS_DENIED);
    NT_CHECK(!sim_driver_loaded());
    sim_io_reset();
}

static void the_dacl_decides(void)
{
    NT_CHECK_EQUAL(load(0), 0);
    NT_CHECK_EQUAL(sim_device_dacl(SAMPLE_PATH), SIM_DACL_ENTRIES);
    NT_CHECK_EQUAL(try_open(SAMPLE_PATH, &sim_token_system, ACCESS), 0);
    NT_CHECK_EQUAL(try_open(SAMPLE_PATH, &sim_token_administrator, ACCESS), 0);
    NT_CHECK_EQUAL(try_open(SAMPLE_PATH, &sim_token_administrator, SIM_GENERIC_ALL), SIM_STATUS_ACCESS_DENIED);
    NT_CHECK_EQUAL(try_open(SAMPLE_PATH, &sim_token_filtered, SIM_GENERIC_READ), SIM_STATUS_ACCESS_DENIED);
    NT_CHECK_EQUAL(try_open(SAMPLE_PATH, &sim_token_user, SIM_GENERIC_READ), SIM_STATUS_ACCESS_DENIED);
    NT_CHECK_EQUAL(try_open(SAMPLE_PATH, &sim_token_user, SIM_FILE_ATTRIBUTES), SIM_STATUS_ACCESS_DENIED);
    NT_CHECK_EQUAL(try_open((const sim_utf16 *)L"\\Device\\Sample\\x", &sim_token_user, SIM_GENERIC_READ),
                   SIM_STATUS_ACCESS_DENIED);
    NT_CHECK_EQUAL(try_open((const sim_utf16 *)L"\\Device\\Sample\\x", &sim_token_system, SIM_GENERIC_READ),
                   SIM_STATUS_OBJECT_NAME_NOT_FOUND);
    unload();
}

static void other_dacls(void)
{
    NT_CHECK_EQUAL(load(SAMPLE_NO_DACL), 0);
    NT_CHECK_EQUAL(sim_device_dacl(SAMPLE_PATH), SIM_DACL_DEFAULT);
    NT_CHECK_EQUAL(try_open(SAMPLE_PATH, &sim_token_user, ACCESS), 0);
    unload();
    NT_CHECK_EQUAL(load(SAMPLE_NULL_DACL), 0);
    NT_CHECK_EQUAL(sim_device_dacl(SAMPLE_DEVICE), SIM_DACL_NULL);
    NT_CHECK_EQUAL(try_open(SAMPLE_PATH, &sim_token_user, SIM_GENERIC_ALL), 0);
    unload();
    NT_CHECK_EQUAL(load(SAMPLE_EMPTY_DACL), 0);
    NT_CHECK_EQUAL(sim_device_dacl(SAMPLE_PATH), SIM_DACL_EMPTY);
    NT_CHECK_EQUAL(try_open(SAMPLE_PATH, &sim_token_system, SIM_GENERIC_READ), SIM_STATUS_ACCESS_DENIED);
    unload();
    NT_CHECK_EQUAL(sim_device_dacl(SAMPLE_PATH), SIM_DACL_NO_DEVICE);
}

static void names_behind_the_device(void)
{
    const sim_utf16 *path = (const sim_utf16 *)L"\\dosdevices\\SAMPLE\\behind";

    NT_CHECK_EQUAL(load(SAMPLE_OPEN_NAMES), 0);
    NT_CHECK_EQUAL(try_open(path, &sim_token_user, ACCESS), 0); /* the driver would have to look itself */
    NT_CHECK_EQUAL(try_open(SAMPLE_PATH, &sim_token_user, ACCESS), SIM_STATUS_ACCESS_DENIED);
    unload();
}

static void exclusive_devices_open_once(void)
{
    struct sim_file *file;
    sim_status status;

    NT_CHECK_EQUAL(load(SAMPLE_EXCLUSIVE), 0);
    file = sim_open(SAMPLE_PATH, NULL, ACCESS, 0, &status);
    NT_CHECK_EQUAL(try_open(SAMPLE_PATH, &sim_token_system, ACCESS), SIM_STATUS_ACCESS_DENIED);
    (void)sim_close(file);
    NT_CHECK_EQUAL(try_open(SAMPLE_PATH, &sim_token_system, ACCESS), 0);
    unload();
}

static void a_refused_create_has_no_end(void)
{
    __builtin_memset(&sample_counts, 0, sizeof(sample_counts));
    NT_CHECK_EQUAL(load(SAMPLE_REFUSES_CREATE), 0);
    NT_CHECK_EQUAL(try_open(SAMPLE_PATH, &sim_token_system, ACCESS), SIM_STATUS_SHARING_VIOLATION);
    NT_CHECK_EQUAL(sample_counts.creates, 1);
    NT_CHECK_EQUAL(sample_counts.cleanups + sample_counts.closes, 0);
    unload();
}

static sim_status early_status;

static NTSTATUS early_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    NTSTATUS status = sample_driver_entry(driver, registry_path);

    early_status = try_open(SAMPLE_PATH, &sim_token_system, ACCESS);
    return status;
}

static void opens_may_come_too_early(void)
{
    sample_flaws = 0;
    NT_CHECK_EQUAL(sim_driver_load(early_entry, NAME, SIM_FORCE_INTEGRITY), 0);
    NT_CHECK_EQUAL(early_status, SIM_STATUS_NO_SUCH_DEVICE);
    unload();
}

static void names_may_be_taken(void)
{
    sim_name_take(SAMPLE_DEVICE);
    NT_CHECK_EQUAL(load(0), SIM_STATUS_OBJECT_NAME_COLLISION);
    sim_name_release(SAMPLE_DEVICE);
    sim_name_take((const sim_utf16 *)L"\\GLOBAL\?\?\\sample");
    NT_CHECK_EQUAL(load(0), SIM_STATUS_OBJECT_NAME_COLLISION);
    NT_CHECK_EQUAL(try_open(SAMPLE_PATH, &sim_token_system, ACCESS), SIM_STATUS_OBJECT_TYPE_MISMATCH);
    sim_io_reset();
    NT_CHECK_EQUAL(load(0), 0);
    unload();
    NT_CHECK_EQUAL(try_open(SAMPLE_PATH, &sim_token_system, ACCESS), SIM_STATUS_OBJECT_NAME_NOT_FOUND);
}

/* check_leaks looks after each. */
static void each_failure_leaves_nothing(void)
{
    unsigned failures = 0;

    for (uint64_t nth = 1; nth < 100; nth++) {
        sim_fault_allocation(nth, false);
        if (load(0) == 0)
            break;
        failures++;
        NT_CHECK(!sim_driver_loaded());
    }
    sim_fault_reset();
    NT_CHECK(failures >= 5); /* device, handle, security, link, routine */
    unload();
}

static void unload_waits(unsigned index, void *context)
{
    static volatile int opened;
    struct sim_file *file;

    (void)context;
    if (index == 0) {
        nt_wait_until(&opened);
        NT_CHECK_EQUAL(sim_driver_unload(true), 0);
        return;
    }
    file = sim_open(SAMPLE_PATH, NULL, ACCESS, 0, NULL);
    __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
    while (try_open(SAMPLE_PATH, &sim_token_system, ACCESS) != SIM_STATUS_NO_SUCH_DEVICE)
        nt_sleep_ms(1);
    (void)sim_close(file);
}

static void unload_waits_for_files(void)
{
    NT_CHECK_EQUAL(load(0), 0);
    nt_run_threads(2, unload_waits, NULL);
    sim_io_reset();
}

/* ---- broken rules ------------------------------------------------------------------------------- */

static void load_and_unload(void *context)
{
    if (load((ULONG)(uintptr_t)context) == 0)
        unload();
}

#define EXPECT(flaw, call, text) NT_EXPECT_BROKEN(load_and_unload, (void *)(uintptr_t)(flaw), call, text)

static void what_is_left_is_seen(void)
{
    EXPECT(SAMPLE_LEAVES_DEVICE, "DriverUnload", "is still there");
    EXPECT(SAMPLE_LEAVES_LINK, "DriverUnload", "symbolic link \"\\\?\?\\Sample\" is still there");
    EXPECT(SAMPLE_LEAVES_ROUTINE, "DriverUnload", "is still registered");
    EXPECT(SAMPLE_LEAKS_HANDLE, "DriverUnload", "a handle to device object");
    EXPECT(SAMPLE_FAILS_AND_LEAVES, "DriverEntry, which failed", "device");
    EXPECT(SAMPLE_LEAVES_THREAD, "DriverUnload", "still runs");
    EXPECT(SAMPLE_USER_HANDLE, "a handle", "is reachable from user mode");
}

static void delete_at_dispatch(void *context)
{
    KIRQL irql;

    (void)context;
    (void)load(0);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    (void)sample_unregister();
}

static const UNICODE_STRING *kept_path;

static NTSTATUS keep_path_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    (void)driver;
    kept_path = registry_path;
    return STATUS_SUCCESS;
}

static void use_path_later(void *context)
{
    (void)context;
    (void)sim_driver_load(keep_path_entry, NAME, 0);
    NT_CHECK_EQUAL(*(const volatile USHORT *)&kept_path->Length, 0);
}

static void irql_is_looked_at(void)
{
    NT_EXPECT_BROKEN(delete_at_dispatch, NULL, "PsSetCreateProcessNotifyRoutineEx", "IRQL");
    NT_EXPECT_BROKEN(use_path_later, NULL, "an access to memory", "went when DriverEntry came back");
}

const struct nt_test nt_tests[] = {
    NT_TEST(loads_and_unloads),
    NT_TEST(routines_want_integrity),
    NT_TEST(the_dacl_decides),
    NT_TEST(other_dacls),
    NT_TEST(names_behind_the_device),
    NT_TEST(exclusive_devices_open_once),
    NT_TEST(a_refused_create_has_no_end),
    NT_TEST(opens_may_come_too_early),
    NT_TEST(names_may_be_taken),
    NT_TEST(each_failure_leaves_nothing),
    NT_TEST(unload_waits_for_files),
    NT_TEST(what_is_left_is_seen),
    NT_TEST(irql_is_looked_at),
    NT_TESTS_END,
};
