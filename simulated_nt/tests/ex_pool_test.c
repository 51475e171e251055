/* SPDX-License-Identifier: Apache-2.0 */
/* Pool: content, alignment, guards, quarantine, tags, leaks, and what may not be asked for. */
#include <ntddk.h>

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/newer_nt.h"
#include "simulated_nt/tests/nt_test.h"

#define TAG   'gaTT'
#define OTHER 'rhtO'

#define FLAG_UNINITIALIZED 0x02ULL
#define FLAG_NON_PAGED     0x40ULL
#define FLAG_EXECUTE       0x80ULL

static PUCHAR allocate(SIZE_T bytes)
{
    PUCHAR block = ExAllocatePoolWithTag(NonPagedPoolNx, bytes, TAG);
    NT_CHECK(block != NULL);
    return block;
}

static void check_content(SIZE_T bytes)
{
    PUCHAR poisoned = allocate(bytes);
    PUCHAR zeroed = ExAllocatePool2(FLAG_NON_PAGED, bytes, TAG);
    PUCHAR uninitialised = ExAllocatePool2(FLAG_NON_PAGED | FLAG_UNINITIALIZED, bytes, TAG);

    for (SIZE_T i = 0; i < bytes; i++) {
        NT_CHECK_EQUAL(poisoned[i], 0x5c);
        NT_CHECK_EQUAL(zeroed[i], 0);
        NT_CHECK_EQUAL(uninitialised[i], 0x5c);
        poisoned[i] = 1; /* all of it can be written */
    }
    NT_CHECK_EQUAL((uintptr_t)poisoned % (bytes >= PAGE_SIZE ? PAGE_SIZE : 16), 0);
    ExFreePoolWithTag(poisoned, TAG);
    ExFreePool(zeroed);
    ExFreePoolWithTag(uninitialised, TAG);
}

static void check_contents(void)
{
    static const SIZE_T sizes[] = {1, 15, 16, 17, 100, 4080, 4095, 4096, 4097, 10000};

    sim_pool_poison(0x5c);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check_content(sizes[i]);
    sim_pool_poison(0xa5);
    NT_CHECK_EQUAL(sim_pool_live_blocks(TAG), 0);
}

static void content_is_poisoned_or_zeroed(void)
{
    check_contents();
    sim_pool_guard(false);
    check_contents();
    sim_pool_guard(true);
}

static void it_is_counted_by_tag(void)
{
    PVOID first = allocate(100), second = ExAllocatePoolWithTag(PagedPool, 50, OTHER);

    NT_CHECK_EQUAL(sim_pool_live_bytes(TAG), 100);
    NT_CHECK_EQUAL(sim_pool_live_bytes(OTHER), 50);
    NT_CHECK_EQUAL(sim_pool_live_bytes(0), 150);
    NT_CHECK_EQUAL(sim_pool_live_blocks(0), 2);
    sim_pool_peak_reset();
    ExFreePoolWithTag(first, TAG);
    ExFreePoolWithTag(second, OTHER);
    NT_CHECK_EQUAL(sim_pool_peak_bytes(), 150);
    NT_CHECK_EQUAL(sim_pool_check_leaks(0), 0);
}

/* A long run: quarantine lets go of what is old. */
static void hundred_thousand_lives(void)
{
    sim_pool_guard(false);
    for (unsigned i = 0; i < nt_scale(100000); i++) {
        PUCHAR block = allocate(1 + i % 500);
        block[i % 500] = 1; /* the last byte */
        ExFreePoolWithTag(block, TAG);
    }
    sim_pool_guard(true);
    for (unsigned i = 0; i < nt_scale(5000); i++)
        ExFreePoolWithTag(allocate(1 + i % 5000), TAG);
    sim_pool_check_all();
}

static void churn(unsigned index, void *context)
{
    (void)context;
    for (unsigned i = 0; i < nt_scale(3000); i++) {
        PUCHAR block = allocate(1 + (i * 7 + index) % 300);
        block[0] = (UCHAR)i;
        ExFreePoolWithTag(block, TAG);
    }
}

static void four_threads_share_it(void)
{
    nt_run_threads(4, churn, NULL);
    sim_pool_guard(false);
    nt_run_threads(4, churn, NULL);
    sim_pool_guard(true);
    NT_CHECK_EQUAL(sim_pool_live_blocks(TAG), 0);
}

/* ---- overruns and late uses ------------------------------------------------------------------------------- */

struct touch {
    bool guard;
    SIZE_T bytes;
    LONG_PTR at;
    bool after_free;
};

/* The compiler must not see through it; AddressSanitizer must not look, so that the pool's own guard does. */
static __attribute__((noinline, no_sanitize("address", "undefined"))) void write_byte(volatile UCHAR *at)
{
    *at = 0;
}

static void touch(void *context)
{
    const struct touch *touch = context;

    sim_pool_guard(touch->guard);
    PUCHAR block = allocate(touch->bytes);
    if (touch->after_free)
        ExFreePoolWithTag(block, TAG);
    write_byte(block + touch->at);
    if (!touch->after_free)
        ExFreePoolWithTag(block, TAG);
    sim_pool_check_all();
}

static void what_is_outside_is_guarded(void)
{
    struct touch behind = {true, 32, 32, false}, far_behind = {true, 5000, 8192, false};
    struct touch in_slack = {true, 30, 31, false}, before = {true, 32, -1, false};
    struct touch page_before = {true, 4096, -1, false}, page_slack = {true, 5000, 5001, false};
    struct touch heap_behind = {false, 30, 30, false}, heap_before = {false, 30, -1, false};

    NT_EXPECT_BROKEN(touch, &behind, "a memory access", "byte 32 was touched, outside the block: its guard page");
    NT_EXPECT_BROKEN(touch, &far_behind, "a memory access", "byte 8192 was touched, outside the block");
    NT_EXPECT_BROKEN(touch, &page_before, "a memory access", "byte -1 was touched, outside the block");
    NT_EXPECT_BROKEN(touch, &in_slack, "ExFreePoolWithTag", "byte 31, behind the block's end, was written");
    NT_EXPECT_BROKEN(touch, &page_slack, "ExFreePoolWithTag", "byte 5001, behind the block's end, was written");
    NT_EXPECT_BROKEN(touch, &before, "ExFreePoolWithTag", "byte -1, before the block, was written");
    NT_EXPECT_BROKEN(touch, &heap_behind, "ExFreePoolWithTag", "byte 30, behind the block's end, was written");
    NT_EXPECT_BROKEN(touch, &heap_before, "ExFreePoolWithTag", "byte -1, before the block, was written");
}

static void what_is_freed_is_gone(void)
{
    struct touch freed = {true, 32, 3, true}, heap_freed = {false, 32, 3, true};

    NT_EXPECT_BROKEN(touch, &freed, "a memory access", "byte 3 was touched after the block was freed");
    NT_EXPECT_BROKEN(touch, &heap_freed, "the pool's quarantine", "byte 3 was written after the block was freed");
    NT_EXPECT_ABORT(touch, &freed, "allocated by thread");
}

/* ---- what may not be asked for ------------------------------------------------------------------------------ */

static void no_bytes(void *context)
{
    (void)context;
    (void)ExAllocatePoolWithTag(NonPagedPoolNx, 0, TAG);
}

static void no_tag(void *context)
{
    (void)context;
    (void)ExAllocatePoolWithTag(NonPagedPoolNx, 1, 0);
}

static void strange_tag(void *context)
{
    (void)context;
    (void)ExAllocatePoolWithTag(NonPagedPoolNx, 1, 0x01414141);
}

static void executable(void *context)
{
    (void)context;
    (void)ExAllocatePoolWithTag(NonPagedPool, 1, TAG);
}

static void executable_by_flag(void *context)
{
    (void)context;
    (void)ExAllocatePool2(FLAG_EXECUTE, 1, TAG);
}

static void wrong_tag(void *context)
{
    (void)context;
    ExFreePoolWithTag(allocate(1), OTHER);
}

static void free_twice(void *context)
{
    PVOID block = allocate(1);

    (void)context;
    ExFreePoolWithTag(block, TAG);
    ExFreePoolWithTag(block, TAG);
}

static void free_stack(void *context)
{
    (void)context;
    ExFreePool(&context);
}

static void free_inside(void *context)
{
    (void)context;
    ExFreePool(allocate(100) + 16);
}

static void free_null(void *context)
{
    (void)context;
    ExFreePool(NULL);
}

static void free_paged_at_dispatch(void *context)
{
    PVOID block = ExAllocatePoolWithTag(PagedPool, 1, TAG);
    KIRQL old;

    (void)context;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ExFreePoolWithTag(block, TAG);
}

static void the_rules(void)
{
    NT_EXPECT_BROKEN(no_bytes, NULL, "ExAllocatePoolWithTag", "an allocation of 0 bytes");
    NT_EXPECT_BROKEN(no_tag, NULL, "ExAllocatePoolWithTag", "has no letter");
    NT_EXPECT_BROKEN(strange_tag, NULL, "ExAllocatePoolWithTag", "no printable ASCII");
    NT_EXPECT_BROKEN(executable, NULL, "ExAllocatePoolWithTag", "executable pool");
    NT_EXPECT_BROKEN(executable_by_flag, NULL, "ExAllocatePool2", "of which the simulator refuses 0x80");
    NT_EXPECT_BROKEN(wrong_tag, NULL, "ExFreePoolWithTag", "freed with the tag ");
    NT_EXPECT_BROKEN(free_twice, NULL, "ExFreePoolWithTag", "the block was freed before");
    NT_EXPECT_BROKEN(free_stack, NULL, "ExFreePool", "is not from the pool");
    NT_EXPECT_BROKEN(free_inside, NULL, "ExFreePool", "is not the start of the block");
    NT_EXPECT_BROKEN(free_null, NULL, "ExFreePool", "the address is NULL");
    NT_EXPECT_BROKEN(free_paged_at_dispatch, NULL, "ExFreePoolWithTag", "paged pool freed at IRQL 2");
}

static void leak_two(void *context)
{
    (void)context;
    (void)allocate(10);
    (void)allocate(20);
    (void)ExAllocatePoolWithTag(NonPagedPoolNx, 1, OTHER);
    sim_pool_require_no_leaks("DriverUnload", TAG);
}

static void leaks_are_told(void)
{
    NT_EXPECT_BROKEN(leak_two, NULL, "DriverUnload", "2 blocks of pool (30 bytes, tag 'TTag') were not freed");
    NT_EXPECT_ABORT(leak_two, NULL, "20 bytes of non-paged pool, tag 'TTag'");
}

/* ---- ThreadSanitizer still sees the driver's races through the pool's own locks ---------------------------- */

static int shared;

static void race(unsigned index, void *context)
{
    (void)context;
    for (unsigned i = 0; i < 500; i++) {
        PVOID block = allocate(16);
        shared += (int)index + 1;
        ExFreePoolWithTag(block, TAG);
    }
}

static void race_beside_the_pool(void *context)
{
    (void)context;
    nt_run_threads(2, race, NULL);
    sim_test_broken("the test", "came to its end");
}

static void the_pool_orders_nobody(void)
{
    NT_EXPECT_ABORT(race_beside_the_pool, NULL, nt_is_tsan() ? "data race" : "came to its end");
}

const struct nt_test nt_tests[] = {
    NT_TEST(content_is_poisoned_or_zeroed),
    NT_TEST(it_is_counted_by_tag),
    NT_TEST(hundred_thousand_lives),
    NT_TEST(four_threads_share_it),
    NT_TEST(what_is_outside_is_guarded),
    NT_TEST(what_is_freed_is_gone),
    NT_TEST(the_rules),
    NT_TEST(leaks_are_told),
    NT_TEST(the_pool_orders_nobody),
    NT_TESTS_END,
};
