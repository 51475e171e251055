/* SPDX-License-Identifier: Apache-2.0 */
/* selftest_follow.h */
#include "selftest_follow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "json_scan.h"

#define LINE_BYTES_MAX (16U << 20)
#define READ_BYTES     (256U << 10)
#define NS_PER_S       1000000000ULL
#define WORD_PLACE     1 /* among the arguments */

#define DIGEST_TEXT_BYTES 19 /* 0x, 16 digits, NUL */

static uint64_t wall_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* "2026-08-20T10:00:00.123456789Z" */
static bool time_read(const struct json_value *value, uint64_t *ret_ns)
{
    char text[32];
    struct tm date = {0};
    unsigned nanoseconds;
    size_t size;

    if (!json_scan_string(value, text, sizeof(text), &size) ||
        sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%9uZ", &date.tm_year, &date.tm_mon, &date.tm_mday, &date.tm_hour,
               &date.tm_min, &date.tm_sec, &nanoseconds) != 7)
        return false;
    date.tm_year -= 1900;
    date.tm_mon -= 1;
    *ret_ns = (uint64_t)timegm(&date) * NS_PER_S + nanoseconds;
    return true;
}

static size_t entity_place(const struct selftest_follow *follow, const char *entity_id)
{
    char digits[9] = {0};

    memcpy(digits, entity_id, sizeof(digits) - 1);
    return strtoul(digits, NULL, 16) % follow->table_size;
}

static struct selftest_seen *seen_at(const struct selftest_follow *follow, uint32_t key)
{
    return &follow->seen[(key - 1) >> 24][(key - 1) & 0xffffff];
}

static void place_take(const struct selftest_follow *follow, uint32_t *table, size_t place, enum selftest_shape shape,
                       uint32_t index)
{
    while (table[place] != 0)
        place = (place + 1) % follow->table_size;
    table[place] = ((uint32_t)shape << 24 | index) + 1;
}

/* The process whose skeleton has this digest. */
static struct selftest_seen *digest_find(const struct selftest_follow *follow, uint64_t digest,
                                         enum selftest_shape *ret_shape, uint32_t *ret_index)
{
    for (size_t place = digest % follow->table_size; follow->by_digest[place] != 0;
         place = (place + 1) % follow->table_size) {
        uint32_t key = follow->by_digest[place];

        if (seen_at(follow, key)->digest != digest)
            continue;
        *ret_shape = (enum selftest_shape)((key - 1) >> 24);
        *ret_index = (key - 1) & 0xffffff;
        return seen_at(follow, key);
    }
    return NULL;
}

static struct selftest_seen *entity_find(const struct selftest_follow *follow, const char *entity_id)
{
    for (size_t place = entity_place(follow, entity_id); follow->by_entity[place] != 0;
         place = (place + 1) % follow->table_size) {
        struct selftest_seen *seen = seen_at(follow, follow->by_entity[place]);

        if (strcmp(seen->entity_id, entity_id) == 0)
            return seen;
    }
    return NULL;
}

static bool text_of(const struct json_value *line, const char *path, char *ret_text, size_t capacity_bytes)
{
    struct json_value value;
    size_t size;

    return json_scan_find(line, path, &value) && json_scan_string(&value, ret_text, capacity_bytes, &size);
}

static uint32_t number_of(const struct json_value *line, const char *path)
{
    struct json_value value;
    uint64_t number = 0;

    return json_scan_find(line, path, &value) && json_scan_number(&value, &number) ? (uint32_t)number : 0;
}

/* The one argument that may be a word of ours. */
static bool word_of(const struct json_value *line, char word[SELFTEST_WORD_BYTES])
{
    struct json_value arguments, argument;
    struct json_cursor cursor = {0};
    size_t size;

    if (!json_scan_find(line, "process.args", &arguments))
        return false;
    for (int i = 0; i <= WORD_PLACE; i++)
        if (!json_scan_next(&arguments, &cursor, NULL, &argument))
            return false;
    return json_scan_string(&argument, word, SELFTEST_WORD_BYTES, &size);
}

/* Which of ours a start is: by its word, or a skeleton by the digest of its arguments. */
static struct selftest_seen *started_find(const struct selftest_follow *follow, const struct json_value *line,
                                          enum selftest_shape *ret_shape, uint32_t *ret_index)
{
    char word[SELFTEST_WORD_BYTES], digest[DIGEST_TEXT_BYTES];

    if (text_of(line, "muster.args_digest", digest, sizeof(digest)))
        return digest_find(follow, strtoull(digest, NULL, 16), ret_shape, ret_index);
    if (!word_of(line, word) || !selftest_word_parse(follow->nonce, word, ret_shape, ret_index) ||
        *ret_index >= follow->sizes[*ret_shape])
        return NULL;
    return &follow->seen[*ret_shape][*ret_index];
}

static void start_take(struct selftest_follow *follow, const struct json_value *line)
{
    struct selftest_seen *seen;
    struct json_value value;
    enum selftest_shape shape;
    uint64_t time_ns, now_ns = wall_ns();
    uint32_t index;

    seen = started_find(follow, line, &shape, &index);
    if (!seen)
        return;
    follow->starts += seen->starts == 0;
    if (seen->starts++ > 0)
        return;
    seen->pid = number_of(line, "process.pid");
    seen->args_count = number_of(line, "process.args_count");
    if (json_scan_find(line, "@timestamp", &value) && time_read(&value, &time_ns) && now_ns > time_ns)
        seen->latency_ns = now_ns - time_ns;
    if (text_of(line, "process.entity_id", seen->entity_id, sizeof(seen->entity_id)) &&
        strlen(seen->entity_id) == SELFTEST_ENTITY_BYTES - 1)
        place_take(follow, follow->by_entity, entity_place(follow, seen->entity_id), shape, index);
    else
        seen->entity_id[0] = '\0';
}

static void exit_take(struct selftest_follow *follow, const struct json_value *line)
{
    char entity_id[SELFTEST_ENTITY_BYTES];
    struct selftest_seen *seen;

    if (!text_of(line, "process.entity_id", entity_id, sizeof(entity_id)) ||
        strlen(entity_id) != SELFTEST_ENTITY_BYTES - 1)
        return;
    seen = entity_find(follow, entity_id);
    if (!seen)
        return;
    follow->exits += seen->exits == 0;
    seen->exits++;
}

static void line_take(struct selftest_follow *follow, const char *bytes, size_t size_bytes)
{
    struct json_value line, action, synthetic;

    if (!json_scan_object(bytes, size_bytes, &line) || !json_scan_find(&line, "event.action", &action))
        return;
    if (json_scan_find(&line, "muster.synthetic", &synthetic))
        return; /* concluded after it was lost: the loss counts */
    if (json_scan_is(&action, "process-started"))
        start_take(follow, &line);
    else if (json_scan_is(&action, "process-exited"))
        exit_take(follow, &line);
    else if (json_scan_is(&action, "events-lost"))
        follow->lost_told += number_of(&line, "muster.loss.count");
    else if (json_scan_is(&action, "sensor-started"))
        follow->started = true;
    else if (json_scan_is(&action, "sensor-stopped"))
        follow->stopped = true;
}

static void lines_take(struct selftest_follow *follow)
{
    size_t begin = 0;
    char *newline;

    while ((newline = memchr(follow->line + begin, '\n', follow->line_bytes - begin)) != NULL) {
        size_t size = (size_t)(newline - (follow->line + begin));

        line_take(follow, follow->line + begin, size);
        begin += size + 1;
    }
    follow->line_bytes -= begin;
    memmove(follow->line, follow->line + begin, follow->line_bytes);
}

static bool room_make(struct selftest_follow *follow)
{
    size_t capacity = follow->line_bytes + READ_BYTES;
    char *line;

    if (follow->capacity_bytes >= capacity)
        return true;
    if (capacity > LINE_BYTES_MAX) {
        errno = EMSGSIZE;
        return false;
    }
    line = realloc(follow->line, capacity);
    if (!line)
        return false;
    follow->line = line;
    follow->capacity_bytes = capacity;
    return true;
}

/* Everything that is there now. 1: there was something; 0: nothing; -1 with errno set. */
static int bytes_read(struct selftest_follow *follow)
{
    int any = 0;

    for (;;) {
        ssize_t size;

        if (!room_make(follow))
            return -1;
        size = read(follow->fd, follow->line + follow->line_bytes, READ_BYTES);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return size < 0 ? -1 : any;
        any = 1;
        follow->line_bytes += (size_t)size;
        lines_take(follow);
    }
}

bool selftest_follow_read(struct selftest_follow *follow, int timeout_ms)
{
    struct pollfd changed = {.fd = follow->notify_fd, .events = POLLIN};
    char events[4096];
    int any = bytes_read(follow);

    if (any != 0)
        return any > 0;
    if (poll(&changed, 1, timeout_ms) > 0)
        (void)!read(follow->notify_fd, events, sizeof(events));
    return bytes_read(follow) >= 0;
}

static bool tables_make(struct selftest_follow *follow)
{
    follow->table_size = 1;
    for (int shape = 0; shape < SHAPE_COUNT; shape++)
        follow->table_size += 2 * (size_t)follow->sizes[shape];
    follow->by_entity = calloc(follow->table_size, sizeof(*follow->by_entity));
    follow->by_digest = calloc(follow->table_size, sizeof(*follow->by_digest));
    if (!follow->by_entity || !follow->by_digest)
        return false;
    for (int shape = 0; shape < SHAPE_COUNT; shape++)
        for (uint32_t i = 0; i < follow->sizes[shape]; i++) {
            uint64_t digest = selftest_digest(follow->nonce, (enum selftest_shape)shape, i);

            follow->seen[shape][i].digest = digest;
            place_take(follow, follow->by_digest, digest % follow->table_size, (enum selftest_shape)shape, i);
        }
    return true;
}

bool selftest_follow_open(struct selftest_follow *follow, const char *path, int64_t offset)
{
    follow->fd = open(path, O_RDONLY | O_CLOEXEC);
    follow->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    return follow->fd >= 0 && follow->notify_fd >= 0 && inotify_add_watch(follow->notify_fd, path, IN_MODIFY) >= 0 &&
           lseek(follow->fd, offset < 0 ? 0 : (off_t)offset, offset < 0 ? SEEK_END : SEEK_SET) >= 0 &&
           tables_make(follow);
}

void selftest_follow_close(struct selftest_follow *follow)
{
    if (follow->fd >= 0)
        close(follow->fd);
    if (follow->notify_fd >= 0)
        close(follow->notify_fd);
    free(follow->line);
    free(follow->by_entity);
    free(follow->by_digest);
}
