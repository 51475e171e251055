/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and control codes on the sample driver: what a right driver sees and gives, and each rule of an
 * IRP's life broken once.
 */
#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/include/simulated_nt_io.h"
#include "simulated_nt/tests/nt_test.h"
#include "simulated_nt/tests/sample_driver.h"

#define ACCESS (SIM_GENERIC_READ | SIM_GENERIC_WRITE)

static struct sim_file *start(void)
{
    struct sim_file *file;
    sim_status status;

    __builtin_memset(&sample_counts, 0, sizeof(sample_counts));
    NT_CHECK_EQUAL(sim_driver_load(sample_driver_entry, (const sim_utf16 *)L"sample", SIM_FORCE_INTEGRITY), 0);
    file = sim_open(SAMPLE_PATH, NULL, ACCESS, 0, &status);
    NT_CHECK_EQUAL(status, 0);
    return file;
}

static void stop(struct sim_file *file)
{
    (void)sim_close(file);
    NT_CHECK_EQUAL(sim_driver_unload(false), 0);
    sim_io_reset();
}

static void opens_and_closes(void)
{
    struct sim_file *file = start();
    struct sim_file *second = sim_handle_duplicate(file);

    NT_CHECK_EQUAL(sim_driver_unload(false), SIM_STATUS_ACCESS_DENIED);
    NT_CHECK_EQUAL(sim_close(file), 0);
    NT_CHECK_EQUAL(sim_close(file), SIM_STATUS_INVALID_HANDLE);
    NT_CHECK_EQUAL(sample_counts.cleanups, 0);
    NT_CHECK_EQUAL(sim_ioctl(second, SAMPLE_ECHO, "x", 1, NULL, 0, NULL), SIM_STATUS_BUFFER_TOO_SMALL);
    stop(second);
    NT_CHECK_EQUAL(sample_counts.creates, 1);
    NT_CHECK_EQUAL(sample_counts.cleanups, 1);
    NT_CHECK_EQUAL(sample_counts.closes, 1);
}

static void buffers_are_as_long_as_asked(void)
{
    struct sim_file *file = start();
    unsigned char out[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint64_t information;

    NT_CHECK_EQUAL(sim_ioctl(file, SAMPLE_ECHO, "abc", 3, out, 8, &information), 0);
    NT_CHECK_EQUAL(information, 3);
    NT_CHECK(__builtin_memcmp(out, "abc\4\5\6\7\10", 8) == 0);
    NT_CHECK_EQUAL(sim_ioctl(file, SAMPLE_FILL, NULL, 0, out, 7, &information), 0);
    NT_CHECK_EQUAL(information, 7);
    NT_CHECK(out[6] == 6 && out[7] == 8);
    NT_CHECK_EQUAL(sim_ioctl(file, SAMPLE_FILL, NULL, 0, NULL, 0, &information), SIM_STATUS_BUFFER_TOO_SMALL);
    NT_CHECK_EQUAL(sim_ioctl(file, SAMPLE_FILL, NULL, 0, out + 1, 5, &information), 0);
    NT_CHECK_EQUAL(out[5], 4);
    __builtin_memset(out, 1, sizeof(out));
    NT_CHECK_EQUAL(sim_ioctl(file, SAMPLE_SUM, NULL, 0, out, 4, &information), 0);
    NT_CHECK_EQUAL(information, 4);
    NT_CHECK_EQUAL(sim_ioctl(file, SAMPLE_RAW, "abc", 3, out, 4, &information), 0);
    NT_CHECK_EQUAL(sim_ioctl(file, SIM_CTL_CODE(0x22, 0x8ff, 0, 0), NULL, 0, NULL, 0, NULL),
                   SIM_STATUS_INVALID_DEVICE_REQUEST);
    stop(file);
}

static void other_functions_are_refused(void)
{
    struct sim_file *file = start();
    char byte = 0;

    NT_CHECK_EQUAL(sim_send(file, IRP_MJ_FLUSH_BUFFERS, 0), SIM_STATUS_INVALID_DEVICE_REQUEST);
    NT_CHECK_EQUAL(sim_send(file, IRP_MJ_PNP, 0), SIM_STATUS_INVALID_DEVICE_REQUEST);
    NT_CHECK_EQUAL(sim_read(file, &byte, 1, NULL), SIM_STATUS_INVALID_DEVICE_REQUEST);
    NT_CHECK_EQUAL(sim_write(file, &byte, 1, NULL), SIM_STATUS_INVALID_DEVICE_REQUEST);
    stop(file);
}

static void codes_want_their_access(void)
{
    struct sim_file *file = start();
    struct sim_file *reader = sim_open(SAMPLE_PATH, NULL, SIM_GENERIC_READ, 0, NULL);
    struct sim_file *writer = sim_open(SAMPLE_PATH, NULL, SIM_GENERIC_WRITE, 0, NULL);
    char byte;

    NT_CHECK_EQUAL(sim_ioctl(reader, SAMPLE_FILL, NULL, 0, &byte, 1, NULL), 0);
    NT_CHECK_EQUAL(sim_ioctl(reader, SAMPLE_SUM, NULL, 0, &byte, 1, NULL), SIM_STATUS_ACCESS_DENIED);
    NT_CHECK_EQUAL(sim_ioctl(writer, SAMPLE_SUM, NULL, 0, &byte, 1, NULL), 0);
    NT_CHECK_EQUAL(sim_ioctl(writer, SAMPLE_FILL, NULL, 0, &byte, 1, NULL), SIM_STATUS_ACCESS_DENIED);
    (void)sim_close(reader);
    NT_CHECK_EQUAL(sim_ioctl(reader, SAMPLE_ECHO, NULL, 0, NULL, 0, NULL), SIM_STATUS_INVALID_HANDLE);
    (void)sim_close(writer);
    stop(file);
}

static void reads_pend(void)
{
    struct sim_file *file = start();
    unsigned char out[4] = {0};
    struct sim_request *request = sim_ioctl_begin(file, SAMPLE_READ, NULL, 0, out, 4);
    uint64_t information;

    NT_CHECK_EQUAL(sim_request_wait(request, 20, NULL), SIM_STATUS_TIMEOUT);
    NT_CHECK_EQUAL(sim_requests_outstanding(), 1);
    NT_CHECK_EQUAL(sim_ioctl(file, SAMPLE_WAKE, NULL, 0, NULL, 0, NULL), 0);
    NT_CHECK_EQUAL(sim_request_wait(request, 1000, &information), 0);
    NT_CHECK_EQUAL(information, 4);
    NT_CHECK_EQUAL(out[3], 'r');
    NT_CHECK(!sim_request_cancel(request));
    sim_request_free(request);

    request = sim_ioctl_begin(file, SAMPLE_READ, NULL, 0, out, 4);
    NT_CHECK(sim_request_is_pending(request));
    NT_CHECK(sim_request_cancel(request));
    NT_CHECK_EQUAL(sim_request_wait(request, 1000, NULL), SIM_STATUS_CANCELLED);
    sim_request_free(request);
    stop(file);
}

static void cleanup_ends_reads_and_close_comes_last(void)
{
    struct sim_file *file = start();
    struct sim_request *request = sim_ioctl_begin(file, SAMPLE_READ, NULL, 0, NULL, 0);

    NT_CHECK_EQUAL(sim_close(file), 0);
    NT_CHECK_EQUAL(sample_counts.cleanups, 1);
    NT_CHECK_EQUAL(sample_counts.closes, 0);
    NT_CHECK_EQUAL(sim_request_wait(request, 1000, NULL), SIM_STATUS_CANCELLED);
    sim_request_free(request);
    NT_CHECK_EQUAL(sample_counts.closes, 1);
    NT_CHECK_EQUAL(sim_driver_unload(false), 0);
    sim_io_reset();
}

static void a_thread_that_ends_cancels(void)
{
    struct sim_file *file = start();
    struct sim_request *first = sim_ioctl_begin(file, SAMPLE_READ, NULL, 0, NULL, 0);
    struct sim_request *second = sim_ioctl_begin(file, SAMPLE_READ, NULL, 0, NULL, 0);

    sim_thread_cancel_requests();
    NT_CHECK_EQUAL(sim_request_wait(first, 0, NULL), SIM_STATUS_CANCELLED);
    NT_CHECK_EQUAL(sim_request_wait(second, 0, NULL), SIM_STATUS_CANCELLED);
    NT_CHECK_EQUAL(sample_counts.cancels, 2);
    sim_request_free(first);
    sim_request_free(second);
    stop(file);
}

static void senders_are_known(void)
{
    struct sim_process_spec spec = {.process_id = 2008, .silent = true};
    struct sim_file *file = start();
    struct sim_process *process = sim_process_create(&spec, NULL);
    ULONG who = 0;

    NT_CHECK_EQUAL(sim_ioctl(file, SAMPLE_WHO, NULL, 0, &who, sizeof(who), NULL), 0);
    NT_CHECK_EQUAL(who, 4);
    sim_thread_process(process);
    NT_CHECK_EQUAL(sim_ioctl(file, SAMPLE_WHO, NULL, 0, &who, sizeof(who), NULL), 0);
    NT_CHECK_EQUAL(who, 2008);
    sim_thread_process(NULL);
    sim_process_exit(process, 0);
    stop(file);
}

static void mappings_may_fail(void)
{
    struct sim_file *file = start();
    char byte;

    sim_fault_allocation(1, false);
    NT_CHECK_EQUAL(sim_ioctl(file, SAMPLE_FILL, NULL, 0, &byte, 1, NULL), SIM_STATUS_INSUFFICIENT_RESOURCES);
    sim_fault_reset();
    stop(file);
}

static void unwritten_output_is_poison(void)
{
    struct sim_file *file = start();
    unsigned char out[4] = {0};

    sim_buffer_poison(0x5c);
    NT_CHECK_EQUAL(sim_ioctl(file, SAMPLE_UNWRITTEN, NULL, 0, out, sizeof(out), NULL), 0);
    NT_CHECK(out[0] == 0x5c && out[3] == 0x5c);
    sim_buffer_poison(0xA5);
    stop(file);
}

/* ---- broken rules ------------------------------------------------------------------------------- */

static void misdo(void *context)
{
    unsigned char in[5] = {(unsigned char)(uintptr_t)context, 0, 0, 0, 0};
    struct sim_file *file = start();

    (void)sim_ioctl(file, SAMPLE_MISDO, in, sizeof(in), NULL, 0, NULL);
    stop(file);
}

#define CONTROL "IRP_MJ_DEVICE_CONTROL 0x00222018"

static void each_misdeed_is_seen(void)
{
    static const struct {
        enum sample_misdeed misdeed;
        const char *call, *text;
    } cases[] = {
        {SAMPLE_COMPLETE_TWICE, "IoCompleteRequest", "the IRP of " CONTROL ", was completed"},
        {SAMPLE_TOUCH_AFTER_COMPLETION, "an access to memory", "of the IRP of " CONTROL},
        {SAMPLE_USE_SYSTEM_BUFFER_LATER, "an access to memory", "was freed: its IRP was completed"},
        {SAMPLE_RETURN_UNCOMPLETED, CONTROL, "the IRP was not completed"},
        {SAMPLE_PENDING_UNMARKED, CONTROL, "IoMarkIrpPending was not called"},
        {SAMPLE_MARKED_NOT_PENDING, CONTROL, "IoMarkIrpPending was called, and 0x00000000 was returned"},
        {SAMPLE_OTHER_STATUS, CONTROL, "and it was completed with 0xc0000001"},
        {SAMPLE_KEEP_CANCEL_ROUTINE, "IoCompleteRequest", "still has a cancel routine"},
        {SAMPLE_TOO_MUCH_INFORMATION, "IoCompleteRequest", "Information is 100000, and the output has room for 0"},
        {SAMPLE_WRITE_BEHIND_SYSTEM_BUFFER, "IoCompleteRequest", "was written 0 bytes behind its 5"},
        {SAMPLE_STAY_AT_DISPATCH, CONTROL, "came back at IRQL 2, and was called at 0"},
        {SAMPLE_STAY_IN_REGION, CONTROL, "came back inside 1 critical regions"},
        {SAMPLE_COMPLETE_WITH_PENDING, "IoCompleteRequest", "is completed with status 0x00000103"},
        {SAMPLE_COMPLETE_UNDER_LOCK, "IoCompleteRequest", "is completed with spin lock"},
        {SAMPLE_KEEP_FILE_REFERENCE, "DriverUnload", "the driver still holds 1 reference(s) to device object"},
        {SAMPLE_DEREFERENCE_TOO_OFTEN, "ObDereferenceObject", "more often than the driver referenced it"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        NT_EXPECT_BROKEN(misdo, (void *)(uintptr_t)cases[i].misdeed, cases[i].call, cases[i].text);
}

static void write_beyond(void *context)
{
    struct sim_file *file = start();
    char out[16];

    (void)sim_ioctl(file, SAMPLE_BEYOND, NULL, 0, out, (uintptr_t)context, NULL);
    stop(file);
}

static void direct_buffers_end_where_they_end(void)
{
    NT_EXPECT_BROKEN(write_beyond, (void *)16, "an access to memory", "0 bytes behind the end of the direct buffer");
    NT_EXPECT_BROKEN(write_beyond, (void *)5, "IoCompleteRequest", "was written 0 bytes behind its 5");
}

static void ignore_cleanup(void *context)
{
    struct sim_file *file;

    (void)context;
    sample_flaws = SAMPLE_IGNORES_CLEANUP;
    sim_cleanup_grace_ms(50);
    file = start();
    (void)sim_ioctl_begin(file, SAMPLE_READ, NULL, 0, NULL, 0);
    (void)sim_close(file);
}

static void keep_cancel_lock(void *context)
{
    struct sim_file *file;

    (void)context;
    sample_flaws = SAMPLE_CANCEL_KEEPS_LOCK;
    file = start();
    (void)sim_request_cancel(sim_ioctl_begin(file, SAMPLE_READ, NULL, 0, NULL, 0));
}

static void what_pends_has_to_end(void)
{
    NT_EXPECT_BROKEN(ignore_cleanup, NULL, "IRP_MJ_CLEANUP", "1 IRP(s) of file object");
    NT_EXPECT_BROKEN(keep_cancel_lock, NULL, "a cancel routine", "with the cancel spin lock held");
}

const struct nt_test nt_tests[] = {
    NT_TEST(opens_and_closes),
    NT_TEST(buffers_are_as_long_as_asked),
    NT_TEST(other_functions_are_refused),
    NT_TEST(codes_want_their_access),
    NT_TEST(reads_pend),
    NT_TEST(cleanup_ends_reads_and_close_comes_last),
    NT_TEST(a_thread_that_ends_cancels),
    NT_TEST(senders_are_known),
    NT_TEST(mappings_may_fail),
    NT_TEST(unwritten_output_is_poison),
    NT_TEST(each_misdeed_is_seen),
    NT_TEST(direct_buffers_end_where_they_end),
    NT_TEST(what_pends_has_to_end),
    NT_TESTS_END,
};
