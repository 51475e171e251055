/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does with the code what a random run of queue_cache.pml did, and says after each step what is to be seen, in the
 * model's words. From standard input it takes what `spin -T -DREPLAY` prints; the first line that the two do not
 * have in common is what is wrong.
 *
 *     queue_replay --sizes     what the model has to be compiled with
 *     queue_replay <TRACE
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/block.h"
#include "muster/cache.h"
#include "muster/queue.h"
#include "replay_threads.h"

#define BUDGET_BYTES   65536
#define SKELETON_BYTES 1024
#define LINE_BYTES     65536
#define GAPS_MOST      4096
#define READER         2U /* its thread; the producers are 0 and 1 */

enum kind { MESSAGE, EXIT, START, SKELETON_OF_EXIT, SKELETON, GAP };

struct push {
    unsigned kind;
    size_t record_bytes; /* 0: more than a record can be */
    enum muster_status status;
};

static struct {
    union muster_queue_storage queue_storage;
    union muster_cache_storage cache_storage;
    struct muster_queue *queue;
    struct muster_cache *cache;

    struct push pushes[READER];
    struct muster_batch batch;
    uint64_t ack_id;
    enum muster_status reader_status;

    char *gaps[GAPS_MOST]; /* as the model told them, in their order */
    size_t gap_count;
    size_t gaps_released, gaps_leased;

    char said[LINE_BYTES]; /* of this step */
    size_t said_bytes;
    unsigned long line_number, step_count;
} world;

void replay_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    printf("line %lu: ", world.line_number);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    exit(1);
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list arguments;
    int bytes;

    va_start(arguments, format);
    bytes = vsnprintf(world.said + world.said_bytes, LINE_BYTES - world.said_bytes, format, arguments);
    va_end(arguments);
    if (bytes < 0 || (size_t)bytes >= LINE_BYTES - world.said_bytes)
        replay_fail("a line is too long");
    world.said_bytes += (size_t)bytes;
}

/* ---- the model's words ------------------------------------------------------------------------ */

static const char *status_word(enum muster_status status)
{
    static const char *const words[] = {
        [MUSTER_OK] = "is_ok",
        [MUSTER_EMPTY] = "is_empty",
        [MUSTER_REFUSED] = "is_refused",
        [MUSTER_NO_ROOM] = "is_no_room",
        [MUSTER_NO_MEMORY] = "is_no_memory",
        [MUSTER_TOO_SMALL] = "is_too_small",
        [MUSTER_INVALID] = "is_invalid",
        [MUSTER_WRONG_STATE] = "is_wrong_state",
    };

    if ((size_t)status >= sizeof(words) / sizeof(words[0]) || !words[status])
        replay_fail("status %d", (int)status);
    return words[status];
}

static void say_stop(enum replay_stop stop, enum muster_status status_at_end)
{
    static const char *const words[] = {
        [REPLAY_AT_ALLOCATE] = "at_allocate",
        [REPLAY_AT_LOCK] = "at_lock",
        [REPLAY_AT_FREE] = "at_free",
    };

    say(" -> %s", stop == REPLAY_AT_END ? status_word(status_at_end) : words[stop]);
}

static struct muster_queue_counts queue_counts(void)
{
    struct muster_queue_counts counts;

    if (!muster_queue_counts(world.queue, &counts))
        replay_fail("the queue does not count");
    return counts;
}

static void say_state(void)
{
    const struct muster_queue_counts queue = queue_counts();
    const struct muster_ledger *ledger = &queue.ledger;
    struct muster_cache_counts cache;

    if (!muster_cache_counts(world.cache, &cache))
        replay_fail("the cache does not count");
    if (replay_live_bytes() > queue.charged_bytes)
        replay_fail("%zu bytes are allocated, and %" PRIu64 " charged", replay_live_bytes(), queue.charged_bytes);
    say("= %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, queue.charged_bytes, queue.record_count,
        ledger->produced - ledger->dropped[MUSTER_CAUSE_IRQL_REFUSED], ledger->delivered, ledger->degraded);
    say(" %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, ledger->dropped[MUSTER_CAUSE_CLASS_SHED],
        ledger->dropped[MUSTER_CAUSE_QUEUE_FULL], ledger->dropped[MUSTER_CAUSE_ALLOCATION_FAILED],
        ledger->dropped[MUSTER_CAUSE_RECORD_TOO_LARGE]);
    say(" %" PRIu64 " %d", ledger->dropped[MUSTER_CAUSE_IRQL_REFUSED], (int)muster_queue_is_empty(world.queue));
    say(" %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, cache.record_count, cache.leased_count, cache.lease_id,
        cache.acknowledged_count);
}

/* ---- producers -------------------------------------------------------------------------------- */

static void push_run(void *context)
{
    static const char bytes[MUSTER_RECORD_MAX_BYTES + 8];
    struct push *push = context;
    const bool is_start = push->kind == START;
    const size_t fixed_bytes = is_start ? sizeof(struct muster_process_start) : sizeof(struct muster_process_exit);
    struct muster_text text = muster_text_whole(
        MUSTER_FIELD_ARGS, bytes,
        push->record_bytes == 0 ? (uint32_t)sizeof(bytes)
                                : (uint32_t)(push->record_bytes - fixed_bytes - sizeof(struct muster_text_header)));
    const struct muster_record record = {
        .type = is_start ? MUSTER_EVENT_PROCESS_START : MUSTER_EVENT_PROCESS_EXIT,
        .fixed_bytes = (uint16_t)fixed_bytes,
        .valid = MUSTER_FIELD_BIT(MUSTER_FIELD_ARGS),
    };

    if (push->kind == MESSAGE)
        push->status = muster_queue_push_message(world.queue, 1, bytes,
                                                 push->record_bytes - sizeof(struct muster_message) -
                                                     sizeof(struct muster_text_header));
    else if (is_start)
        push->status = muster_queue_push_process_start(
            world.queue, &(const struct muster_process_start){.record = record}, &text, 1);
    else
        push->status = muster_queue_push_process_exit(world.queue,
                                                      &(const struct muster_process_exit){.record = record}, &text, 1);
}

static enum replay_stop push_begin(unsigned me, const char *arguments)
{
    struct push *push = &world.pushes[me];

    if (sscanf(arguments, "push %u %zu", &push->kind, &push->record_bytes) != 2 || push->kind > START)
        replay_fail("what is pushed? %s", arguments);
    return replay_call(me, push_run, push, false);
}

static void producer_step(unsigned me, const char *step)
{
    const uint64_t number = queue_counts().last_sequence;
    enum replay_stop stop;

    if (strstr(step, " at_irql"))
        replay_irql_raise();
    stop = strncmp(step, "push ", 5) == 0 ? push_begin(me, step) : replay_go_on(me);
    replay_step_end();
    if (queue_counts().last_sequence != number)
        say(" number %" PRIu64, queue_counts().last_sequence);
    say_stop(stop, world.pushes[me].status);
}

/* ---- the reader's thread ---------------------------------------------------------------------- */

static void extract_run(void *context)
{
    (void)context;
    world.reader_status = muster_queue_extract_all(world.queue, &world.batch);
}

static void ack_run(void *context)
{
    (void)context;
    world.reader_status = muster_cache_ack(world.cache, world.ack_id);
}

static enum replay_stop ack_begin(const char *step)
{
    enum replay_stop stop;

    if (sscanf(step, "ack %" SCNu64, &world.ack_id) != 1)
        replay_fail("what is acknowledged? %s", step);
    stop = replay_call(READER, ack_run, NULL, false);
    if (stop != REPLAY_AT_END || world.reader_status == MUSTER_OK)
        world.gaps_released += world.gaps_leased;
    return stop;
}

/* What a gap says is compared when it is read. */
static void gaps_keep(const char *step)
{
    for (const char *at = strstr(step, "gap "); at; at = strstr(at + 4, "gap ")) {
        const char *begin = at - step >= 8 && strncmp(at - 8, "refused_", 8) == 0 ? at - 8 : at;
        size_t bytes = strspn(at + 4, "0123456789 ");

        if (world.gap_count == GAPS_MOST)
            replay_fail("too many gaps");
        bytes -= at[4 + bytes - 1] == ' ';
        world.gaps[world.gap_count++] = strndup(begin, (size_t)(at - begin) + 4 + bytes);
    }
}

static void gap_compare(const struct muster_gap *gap, size_t number)
{
    char text[256];

    if (gap->causes[MUSTER_CAUSE_IRQL_REFUSED])
        snprintf(text, sizeof(text), "refused_gap %" PRIu64, gap->count);
    else
        snprintf(text, sizeof(text),
                 "gap %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
                 gap->first_sequence, gap->last_sequence, gap->count, gap->causes[MUSTER_CAUSE_CLASS_SHED],
                 gap->causes[MUSTER_CAUSE_QUEUE_FULL], gap->causes[MUSTER_CAUSE_ALLOCATION_FAILED],
                 gap->causes[MUSTER_CAUSE_RECORD_TOO_LARGE]);
    if (number > world.gap_count || strcmp(text, world.gaps[number - 1]) != 0)
        replay_fail("gap %zu is `%s`, and in the model `%s`", number, text,
                    number > world.gap_count ? "" : world.gaps[number - 1]);
}

static void record_say(const struct muster_record *record)
{
    const bool skeleton = (record->flags & MUSTER_RECORD_SKELETON) != 0;
    unsigned kind = MESSAGE;
    uint64_t number = record->sequence;

    if (record->type == MUSTER_EVENT_GAP) {
        kind = GAP;
        number = world.gaps_released + ++world.gaps_leased;
        gap_compare((const void *)record, (size_t)number);
    } else if (record->type == MUSTER_EVENT_PROCESS_START) {
        kind = skeleton ? SKELETON : START;
    } else if (record->type == MUSTER_EVENT_PROCESS_EXIT) {
        kind = skeleton ? SKELETON_OF_EXIT : EXIT;
    }
    say(" %u %" PRIu64 " %" PRIu32, kind, number, record->size_bytes);
}

static enum replay_stop lease(const char *step)
{
    struct muster_lease_cursor cursor = {0};
    const struct muster_record *record;
    struct muster_lease lease;
    size_t most_bytes;

    if (sscanf(step, "lease %zu", &most_bytes) != 1)
        replay_fail("how much is leased? %s", step);
    world.reader_status = muster_cache_lease(world.cache, most_bytes == 0 ? SIZE_MAX : most_bytes, &lease, NULL);
    if (world.reader_status != MUSTER_OK)
        return REPLAY_AT_END;
    world.gaps_leased = 0;
    while ((record = muster_lease_next(&lease, &cursor)) != NULL)
        record_say(record);
    return REPLAY_AT_END;
}

static void reader_step(const char *step)
{
    enum replay_stop stop;

    if (strncmp(step, "extract", 7) == 0) {
        stop = replay_call(READER, extract_run, NULL, true);
    } else if (strncmp(step, "ack ", 4) == 0) {
        stop = ack_begin(step);
    } else if (strncmp(step, "lease ", 6) == 0) {
        stop = lease(step);
    } else if (strncmp(step, "absorb", 6) == 0) {
        world.reader_status = muster_cache_absorb(world.cache, &world.batch);
        stop = REPLAY_AT_END;
    } else {
        stop = replay_go_on(READER);
    }
    say_stop(stop, world.reader_status);
}

/* ---- the run ---------------------------------------------------------------------------------- */

/* A step goes on from where its thread stands. */
static void place_check(unsigned thread, const char *word)
{
    static const struct {
        const char *word;
        enum replay_stop stop;
    } places[] = {
        {"allocated", REPLAY_AT_ALLOCATE}, {"not_allocated", REPLAY_AT_ALLOCATE},
        {"pushes", REPLAY_AT_LOCK},        {"takes", REPLAY_AT_LOCK},
        {"puts", REPLAY_AT_LOCK},          {"freed", REPLAY_AT_FREE},
    };
    const size_t bytes = strcspn(word, " ");

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (strlen(places[i].word) == bytes && strncmp(word, places[i].word, bytes) == 0 &&
            replay_stop_of(thread) != places[i].stop)
            replay_fail("thread %u is not where it could do this: %s", thread, word);
}

/* Of what the model says the part that it decides: the other part is said anew. */
static size_t decided_bytes(const char *line)
{
    static const char *const begins_of_result[] = {" number ", " gap ", " refused_gap ", " -> "};
    size_t bytes = strlen(line);
    int lease_bytes = 0;

    if (sscanf(line, "r lease %*u%n", &lease_bytes) == 0 && lease_bytes > 0)
        return (size_t)lease_bytes;
    for (size_t i = 0; i < sizeof(begins_of_result) / sizeof(begins_of_result[0]); i++) {
        const char *at = strstr(line, begins_of_result[i]);

        if (at && (size_t)(at - line) < bytes)
            bytes = (size_t)(at - line);
    }
    return bytes;
}

static void step_do(const char *line)
{
    const unsigned thread = line[0] == 'r' ? READER : (unsigned)(line[0] - '0');
    const char *step = line + 2;

    world.step_count++;
    say("%.*s", (int)decided_bytes(line), line);
    if (line[0] == 'u') {
        say_stop(REPLAY_AT_END, muster_cache_unlease(world.cache));
        return;
    }
    place_check(thread, step);
    if (strncmp(step, "not_allocated", 13) == 0)
        replay_memory_fail();
    if (thread == READER)
        reader_step(step);
    else
        producer_step(thread, step);
    replay_step_end();
    if (strncmp(step, "takes", 5) != 0)
        return;
    /* What the gaps say is not to be seen yet. */
    gaps_keep(step);
    world.said_bytes = decided_bytes(line);
    say("%.*s", (int)(strstr(line, " -> ") - line - (long)world.said_bytes), line + world.said_bytes);
    say_stop(replay_stop_of(READER), world.reader_status);
}

static bool is_step(const char *line)
{
    return strchr("01ru=", line[0]) && line[0] && line[1] == ' ';
}

static void line_do(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    world.line_number++;
    if (!is_step(line))
        return;
    world.said_bytes = 0;
    if (line[0] == '=')
        say_state();
    else
        step_do(line);
    if (strcmp(line, world.said) != 0)
        replay_fail("the model: %s\nthe code:  %s", line, world.said);
}

static void world_open(void)
{
    const struct muster_queue_config config = {
        .budget_bytes = BUDGET_BYTES, .skeleton_bytes = SKELETON_BYTES, .stage = MUSTER_STAGE_DRIVER_QUEUE};

    if (muster_queue_init(&world.queue_storage, &config, &world.queue) != MUSTER_OK ||
        muster_cache_init(&world.cache_storage, &world.cache) != MUSTER_OK)
        replay_fail("no queue and no cache");
}

static void world_close(void)
{
    muster_cache_deinit(world.cache);
    muster_queue_deinit(world.queue);
    if (replay_live_bytes() != 0)
        replay_fail("%zu bytes are not given back", replay_live_bytes());
}

static void sizes_print(void)
{
    printf("-DHEADER_BYTES=%zu -DGAP_BYTES=%zu -DFIXED_BYTES_OF_START=%zu -DFIXED_BYTES_OF_EXIT=%zu "
           "-DFIXED_BYTES_OF_MESSAGE=%zu -DTEXT_HEADER_BYTES=%zu -DBLOCK_FIRST_BYTES=%zu -DBLOCK_LARGEST_BYTES=%zu\n",
           sizeof(struct muster_block), sizeof(struct muster_gap), sizeof(struct muster_process_start),
           sizeof(struct muster_process_exit), sizeof(struct muster_message), sizeof(struct muster_text_header),
           BLOCK_FIRST_BYTES, BLOCK_LARGEST_BYTES);
}

int main(int argc, char **argv)
{
    static char line[LINE_BYTES];

    if (argc == 2 && strcmp(argv[1], "--sizes") == 0) {
        sizes_print();
        return 0;
    }
    world_open();
    while (fgets(line, sizeof(line), stdin))
        line_do(line);
    world_close();
    printf("steps %lu\n", world.step_count);
    return 0;
}
