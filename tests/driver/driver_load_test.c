/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DriverEntry and Unload: the ladder falls from every rung without leaving anything behind (the simulated
 * kernel looks), the device is who-may-open-it's alone, and its name cannot be taken by surprise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver_client.h"

static int tear_down(void **state)
{
    (void)state;
    sim_fault_reset();
    sim_routine_show("ExAllocatePool2");
    sim_routine_show("KeQuerySystemTimePrecise");
    sim_io_reset();
    return sim_driver_loaded() || sim_pool_live_blocks(0) != 0 ? -1 : 0;
}

static void it_loads_and_unloads(void **state)
{
    (void)state;
    assert_int_equal(driver_load(), SIM_STATUS_SUCCESS);
    assert_int_equal(sim_notify_routines(), 1);
    assert_true(sim_pool_live_blocks(DRIVER_TAG) > 0);
    driver_unload();
    assert_int_equal(sim_notify_routines(), 0);
}

static void it_loads_where_the_newer_routines_are_missing(void **state)
{
    (void)state;
    sim_routine_hide("ExAllocatePool2");
    sim_routine_hide("KeQuerySystemTimePrecise");
    assert_int_equal(driver_load(), SIM_STATUS_SUCCESS);
    sim_process_exit(client_spawn(u"\\??\\C:\\a.exe", u"a"), 0);
    driver_unload();
}

static void without_force_integrity_it_is_refused(void **state)
{
    (void)state;
    assert_int_equal(sim_driver_load(DriverEntry, u"Muster", 0), SIM_STATUS_ACCESS_DENIED);
    assert_false(sim_driver_loaded());
}

static void a_name_that_is_taken_is_an_error(void **state)
{
    static const sim_utf16 *const names[] = {u"\\Device\\Muster", u"\\??\\Muster"};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        sim_name_take(names[i]);
        assert_int_equal(driver_load(), SIM_STATUS_OBJECT_NAME_COLLISION);
        assert_false(sim_driver_loaded());
        sim_name_release(names[i]);
    }
    assert_int_equal(driver_load(), SIM_STATUS_SUCCESS);
    driver_unload();
}

/* Each call that can fail, the first, the second ... until none is left to fail. */
static void every_rung_of_the_ladder_falls_cleanly(void **state)
{
    unsigned failed = 0;

    (void)state;
    sim_fault_each_call_site_once();
    while (driver_load() != SIM_STATUS_SUCCESS) {
        assert_false(sim_driver_loaded());
        assert_int_equal(sim_pool_check_leaks(0), 0);
        assert_true(++failed < 100);
    }
    sim_fault_reset();
    driver_unload();
    /* driver, gap block, skeleton block, thread, device, its handle, list, link, callback */
    assert_true(failed >= 8);
}

static void without_any_memory_it_does_not_load(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth <= 3; nth++) {
        sim_fault_allocation(nth, true);
        assert_int_equal(driver_load(), SIM_STATUS_INSUFFICIENT_RESOURCES);
        sim_fault_reset();
    }
}

static sim_status open_status(const struct sim_token_spec *who, const sim_utf16 *path, uint32_t access)
{
    struct sim_token *token = sim_token_create(who);
    sim_status status;
    struct sim_file *file = sim_open(path, token, access, SIM_SHARE_READ | SIM_SHARE_WRITE, &status);

    if (file != NULL)
        assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
    sim_token_release(token);
    return status;
}

static void system_and_administrators_open_it_and_nobody_else(void **state)
{
    static const uint32_t accesses[] = {SIM_GENERIC_READ | SIM_GENERIC_WRITE, SIM_GENERIC_READ, SIM_FILE_ATTRIBUTES,
                                        SIM_SYNCHRONIZE, SIM_MAXIMUM_ALLOWED};

    (void)state;
    assert_int_equal(driver_load(), SIM_STATUS_SUCCESS);
    assert_int_equal(sim_device_dacl(u"\\Device\\Muster"), SIM_DACL_ENTRIES);
    for (unsigned i = 0; i < sizeof accesses / sizeof *accesses; i++) {
        assert_int_equal(open_status(&sim_token_system, DEVICE_PATH, accesses[i]), SIM_STATUS_SUCCESS);
        assert_int_equal(open_status(&sim_token_administrator, DEVICE_PATH, accesses[i]), SIM_STATUS_SUCCESS);
        assert_int_equal(open_status(&sim_token_filtered, DEVICE_PATH, accesses[i]), SIM_STATUS_ACCESS_DENIED);
        assert_int_equal(open_status(&sim_token_user, DEVICE_PATH, accesses[i]), SIM_STATUS_ACCESS_DENIED);
    }
    driver_unload();
}

/* FILE_DEVICE_SECURE_OPEN: a name behind the device is no way round its list. */
static void a_name_behind_the_device_opens_for_nobody(void **state)
{
    (void)state;
    assert_int_equal(driver_load(), SIM_STATUS_SUCCESS);
    assert_int_equal(open_status(&sim_token_system, u"\\??\\Muster\\x", SIM_GENERIC_READ),
                     SIM_STATUS_OBJECT_NAME_NOT_FOUND);
    assert_int_equal(open_status(&sim_token_user, u"\\??\\Muster\\x", SIM_GENERIC_READ), SIM_STATUS_ACCESS_DENIED);
    driver_unload();
}

static void unload_waits_for_open_files(void **state)
{
    (void)state;
    assert_int_equal(driver_load(), SIM_STATUS_SUCCESS);
    struct sim_file *file = client_open_as(MUSTER_NT_ROLE_READER);
    assert_int_equal(sim_driver_unload(false), SIM_STATUS_ACCESS_DENIED);
    assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
    driver_unload();
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_loads_and_unloads),
        TEST(it_loads_where_the_newer_routines_are_missing),
        TEST(without_force_integrity_it_is_refused),
        TEST(a_name_that_is_taken_is_an_error),
        TEST(every_rung_of_the_ladder_falls_cleanly),
        TEST(without_any_memory_it_does_not_load),
        TEST(system_and_administrators_open_it_and_nobody_else),
        TEST(a_name_behind_the_device_opens_for_nobody),
        TEST(unload_waits_for_open_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
