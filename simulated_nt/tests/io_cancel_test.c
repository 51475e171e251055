/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that are pended, woken, cancelled, and whose file is closed, all at once and with delays at every
 * edge: each is completed once, whoever comes first, and nothing is touched after that.
 */
#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/include/simulated_nt_io.h"
#include "simulated_nt/tests/nt_test.h"
#include "simulated_nt/tests/sample_driver.h"

#define ACCESS (SIM_GENERIC_READ | SIM_GENERIC_WRITE)

static void start(void)
{
    sample_flaws = 0;
    __builtin_memset(&sample_counts, 0, sizeof(sample_counts));
    NT_CHECK_EQUAL(sim_driver_load(sample_driver_entry, (const sim_utf16 *)L"sample", SIM_FORCE_INTEGRITY), 0);
}

static void stop(void)
{
    NT_CHECK_EQUAL(sim_requests_outstanding(), 0);
    NT_CHECK_EQUAL(sim_driver_unload(false), 0);
    sim_io_reset();
    sim_delay_seed(0);
}

/* ---- cancel against completion ------------------------------------------------------------------ */

struct race {
    struct sim_file *file;
    struct sim_request *request; /* atomic */
    unsigned rounds;
    unsigned woken, cancelled; /* of the owner */
    int is_over;               /* atomic */
};

/* Begins reads and waits for each; the others end them. */
static void own(struct race *race)
{
    for (unsigned i = 0; i < race->rounds; i++) {
        struct sim_request *request = sim_ioctl_begin(race->file, SAMPLE_READ, NULL, 0, NULL, 0);
        sim_status status;

        __atomic_store_n(&race->request, request, __ATOMIC_RELEASE);
        status = sim_request_wait(request, 60000, NULL);
        NT_CHECK(status == 0 || status == SIM_STATUS_CANCELLED);
        race->woken += status == 0;
        race->cancelled += status != 0;
        while (__atomic_load_n(&race->request, __ATOMIC_ACQUIRE) != NULL)
            nt_sleep_ms(0); /* the canceller has let go of it */
        sim_request_free(request);
    }
    __atomic_store_n(&race->is_over, 1, __ATOMIC_RELEASE);
}

static void cancel(struct race *race)
{
    while (__atomic_load_n(&race->is_over, __ATOMIC_ACQUIRE) == 0) {
        struct sim_request *request = __atomic_load_n(&race->request, __ATOMIC_ACQUIRE);

        if (request == NULL)
            continue;
        (void)sim_request_cancel(request);
        __atomic_store_n(&race->request, NULL, __ATOMIC_RELEASE);
    }
}

static void wake(struct race *race)
{
    while (__atomic_load_n(&race->is_over, __ATOMIC_ACQUIRE) == 0)
        (void)sim_ioctl(race->file, SAMPLE_WAKE, NULL, 0, NULL, 0, NULL);
}

static void race_body(unsigned index, void *context)
{
    if (index == 0)
        own(context);
    else if (index == 1)
        cancel(context);
    else
        wake(context);
}

static void cancel_races_completion(void)
{
    struct race race = {.rounds = nt_scale(2500)};

    start();
    sim_delay_seed(1);
    race.file = sim_open(SAMPLE_PATH, NULL, ACCESS, 0, NULL);
    nt_run_threads(3, race_body, &race);
    NT_CHECK_EQUAL(race.woken + race.cancelled, race.rounds);
    NT_CHECK_EQUAL(sample_counts.cancels <= race.cancelled, true);
    (void)sim_close(race.file);
    stop();
}

/* ---- cancel against the dispatch routine -------------------------------------------------------- */

static void cancel_file_body(unsigned index, void *context)
{
    struct race *race = context;

    if (index != 0) {
        while (__atomic_load_n(&race->is_over, __ATOMIC_ACQUIRE) == 0)
            (void)sim_file_cancel_requests(race->file);
        return;
    }
    for (unsigned i = 0; i < race->rounds; i++) {
        struct sim_request *request = sim_ioctl_begin(race->file, SAMPLE_READ, NULL, 0, NULL, 0);

        NT_CHECK_EQUAL(sim_request_wait(request, 20000, NULL), SIM_STATUS_CANCELLED);
        sim_request_free(request);
    }
    __atomic_store_n(&race->is_over, 1, __ATOMIC_RELEASE);
}

/* A cancel that comes before the cancel routine is set may not be lost. */
static void cancel_races_dispatch(void)
{
    struct race race = {.rounds = nt_scale(2500)};

    start();
    sim_delay_seed(4);
    race.file = sim_open(SAMPLE_PATH, NULL, ACCESS, 0, NULL);
    nt_run_threads(2, cancel_file_body, &race);
    NT_CHECK(sample_counts.cancels != 0);
    (void)sim_close(race.file);
    stop();
}

/* ---- everything at once ------------------------------------------------------------------------- */

static void open_read_close(unsigned index, void *context)
{
    unsigned rounds = *(const unsigned *)context;

    for (unsigned i = 0; i < rounds; i++) {
        struct sim_file *file = sim_open(SAMPLE_PATH, NULL, ACCESS, 0, NULL);
        struct sim_request *requests[4];
        unsigned char out[4][4];

        NT_CHECK(file != NULL);
        for (unsigned j = 0; j < 4; j++)
            requests[j] = sim_ioctl_begin(file, SAMPLE_READ, NULL, 0, out[j], j);
        if (index % 2 == 0)
            (void)sim_ioctl(file, SAMPLE_WAKE, NULL, 0, NULL, 0, NULL);
        if (i % 3 == 0)
            (void)sim_request_cancel(requests[i % 4]);
        if (i % 3 == 1)
            sim_thread_cancel_requests();
        (void)sim_close(file);
        for (unsigned j = 0; j < 4; j++) {
            NT_CHECK(sim_request_wait(requests[j], 0, NULL) != SIM_STATUS_TIMEOUT);
            sim_request_free(requests[j]);
        }
    }
}

static void clients_come_and_go(void)
{
    unsigned rounds = nt_scale(200);

    start();
    sim_delay_seed(2);
    nt_run_threads(4, open_read_close, &rounds);
    NT_CHECK_EQUAL(sample_counts.creates, 4 * rounds);
    NT_CHECK_EQUAL(sample_counts.cleanups, 4 * rounds);
    NT_CHECK_EQUAL(sample_counts.closes, 4 * rounds);
    stop();
}

const struct nt_test nt_tests[] = {
    NT_TEST(cancel_races_completion),
    NT_TEST(cancel_races_dispatch),
    NT_TEST(clients_come_and_go),
    NT_TESTS_END,
};
