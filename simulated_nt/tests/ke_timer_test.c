/* SPDX-License-Identifier: Apache-2.0 */
/* Timers, DPCs, mutexes, semaphores, rundown protection and system threads. */
#include <ntifs.h>

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/tests/nt_test.h"

static KTIMER timer;
static KDPC dpc;
static KMUTEX mutex;
static KSEMAPHORE semaphore;
static EX_RUNDOWN_REF rundown;
static volatile int dpc_count;
static uint64_t plain;

static LARGE_INTEGER in_ms(LONG ms)
{
    return (LARGE_INTEGER){.QuadPart = -10000LL * ms};
}

static NTSTATUS wait_ms(PVOID object, LONG ms)
{
    LARGE_INTEGER timeout = in_ms(ms);
    return KeWaitForSingleObject(object, Executive, KernelMode, FALSE, &timeout);
}

/* ---- timers and DPCs ------------------------------------------------------------------------------------------ */

static VOID NTAPI count_dpc(struct _KDPC *self, PVOID context, PVOID argument1, PVOID argument2)
{
    (void)self;
    (void)context;
    (void)argument1;
    (void)argument2;
    NT_CHECK_EQUAL(KeGetCurrentIrql(), DISPATCH_LEVEL);
    plain++;
    (void)__atomic_add_fetch(&dpc_count, 1, __ATOMIC_RELEASE);
}

static void a_timer_is_signalled_when_due(void)
{
    KeInitializeTimer(&timer);
    NT_CHECK(!KeSetTimer(&timer, in_ms(500), NULL));
    NT_CHECK_EQUAL(wait_ms(&timer, 0), STATUS_TIMEOUT);
    NT_CHECK_EQUAL(wait_ms(&timer, 60000), STATUS_SUCCESS);
    NT_CHECK(KeReadStateTimer(&timer));
    NT_CHECK(!KeCancelTimer(&timer));
    NT_CHECK(!KeSetTimer(&timer, in_ms(60000), NULL));
    NT_CHECK(!KeReadStateTimer(&timer));
    NT_CHECK(KeCancelTimer(&timer));
    NT_CHECK_EQUAL(wait_ms(&timer, 20), STATUS_TIMEOUT);
}

static void a_period_queues_a_dpc_each_time(void)
{
    dpc_count = 0;
    KeInitializeDpc(&dpc, count_dpc, NULL);
    KeInitializeTimerEx(&timer, SynchronizationTimer);
    (void)KeSetTimerEx(&timer, in_ms(1), 2, &dpc);
    while (__atomic_load_n(&dpc_count, __ATOMIC_ACQUIRE) < 3)
        NT_CHECK_EQUAL(wait_ms(&timer, 5000), STATUS_SUCCESS);
    NT_CHECK(KeCancelTimer(&timer));
    KeFlushQueuedDpcs();
}

static void dpcs_run_and_are_flushed(void)
{
    plain = 0;
    KeInitializeDpc(&dpc, count_dpc, NULL);
    for (unsigned i = 0; i < 20; i++) {
        NT_CHECK(KeInsertQueueDpc(&dpc, NULL, NULL));
        KeFlushQueuedDpcs();
        NT_CHECK_EQUAL(plain, i + 1); /* plain: the flush orders it */
    }
    NT_CHECK(!KeRemoveQueueDpc(&dpc));
}

static VOID NTAPI wait_in_dpc(struct _KDPC *self, PVOID context, PVOID argument1, PVOID argument2)
{
    (void)self;
    (void)context;
    (void)argument1;
    (void)argument2;
    (void)wait_ms(&timer, 1);
}

static void wait_at_dispatch(void *context)
{
    (void)context;
    KeInitializeTimer(&timer);
    KeInitializeDpc(&dpc, wait_in_dpc, NULL);
    (void)KeInsertQueueDpc(&dpc, NULL, NULL);
    KeFlushQueuedDpcs();
}

static void free_set_timer(void *context)
{
    PKTIMER in_pool = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *in_pool, 'gaTT');

    (void)context;
    KeInitializeTimer(in_pool);
    (void)KeSetTimer(in_pool, in_ms(60000), NULL);
    ExFreePoolWithTag(in_pool, 'gaTT');
}

static void move_dpc(void *context)
{
    static KDPC elsewhere;

    (void)context;
    KeInitializeDpc(&dpc, count_dpc, NULL);
    elsewhere = dpc;
    (void)KeInsertQueueDpc(&elsewhere, NULL, NULL);
}

static void timers_and_dpcs_have_rules(void)
{
    NT_EXPECT_BROKEN(wait_at_dispatch, NULL, "KeWaitForSingleObject", "called at IRQL 2");
    NT_EXPECT_BROKEN(free_set_timer, NULL, "ExFreePoolWithTag", "in use: the timer is set");
    NT_EXPECT_BROKEN(move_dpc, NULL, "KeInsertQueueDpc", "was not initialised there");
}

/* ---- mutexes and semaphores ------------------------------------------------------------------------------------ */

static void add_under_mutex(unsigned index, void *context)
{
    (void)index;
    (void)context;
    for (unsigned i = 0; i < nt_scale(2000); i++) {
        NT_CHECK_EQUAL(KeWaitForSingleObject(&mutex, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
        plain++;
        NT_CHECK_EQUAL(KeReleaseMutex(&mutex, FALSE), 0);
    }
}

static void a_mutex_excludes(void)
{
    plain = 0;
    KeInitializeMutex(&mutex, 0);
    nt_run_threads(4, add_under_mutex, NULL);
    NT_CHECK_EQUAL(plain, 4 * nt_scale(2000));
    NT_CHECK_EQUAL(wait_ms(&mutex, 0), STATUS_SUCCESS);
    NT_CHECK_EQUAL(wait_ms(&mutex, 0), STATUS_SUCCESS); /* its owner may */
    NT_CHECK_EQUAL((ULONG)KeReleaseMutex(&mutex, FALSE), (ULONG)-1);
    NT_CHECK_EQUAL(KeReleaseMutex(&mutex, FALSE), 0);
    NT_CHECK_EQUAL(KeReadStateMutex(&mutex), 1);
}

static void release_foreign(void *context)
{
    (void)context;
    KeInitializeMutex(&mutex, 0);
    (void)KeReleaseMutex(&mutex, FALSE);
}

static void end_with_mutex(void *context)
{
    (void)context;
    KeInitializeMutex(&mutex, 0);
    (void)wait_ms(&mutex, 0);
    sim_thread_require_clean("a callback");
}

static void release_too_often(void *context)
{
    (void)context;
    KeInitializeSemaphore(&semaphore, 1, 1);
    (void)KeReleaseSemaphore(&semaphore, 0, 1, FALSE);
}

static void a_semaphore_counts(void)
{
    KeInitializeSemaphore(&semaphore, 2, 3);
    NT_CHECK_EQUAL(wait_ms(&semaphore, 0), STATUS_SUCCESS);
    NT_CHECK_EQUAL(wait_ms(&semaphore, 0), STATUS_SUCCESS);
    NT_CHECK_EQUAL(wait_ms(&semaphore, 0), STATUS_TIMEOUT);
    NT_CHECK_EQUAL(KeReleaseSemaphore(&semaphore, 0, 3, FALSE), 0);
    NT_CHECK_EQUAL(KeReadStateSemaphore(&semaphore), 3);
    NT_EXPECT_BROKEN(release_too_often, NULL, "KeReleaseSemaphore", "1 more cannot be");
    NT_EXPECT_BROKEN(release_foreign, NULL, "KeReleaseMutex", "is not owned by this thread");
    NT_EXPECT_BROKEN(end_with_mutex, NULL, "a callback", "1 mutexes (KMUTEX) are still owned");
}

/* ---- rundown protection ----------------------------------------------------------------------------------------- */

static uint64_t parts[3];
static volatile int users;

static void use_until_rundown(unsigned index, void *context)
{
    (void)context;
    if (index == 3) {
        while (__atomic_load_n(&users, __ATOMIC_RELAXED) < 3)
            nt_sleep_ms(1);
        ExWaitForRundownProtectionRelease(&rundown);
        for (unsigned i = 0; i < 3; i++) { /* plain: the wait orders it */
            NT_CHECK(parts[i] > 0);
            parts[i] = 0;
        }
        return;
    }
    while (ExAcquireRundownProtection(&rundown)) {
        if (parts[index]++ == 0)
            (void)__atomic_add_fetch(&users, 1, __ATOMIC_RELAXED);
        ExReleaseRundownProtection(&rundown);
    }
}

static void over_release(void *context)
{
    (void)context;
    ExInitializeRundownProtection(&rundown);
    ExReleaseRundownProtection(&rundown);
}

static void rundown_waits_for_all_uses(void)
{
    users = 0;
    ExInitializeRundownProtection(&rundown);
    nt_run_threads(4, use_until_rundown, NULL);
    NT_CHECK(!ExAcquireRundownProtection(&rundown));
    ExReInitializeRundownProtection(&rundown);
    NT_CHECK(ExAcquireRundownProtection(&rundown));
    ExReleaseRundownProtection(&rundown);
    NT_EXPECT_BROKEN(over_release, NULL, "ExReleaseRundownProtection", "more often than acquired");
}

/* ---- system threads -----------------------------------------------------------------------------------------------
 */

static VOID NTAPI write_and_end(PVOID context)
{
    *(uint64_t *)context = (uintptr_t)PsGetCurrentProcessId();
    (void)PsTerminateSystemThread(STATUS_SUCCESS);
    NT_CHECK(false);
}

static VOID NTAPI end_with_a_lock(PVOID context)
{
    static FAST_MUTEX held;

    (void)context;
    ExInitializeFastMutex(&held);
    ExAcquireFastMutex(&held);
}

static PVOID thread_of(PKSTART_ROUTINE routine, PVOID context)
{
    HANDLE handle;
    PVOID thread;

    NT_CHECK_EQUAL(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, routine, context),
                   STATUS_SUCCESS);
    NT_CHECK_EQUAL(ObReferenceObjectByHandle(handle, SYNCHRONIZE, *PsThreadType, KernelMode, &thread, NULL),
                   STATUS_SUCCESS);
    NT_CHECK_EQUAL(ZwClose(handle), STATUS_SUCCESS);
    return thread;
}

static void threads_can_be_waited_for(void)
{
    uint64_t process_id = 0; /* plain: the wait orders it */
    PVOID thread = thread_of(write_and_end, &process_id);

    NT_CHECK_EQUAL(KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    NT_CHECK_EQUAL(process_id, 4);
    ObDereferenceObject(thread);
    sim_thread_process_set(1234);
    NT_CHECK_EQUAL((uintptr_t)PsGetCurrentProcessId(), 1234);
    sim_thread_process_set(4);
    NT_CHECK(PsGetCurrentThreadId() == PsGetThreadId(PsGetCurrentThread()));
}

static void thread_ends_with_a_lock(void *context)
{
    (void)context;
    PVOID thread = thread_of(end_with_a_lock, NULL);
    (void)KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, NULL);
}

static void end_foreign_thread(void *context)
{
    (void)context;
    (void)PsTerminateSystemThread(STATUS_SUCCESS);
}

static void user_handle(void *context)
{
    HANDLE handle;

    (void)context;
    sim_thread_process_set(1234);
    (void)PsCreateSystemThread(&handle, 0, NULL, NULL, NULL, end_with_a_lock, NULL);
}

static void threads_have_rules(void)
{
    NT_EXPECT_BROKEN(thread_ends_with_a_lock, NULL, "the end of a system thread", "is still held");
    NT_EXPECT_BROKEN(end_foreign_thread, NULL, "PsTerminateSystemThread", "was not made by PsCreateSystemThread");
    NT_EXPECT_BROKEN(user_handle, NULL, "PsCreateSystemThread", "without OBJ_KERNEL_HANDLE");
}

const struct nt_test nt_tests[] = {
    /* Children first: ThreadSanitizer starts no threads in the fork of a process that has some. */
    NT_TEST(timers_and_dpcs_have_rules),
    NT_TEST(threads_have_rules),
    NT_TEST(a_timer_is_signalled_when_due),
    NT_TEST(a_period_queues_a_dpc_each_time),
    NT_TEST(dpcs_run_and_are_flushed),
    NT_TEST(a_mutex_excludes),
    NT_TEST(a_semaphore_counts),
    NT_TEST(rundown_waits_for_all_uses),
    NT_TEST(threads_can_be_waited_for),
    NT_TESTS_END,
};
