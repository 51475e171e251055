/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything at once: processes start and end on several threads while readers come and go, cancel, and the
 * driver is loaded and unloaded again and again. Each event must be delivered once in an order of numbers,
 * stand in a gap, or still be held.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "driver_client.h"

#define CREATORS 4U

struct load {
    unsigned processes; /* each creator's */
    atomic_bool created_all;
    uint64_t created;         /* expected, per creator: starts and exits */
    unsigned char *delivered; /* by sequence */
    uint64_t capacity;
    uint64_t last; /* highest number seen */
    uint64_t doubled, lost, messages, events;
};

static void *create_processes(void *context)
{
    struct load *load = context;

    for (unsigned i = 0; i < load->processes; i++)
        sim_process_exit(client_spawn(u"\\??\\C:\\Windows\\System32\\a.exe", u"a --number one"), (sim_status)i);
    return NULL;
}

static void note(struct load *load, const struct muster_record *record)
{
    if (record->type == MUSTER_EVENT_GAP) {
        load->lost += ((const struct muster_gap *)(const void *)record)->count;
        return;
    }
    assert_true(record->sequence != 0 && record->sequence < load->capacity);
    load->doubled += load->delivered[record->sequence] != 0;
    load->delivered[record->sequence] = 1;
    load->messages += record->type == MUSTER_EVENT_MESSAGE;
    load->events += record->type != MUSTER_EVENT_MESSAGE;
    if (record->sequence > load->last)
        load->last = record->sequence;
}

static void note_all(struct load *load, const struct client_read *read)
{
    for (const struct muster_record *record = client_next(read, NULL); record != NULL;
         record = client_next(read, record))
        note(load, record);
}

/* A reader that acknowledges what it has, and goes away in the middle now and then, with a lease open that
 * it has not counted. */
static void *read_events(void *context)
{
    struct load *load = context;
    unsigned round = 0;
    bool last_round;

    do {
        struct sim_file *file = client_open_as(MUSTER_NT_ROLE_READER);
        uint64_t acknowledge = 0;
        size_t buffer_bytes = round % 3 == 0 ? 700 : READ_BUFFER_BYTES;
        last_round = atomic_load(&load->created_all);
        for (unsigned i = 0; i < 40 || last_round; i++) {
            struct client_read read = client_read(file, acknowledge, last_round ? 0 : 1, buffer_bytes);
            if (read.header.bytes_needed != 0)
                buffer_bytes = READ_BUFFER_BYTES;
            acknowledge = 0;
            const bool forget = !last_round && i == 39;
            if (read.header.lease_id != 0 && !forget) {
                note_all(load, &read);
                acknowledge = read.header.lease_id;
            }
            const bool empty = read.header.record_count == 0 && read.header.bytes_needed == 0;
            client_read_free(&read);
            if (last_round && empty)
                break;
            if (i == 38 && acknowledge != 0) { /* what was counted is acknowledged before the end */
                read = client_read(file, acknowledge, 0, sizeof(struct muster_nt_read_header));
                acknowledge = 0;
                client_read_free(&read);
            }
        }
        (void)client_ledger(file);
        assert_int_equal(sim_close(file), SIM_STATUS_SUCCESS);
        round++;
    } while (!last_round);
    return NULL;
}

static void run_load(unsigned processes)
{
    struct load load = {.processes = processes, .capacity = (uint64_t)CREATORS * processes * 2 + 1000};
    pthread_t creators[CREATORS], reader;

    load.delivered = calloc(load.capacity, 1);
    assert_int_equal(driver_load(), SIM_STATUS_SUCCESS);
    assert_int_equal(pthread_create(&reader, NULL, read_events, &load), 0);
    for (unsigned i = 0; i < CREATORS; i++)
        assert_int_equal(pthread_create(&creators[i], NULL, create_processes, &load), 0);
    for (unsigned i = 0; i < CREATORS; i++)
        assert_int_equal(pthread_join(creators[i], NULL), 0);
    atomic_store(&load.created_all, true);
    assert_int_equal(pthread_join(reader, NULL), 0);
    driver_unload();
    assert_int_equal(load.doubled, 0);
    assert_int_equal(load.events + load.lost, (uint64_t)CREATORS * processes * 2);
    assert_int_equal(load.lost, 0);
    for (uint64_t i = 1; i <= load.last; i++)
        assert_true(load.delivered[i]);
    assert_int_equal(load.last, load.events + load.messages);
    free(load.delivered);
    sim_io_reset();
}

static void each_event_is_delivered_once(void **state)
{
    (void)state;
    sim_pool_guard(false);
    run_load(20 * driver_test_scale());
}

static void and_with_delays_at_the_edges_of_locks(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        sim_delay_seed(seed);
        run_load(2 * driver_test_scale() + 10);
        sim_delay_seed(0);
    }
}

/* ---- over and over ------------------------------------------------------------------------------ */

/* Lets the one that loads and unloads have a core: what is to meet is calls, not time slices. */
static void breathe(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
}

struct churn {
    atomic_bool stop;
    atomic_uint_least64_t created;
};

static void *create_until_stopped(void *context)
{
    struct churn *churn = context;

    while (!atomic_load(&churn->stop)) {
        struct sim_process *process = client_spawn(u"\\??\\C:\\a.exe", u"a");
        sim_process_exit(process, 0);
        atomic_fetch_add(&churn->created, 1);
        breathe();
    }
    return NULL;
}

/* A reader of no manners: opens when it can, reads, waits, and is told to go by nobody. */
static void *read_until_stopped(void *context)
{
    struct churn *churn = context;

    while (!atomic_load(&churn->stop)) {
        const struct muster_nt_read_request request = {.timeout_ms = 1};
        static _Thread_local unsigned char buffer[16384];
        sim_status status;
        breathe();
        struct sim_file *file = sim_open(DEVICE_PATH, NULL, SIM_GENERIC_READ | SIM_GENERIC_WRITE, 0, &status);
        if (file == NULL)
            continue; /* not loaded now */
        const struct muster_nt_hello_request hello = {
            .protocol_version = 1, .record_version = 1, .record_header_bytes = 48, .role = MUSTER_NT_ROLE_READER};
        struct muster_nt_hello_reply reply;
        (void)sim_ioctl(file, MUSTER_NT_CONTROL_HELLO, &hello, sizeof hello, &reply, sizeof reply, NULL);
        struct sim_request *read =
            sim_ioctl_begin(file, MUSTER_NT_CONTROL_READ, &request, sizeof request, buffer, sizeof buffer);
        (void)sim_request_cancel(read);
        (void)sim_request_wait(read, SIM_WAIT_FOREVER, NULL);
        sim_request_free(read);
        (void)sim_close(file);
    }
    return NULL;
}

static unsigned cycles_wanted(void)
{
    const char *text = getenv("MUSTER_LIFE_CYCLES");

    return text != NULL ? (unsigned)strtoul(text, NULL, 10)
                        : 200 * driver_test_scale(); /* 100,000 in make check-deep */
}

static void load_and_unload_under_load_over_and_over(void **state)
{
    struct churn churn = {0};
    pthread_t creators[2], reader;
    const unsigned cycles = cycles_wanted();

    (void)state;
    sim_pool_guard(false);
    assert_int_equal(pthread_create(&creators[0], NULL, create_until_stopped, &churn), 0);
    assert_int_equal(pthread_create(&creators[1], NULL, create_until_stopped, &churn), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_until_stopped, &churn), 0);
    for (unsigned i = 0; i < cycles; i++) {
        assert_int_equal(driver_load(), SIM_STATUS_SUCCESS);
        assert_int_equal(sim_driver_unload(true), SIM_STATUS_SUCCESS);
    }
    atomic_store(&churn.stop, true);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_join(creators[i], NULL), 0);
    assert_int_equal(pthread_join(reader, NULL), 0);
    assert_true(atomic_load(&churn.created) > 0);
    sim_pool_require_no_leaks("the end", DRIVER_TAG);
    print_message("%u life cycles, %llu processes meanwhile\n", cycles,
                  (unsigned long long)atomic_load(&churn.created));
}

/* ---- a READ that comes late --------------------------------------------------------------------- */

#define LATE_ROUNDS  20000U
#define LATE_ENOUGH  5U
#define LATE_WAIT_MS 5000U

struct late {
    pthread_barrier_t begin;
    struct sim_file *file;
    struct sim_request *read;
    unsigned rounds;
};

static void *read_late(void *context)
{
    static unsigned char buffer[16384];
    const struct muster_nt_read_request request = {.timeout_ms = MUSTER_NT_WAIT_FOREVER};
    struct late *late = context;

    (void)pthread_barrier_wait(&late->begin);
    late->read = sim_ioctl_begin(late->file, MUSTER_NT_CONTROL_READ, &request, sizeof request, buffer, sizeof buffer);
    return NULL;
}

/* One thread asks while another closes the handle. What gets hold of the file before and comes to the driver after
 * CLEANUP finds nobody who would ever cancel it. Returns what it came to. */
static sim_status read_while_closing(struct late *late)
{
    pthread_t reader;
    sim_status status;

    late->file = client_open_as(MUSTER_NT_ROLE_READER);
    struct client_read emptied = client_read(late->file, 0, 0, READ_BUFFER_BYTES);
    struct client_read acknowledged =
        client_read(late->file, emptied.header.lease_id, 0, sizeof(struct muster_nt_read_header));
    client_read_free(&emptied);
    client_read_free(&acknowledged);
    assert_int_equal(pthread_create(&reader, NULL, read_late, late), 0);
    (void)pthread_barrier_wait(&late->begin);
    assert_int_equal(sim_close(late->file), SIM_STATUS_SUCCESS);
    assert_int_equal(pthread_join(reader, NULL), 0);
    status = sim_request_wait(late->read, LATE_WAIT_MS, NULL);
    sim_request_free(late->read);
    return status;
}

static void a_read_that_comes_after_its_handle_was_closed_does_not_wait(void **state)
{
    struct late late = {0};
    unsigned came_late = 0;

    (void)state;
    sim_pool_guard(false);
    assert_int_equal(driver_load(), SIM_STATUS_SUCCESS);
    assert_int_equal(pthread_barrier_init(&late.begin, NULL, 2), 0);
    sim_delay_seed(7);
    while (came_late < LATE_ENOUGH && late.rounds < LATE_ROUNDS) {
        const sim_status status = read_while_closing(&late);
        assert_true(status == SIM_STATUS_CANCELLED || status == SIM_STATUS_INVALID_HANDLE ||
                    status == STATUS_FILE_CLOSED);
        came_late += status == STATUS_FILE_CLOSED;
        late.rounds++;
    }
    sim_delay_seed(0);
    print_message("%u of %u came late\n", came_late, late.rounds);
    assert_int_equal(came_late, LATE_ENOUGH);
    (void)pthread_barrier_destroy(&late.begin);
    driver_unload();
    sim_io_reset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_is_delivered_once),
        cmocka_unit_test(and_with_delays_at_the_edges_of_locks),
        cmocka_unit_test(load_and_unload_under_load_over_and_over),
        cmocka_unit_test(a_read_that_comes_after_its_handle_was_closed_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
