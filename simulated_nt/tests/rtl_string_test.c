/* SPDX-License-Identifier: Apache-2.0 */
/* Strings, versions, routines by name, clocks, DbgPrint, bug checks, and the fault plan. */
#include <ntddk.h>

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/newer_nt.h"
#include "simulated_nt/tests/nt_test.h"

#define TAG 'gaTT'

static UNICODE_STRING string_of(PCWSTR text)
{
    UNICODE_STRING string;
    RtlInitUnicodeString(&string, text);
    return string;
}

static void strings_are_counted(void)
{
    UNICODE_STRING empty = string_of(NULL), device = string_of(L"\\Device\\Muster");

    NT_CHECK_EQUAL(empty.Length, 0);
    NT_CHECK_EQUAL(empty.MaximumLength, 0);
    NT_CHECK(empty.Buffer == NULL);
    NT_CHECK_EQUAL(device.Length, 28);
    NT_CHECK_EQUAL(device.MaximumLength, 30);
}

static void copies_are_cut(void)
{
    WCHAR room[4] = {7, 7, 7, 7};
    UNICODE_STRING to = {.MaximumLength = 6, .Buffer = room}, from = string_of(L"abcdef");

    RtlCopyUnicodeString(&to, &from);
    NT_CHECK_EQUAL(to.Length, 6);
    NT_CHECK_EQUAL(room[2], 'c');
    NT_CHECK_EQUAL(room[3], 7);
    RtlCopyUnicodeString(&to, NULL);
    NT_CHECK_EQUAL(to.Length, 0);
    NT_CHECK_EQUAL(RtlAppendUnicodeToString(&to, L"xy"), STATUS_SUCCESS);
    NT_CHECK_EQUAL(room[2], 0);
    NT_CHECK_EQUAL(RtlAppendUnicodeStringToString(&to, &from), STATUS_BUFFER_TOO_SMALL);
    NT_CHECK_EQUAL(to.Length, 4);
}

static void strings_compare(void)
{
    UNICODE_STRING lower = string_of(L"gr\u00fcn"), upper = string_of(L"GR\u00dcN"), longer = string_of(L"gr\u00fcnes");

    NT_CHECK(RtlEqualUnicodeString(&lower, &upper, TRUE));
    NT_CHECK(!RtlEqualUnicodeString(&lower, &upper, FALSE));
    NT_CHECK(RtlCompareUnicodeString(&lower, &longer, FALSE) < 0);
    NT_CHECK(RtlCompareUnicodeString(&lower, &upper, FALSE) > 0);
    NT_CHECK(RtlPrefixUnicodeString(&upper, &longer, TRUE));
    NT_CHECK(!RtlPrefixUnicodeString(&longer, &upper, TRUE));
    NT_CHECK_EQUAL(RtlCompareMemory("abcd", "abxd", 4), 2);
}

static void odd_length(void *context)
{
    UNICODE_STRING string = string_of(L"ab");

    (void)context;
    string.Length = 3;
    (void)RtlEqualUnicodeString(&string, &string, FALSE);
}

static void no_buffer(void *context)
{
    UNICODE_STRING string = {.Length = 2, .MaximumLength = 2}, to = {.Length = 0};

    (void)context;
    RtlCopyUnicodeString(&to, &string);
}

static void bad_strings_are_refused(void)
{
    NT_EXPECT_BROKEN(odd_length, NULL, "RtlEqualUnicodeString", "has Length 3");
    NT_EXPECT_BROKEN(no_buffer, NULL, "RtlCopyUnicodeString", "and no buffer");
}

static void routines_can_be_hidden(void)
{
    UNICODE_STRING pool2 = string_of(L"ExAllocatePool2"), none = string_of(L"NoSuchRoutine");

    NT_CHECK(MmGetSystemRoutineAddress(&pool2) == (PVOID)(ULONG_PTR)ExAllocatePool2);
    NT_CHECK(MmGetSystemRoutineAddress(&none) == NULL);
    sim_routine_hide("ExAllocatePool2");
    NT_CHECK(MmGetSystemRoutineAddress(&pool2) == NULL);
    sim_routine_show("ExAllocatePool2");
    NT_CHECK(MmGetSystemRoutineAddress(&pool2) != NULL);
    sim_routine_add("NoSuchRoutine", (void (*)(void))ExAllocatePool2);
    NT_CHECK(MmGetSystemRoutineAddress(&none) != NULL);
}

static void it_says_which_windows(void)
{
    RTL_OSVERSIONINFOW version = {.dwOSVersionInfoSize = sizeof version};

    NT_CHECK_EQUAL(RtlGetVersion(&version), STATUS_SUCCESS);
    NT_CHECK_EQUAL(version.dwMajorVersion, 10);
    NT_CHECK_EQUAL(version.dwBuildNumber, 19041);
}

static void clocks_go_forward(void)
{
    LARGE_INTEGER coarse, precise, frequency, interval = {.QuadPart = -50000};
    const LARGE_INTEGER first = KeQueryPerformanceCounter(&frequency);
    const ULONGLONG interrupt = KeQueryInterruptTime();

    KeQuerySystemTime(&coarse);
    KeQuerySystemTimePrecise(&precise);
    NT_CHECK(precise.QuadPart >= coarse.QuadPart);
    NT_CHECK(precise.QuadPart - coarse.QuadPart < 10000000);
    NT_CHECK(coarse.QuadPart > 133000000000000000LL); /* after 2022 */
    NT_CHECK_EQUAL(frequency.QuadPart, 10000000);
    NT_CHECK_EQUAL(KeDelayExecutionThread(KernelMode, FALSE, &interval), STATUS_SUCCESS);
    NT_CHECK(KeQueryPerformanceCounter(NULL).QuadPart - first.QuadPart >= 50000);
    NT_CHECK(KeQueryInterruptTime() > interrupt);
}

/* ---- DbgPrint and bug checks -------------------------------------------------------------------------------- */

static void print_and_end(void *context)
{
    UNICODE_STRING string = string_of(L"wide");

    (void)context;
    string.Length = 6;
    (void)DbgPrint("[%s|%wZ|%ws|%lu|%I64x|%08X|%d%%|%c]\n", "text", &string, L"W", 4294967295U, 0x123456789abcULL,
                   0xbeef, -5, 'z');
    KeBugCheckEx(0xe2, 1, 2, 3, 4);
}

static void print_wide_at_dispatch(void *context)
{
    KIRQL old;

    (void)context;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    (void)DbgPrint("fine\n");
    (void)DbgPrint("%ws\n", L"not fine");
}

static void messages_come_out(void)
{
    NT_EXPECT_ABORT(print_and_end, NULL, "[text|wid|W|4294967295|123456789abc|0000BEEF|-5%|z]");
    NT_EXPECT_ABORT(print_and_end, NULL, "BUG CHECK 0x000000e2 (0x1, 0x2, 0x3, 0x4)");
    NT_EXPECT_BROKEN(print_wide_at_dispatch, NULL, "DbgPrint", "a UTF-16 conversion at IRQL 2");
}

/* ---- faults -------------------------------------------------------------------------------------------------- */

static PVOID allocate(void)
{
    return ExAllocatePoolWithTag(NonPagedPoolNx, 8, TAG);
}

static bool allocation_fails(void)
{
    PVOID block = allocate();

    if (block != NULL)
        ExFreePoolWithTag(block, TAG);
    return block == NULL;
}

static void the_nth_fails_once_or_for_ever(void)
{
    sim_fault_reset();
    sim_fault_allocation(3, false);
    NT_CHECK(!allocation_fails());
    NT_CHECK(!allocation_fails());
    NT_CHECK(allocation_fails());
    NT_CHECK(!allocation_fails());
    NT_CHECK_EQUAL(sim_fault_attempts(), 4);
    NT_CHECK_EQUAL(sim_fault_failures(), 1);
    sim_fault_allocation(2, true);
    NT_CHECK(!allocation_fails());
    NT_CHECK(allocation_fails());
    NT_CHECK(allocation_fails());
    sim_fault_reset();
    NT_CHECK(!allocation_fails());
    NT_CHECK_EQUAL(sim_fault_failures(), 0);
}

/* Not inlined, not a tail call: two sites that reach the pool through the same function. */
static __attribute__((noinline)) bool first_site(void)
{
    const bool failed = allocation_fails();
    __asm__ volatile("");
    return failed;
}

static __attribute__((noinline)) bool second_site(void)
{
    const bool failed = allocation_fails();
    __asm__ volatile("" ::: "memory");
    return failed;
}

static void each_site_fails_once(void)
{
    bool first[3], second[3];

    sim_fault_reset();
    sim_fault_each_call_site_once();
    for (unsigned i = 0; i < 3; i++) {
        first[i] = first_site();
        second[i] = second_site();
    }
    NT_CHECK(first[0] && !first[1] && !first[2]);
    NT_CHECK(second[0] && !second[1] && !second[2]);
    NT_CHECK_EQUAL(sim_fault_sites(), 2);
    NT_CHECK_EQUAL(sim_fault_failures(), 2);
    sim_fault_reset();
}

const struct nt_test nt_tests[] = {
    NT_TEST(strings_are_counted),
    NT_TEST(copies_are_cut),
    NT_TEST(strings_compare),
    NT_TEST(bad_strings_are_refused),
    NT_TEST(routines_can_be_hidden),
    NT_TEST(it_says_which_windows),
    NT_TEST(clocks_go_forward),
    NT_TEST(messages_come_out),
    NT_TEST(the_nth_fails_once_or_for_ever),
    NT_TEST(each_site_fails_once),
    NT_TESTS_END,
};
