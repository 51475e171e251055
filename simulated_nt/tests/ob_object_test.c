/* SPDX-License-Identifier: Apache-2.0 */
/* ob: references, handles and types, used rightly and wrongly; and a thread's handle, waited for. */
#include "simulated_nt/ob_internal.h"
#include "simulated_nt/sim_guard.h"
#include "simulated_nt/tests/nt_test.h"

static int destroyed;

static void count_destroyed(void *object)
{
    (void)object;
    destroyed++;
}

static void the_last_reference_destroys(void)
{
    void *object = sim_object_create(SIM_OBJECT_EVENT, 100, count_destroyed);
    PVOID again = NULL;
    HANDLE handle;

    destroyed = 0;
    NT_CHECK_EQUAL(ObOpenObjectByPointer(object, OBJ_KERNEL_HANDLE, NULL, 0, NULL, KernelMode, &handle), 0);
    sim_object_dereference("a test", object);
    NT_CHECK_EQUAL(destroyed, 0);
    NT_CHECK_EQUAL(ObReferenceObjectByHandle(handle, 0, *ExEventObjectType, KernelMode, &again, NULL), 0);
    NT_CHECK(again == object);
    NT_CHECK_EQUAL(ObReferenceObjectByHandle(handle, 0, *PsThreadType, KernelMode, &again, NULL),
                   STATUS_OBJECT_TYPE_MISMATCH);
    NT_CHECK_EQUAL(ObReferenceObjectByHandle(handle, 0, (POBJECT_TYPE)ExEventObjectType, KernelMode, &again, NULL), 0);
    NT_CHECK_EQUAL(ObReferenceObjectByHandle((HANDLE)4, 0, NULL, KernelMode, &again, NULL), STATUS_INVALID_HANDLE);
    NT_CHECK_EQUAL(ZwClose(handle), 0);
    ObDereferenceObject(object);
    NT_CHECK_EQUAL(destroyed, 0);
    ObDereferenceObject(object);
    NT_CHECK_EQUAL(destroyed, 1);
    NT_CHECK(!sim_object_is(object, SIM_OBJECT_EVENT));
}

static void reference_often(unsigned index, void *object)
{
    (void)index;
    for (unsigned i = 0; i < nt_scale(10000); i++) {
        ObReferenceObject(object);
        ObDereferenceObject(object);
    }
}

static void references_count_in_all_threads(void)
{
    void *object = sim_object_create(SIM_OBJECT_EVENT, 8, count_destroyed);

    destroyed = 0;
    nt_run_threads(4, reference_often, object);
    NT_CHECK_EQUAL(destroyed, 0);
    sim_object_dereference("a test", object);
    NT_CHECK_EQUAL(destroyed, 1);
}

static volatile LONG has_run;

static VOID NTAPI thread_body(PVOID context)
{
    (void)context;
    nt_sleep_ms(10);
    InterlockedExchange(&has_run, 1);
    (void)PsTerminateSystemThread(STATUS_SUCCESS);
}

static void threads_are_waited_for_by_handle(void)
{
    OBJECT_ATTRIBUTES attributes;
    LARGE_INTEGER no_time = {.QuadPart = 0};
    HANDLE handle;

    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    NT_CHECK_EQUAL(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, &attributes, NULL, NULL, thread_body, NULL), 0);
    NT_CHECK_EQUAL(ZwWaitForSingleObject(handle, FALSE, &no_time), STATUS_TIMEOUT);
    NT_CHECK_EQUAL(ZwWaitForSingleObject(handle, FALSE, NULL), 0);
    NT_CHECK_EQUAL(has_run, 1);
    NT_CHECK_EQUAL(ZwClose(handle), 0);
}

/* ---- broken rules ------------------------------------------------------------------------------- */

static void close_twice(void *context)
{
    void *object = sim_object_create(SIM_OBJECT_EVENT, 8, NULL);
    HANDLE handle = sim_handle_create(object, false);

    (void)context;
    (void)ZwClose(handle);
    (void)ZwClose(handle);
}

static void dereference_too_often(void *context)
{
    (void)context;
    ObDereferenceObject(sim_object_create(SIM_OBJECT_EVENT, 8, NULL));
}

static void use_after_the_last(void *context)
{
    void *object = sim_object_create(SIM_OBJECT_EVENT, 8, NULL);

    (void)context;
    sim_object_dereference("a test", object);
    ObReferenceObject(object);
}

static void touch_after_the_last(void *context)
{
    unsigned char *object = sim_object_create(SIM_OBJECT_EVENT, 8, NULL);

    (void)context;
    sim_object_dereference("a test", object);
    NT_CHECK_EQUAL(*(volatile unsigned char *)(object + 3), 0);
}

static void open_for_user_mode(void *context)
{
    HANDLE handle;

    (void)context;
    (void)ObOpenObjectByPointer(sim_object_create(SIM_OBJECT_EVENT, 8, NULL), 0, NULL, 0, NULL, KernelMode, &handle);
}

static void close_at_dispatch(void *context)
{
    void *object = sim_object_create(SIM_OBJECT_EVENT, 8, NULL);
    HANDLE handle = sim_handle_create(object, false);
    KIRQL irql;

    (void)context;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    (void)ZwClose(handle);
}

static void misuse_is_seen(void)
{
    NT_EXPECT_BROKEN(close_twice, NULL, "ZwClose", "is not open");
    NT_EXPECT_BROKEN(dereference_too_often, NULL, "ObDereferenceObject", "more often than the driver referenced it");
    NT_EXPECT_BROKEN(use_after_the_last, NULL, "ObReferenceObject", "is not an object, or not any more");
    NT_EXPECT_BROKEN(touch_after_the_last, NULL, "an access to memory", "of an event");
    NT_EXPECT_BROKEN(open_for_user_mode, NULL, "a handle", "is reachable from user mode");
    NT_EXPECT_BROKEN(close_at_dispatch, NULL, "ZwClose", "IRQL");
}

/* ---- guarded blocks ----------------------------------------------------------------------------- */

static void write_in_front(void *context)
{
    unsigned char *block = sim_guard_allocate(10, 0, 0, "a block");

    *(volatile unsigned char *)(block - 1 - (uintptr_t)context) = 1;
    sim_guard_free("a test", block, "was freed");
}

static void guards_stand(void)
{
    for (unsigned bytes = 0; bytes < 70; bytes++)
        for (unsigned phase = 0; phase < 16; phase++) {
            unsigned char *block = sim_guard_allocate(bytes, phase, 0x11, "%u bytes", bytes);

            NT_CHECK_EQUAL((uintptr_t)block % 16, phase);
            for (unsigned i = 0; i < bytes; i++)
                NT_CHECK_EQUAL(block[i], 0x11);
            sim_guard_free("a test", block, "was freed");
        }
    NT_EXPECT_BROKEN(write_in_front, NULL, "a test", "in front of its start");
}

const struct nt_test nt_tests[] = {
    NT_TEST(the_last_reference_destroys),
    NT_TEST(references_count_in_all_threads),
    NT_TEST(misuse_is_seen),
    NT_TEST(guards_stand),
    NT_TEST(threads_are_waited_for_by_handle), /* last: a thread that is about to end does not go well with fork */
    NT_TESTS_END,
};
