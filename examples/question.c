/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver of docs/origin.md, as one program: callbacks on four threads push process starts and messages onto the
 * live queue; a reader takes all of it out by ownership, absorbs it into the cache, prints what it then holds under
 * lease, and acknowledges that. `./question BYTES` says how much memory all of it together may take.
 */
#define _GNU_SOURCE /* pthread_tryjoin_np */
#include <muster/cache.h>
#include <muster/queue.h>
#include <muster/sink.h>

#include <err.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { CALLBACK_COUNT = 4, STARTS_EACH = 1000 };

/* What holds a lock never moves: queue and cache are made in these, and stay. */
static union muster_queue_storage queue_storage;
static union muster_cache_storage cache_storage;
static struct muster_queue *driver_messages;
static struct muster_cache *driver_messages_cache;

static void expect_ok(enum muster_status status)
{
    if (status != MUSTER_OK)
        errx(1, "%s", muster_status_text(status));
}

/* A push needs no look at its result: what finds no room is counted in the ledger, and a gap tells of it. */
static void *process_callback(void *unused)
{
    static const char image[] = "C:\\Windows\\System32\\cmd.exe", command[] = "cmd /c echo \"\\??\\ is evidence\"";
    const struct muster_text texts[] = {muster_text_whole(MUSTER_FIELD_EXECUTABLE, image, sizeof image - 1),
                                        muster_text_whole(MUSTER_FIELD_COMMAND_LINE, command, sizeof command - 1)};
    struct muster_process_start start = {
        .record = {.type = MUSTER_EVENT_PROCESS_START, .flags = MUSTER_RECORD_WTF8, .fixed_bytes = sizeof start},
        .process.parent_pid = 0x1a2c};
    start.record.valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PARENT_PID);
    for (int i = 0; i < STARTS_EACH; i++) {
        start.record.time_ns = (uint64_t)time(NULL) * 1000000000U;
        (void)muster_queue_push_process_start(driver_messages, &start, texts, 2);
        (void)muster_queue_push_message(driver_messages, start.record.time_ns, "process started", 15);
    }
    return unused;
}

/* Only what has been written is acknowledged: until then, whoever asks is served the same lease again. */
static void read_messages(struct muster_sink *sink)
{
    struct muster_batch drained;
    struct muster_lease lease;
    if (muster_queue_extract_all(driver_messages, &drained) == MUSTER_OK)
        expect_ok(muster_cache_absorb(driver_messages_cache, &drained));
    while (muster_cache_lease(driver_messages_cache, 64 * 1024, &lease, NULL) == MUSTER_OK) {
        struct muster_lease_cursor cursor = {0};
        for (const struct muster_record *record; (record = muster_lease_next(&lease, &cursor)) != NULL;)
            expect_ok(muster_sink_write(sink, record));
        expect_ok(muster_sink_flush(sink));
        expect_ok(muster_cache_ack(driver_messages_cache, lease.id));
    }
}

static long write_out(void *file, const char *bytes, size_t size_bytes)
{
    return (long)write(*(const int *)file, bytes, size_bytes);
}

int main(int argc, char **argv)
{
    struct muster_queue_config config = {.epoch = 1, .budget_bytes = 16U << 20, .stage = MUSTER_STAGE_DRIVER_QUEUE};
    if (argc > 1)
        config.budget_bytes = strtoul(argv[1], NULL, 10);
    struct muster_sink *sink = muster_sink_driver_messages_create(&(struct muster_sink_options){
        .stream = &(struct muster_stream){.epoch = config.epoch}, .target = {write_out, &(int){STDOUT_FILENO}}});
    expect_ok(sink != NULL ? MUSTER_OK : MUSTER_NO_MEMORY);
    expect_ok(muster_queue_init(&queue_storage, &config, &driver_messages));
    expect_ok(muster_cache_init(&cache_storage, &driver_messages_cache));
    pthread_t callbacks[CALLBACK_COUNT];
    for (int i = 0; i < CALLBACK_COUNT; i++)
        expect_ok(pthread_create(&callbacks[i], NULL, process_callback, NULL) == 0 ? MUSTER_OK : MUSTER_NO_MEMORY);
    for (int i = 0; i < CALLBACK_COUNT; i++)
        for (; pthread_tryjoin_np(callbacks[i], NULL) != 0; usleep(1000))
            read_messages(sink);
    read_messages(sink);
    struct muster_queue_counts counts;
    (void)muster_queue_counts(driver_messages, &counts);
    fprintf(stderr, "produced %" PRIu64 " = delivered %" PRIu64 " + dropped %" PRIu64 " + held %" PRIu64 "\n",
            counts.ledger.produced, counts.ledger.delivered, muster_ledger_dropped(&counts.ledger), counts.ledger.held);
    muster_sink_destroy(sink);
    muster_cache_deinit(driver_messages_cache);
    muster_queue_deinit(driver_messages);
    return muster_ledger_balances(&counts.ledger) ? 0 : 1;
}
