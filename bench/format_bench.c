/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format_bench [--format NAME] [--records SET] [--rounds N] [--lines N]
 *
 * What one record costs in each output format: CPU time of this thread, on records that are made once and lie ready,
 * into a target that takes everything and does nothing. Stands on libmuster.a and the public headers alone, so that it
 * can be linked with the library of another day; bench/format_compare.py does that, and counts instructions.
 *
 * A set is 2048 processes, each a start and then its exit: more than the sink remembers entity ids of, so each start
 * makes one. Of the starts every eighth is a script's, every fourth is root's; of the exits every sixteenth is by a
 * signal.
 *
 *     before    Linux, as it was before sessions, terminals, capabilities, cgroups and usage were told
 *     linux     Linux, all that is told of a process in a container without a terminal, or at one
 *     windows   Windows
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "muster/record.h"
#include "muster/sink.h"

enum { PROCESS_COUNT = 2048, RECORD_COUNT = 2 * PROCESS_COUNT, MOST_BYTES = 2048, BATCH_RECORDS = 256 };

static const char *const formats[] = {"ndjson", "text", "driver-messages"};
static const char *const sets[] = {"before", "linux", "windows"};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define BIT(name)       MUSTER_FIELD_BIT(MUSTER_FIELD_##name)
#define WHOLE(field, literal)                                                                                          \
    {                                                                                                                  \
        MUSTER_FIELD_##field, (literal), sizeof(literal) - 1, sizeof(literal) - 1, sizeof(literal) - 1                 \
    }

#define SECOND_NS        1000000000ULL
#define BOOT_NS          1787220000ULL * SECOND_NS
#define EVERY_CAPABILITY 0x1ffffffffffULL

#define PROCESS_BITS                                                                                                   \
    (BIT(PID) | BIT(TID) | BIT(START) | BIT(PARENT_PID) | BIT(PARENT_START) | BIT(SESSION) | BIT(USER) | BIT(GROUP) |  \
     BIT(REAL_USER) | BIT(REAL_GROUP))
#define LINUX_START_BITS                                                                                               \
    (BIT(LOGIN_USER) | BIT(PROCESS_GROUP) | BIT(CAPABILITIES_EFFECTIVE) | BIT(CAPABILITIES_PERMITTED) | BIT(CGROUP) |  \
     BIT(PID_NAMESPACE) | BIT(MOUNT_NAMESPACE) | BIT(NAMESPACE_PID) | BIT(IMAGE_INODE) | BIT(IMAGE_DEVICE) |           \
     BIT(IMAGE_MODIFIED))
#define LINUX_EXIT_BITS (BIT(USER_TIME) | BIT(SYSTEM_TIME) | BIT(PEAK_RSS))
#define WINDOWS_START_BITS                                                                                             \
    (BIT(PID) | BIT(TID) | BIT(START) | BIT(PARENT_PID) | BIT(PARENT_START) | BIT(LOGON_ID) | BIT(TERMINAL_SESSION) |  \
     BIT(CREATOR_PID) | BIT(CREATOR_TID) | BIT(CREATOR_START) | BIT(INTEGRITY) | BIT(ELEVATED))

/* One behind the other, as they stand in a queue. */
struct records {
    size_t offset_bytes[RECORD_COUNT];
    size_t size_bytes;
    uint64_t words[RECORD_COUNT * (size_t)MOST_BYTES / 8];
};

static const struct muster_stream stream = {
    .epoch = 0x0123456789abcdefULL,
    .boot_id = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    .boot_id_valid = true,
    .clock_offset_ns = (int64_t)(BOOT_NS),
    .tick_ns = 10000000,
    .provider = "ebpf",
    .os_type = "linux",
    .os_kernel = "6.1.0-37-amd64",
    .host_name = "web1.example.net",
    .host_id = "4d3c2b1a00112233445566778899aabb",
    .version = "0.1.0",
};

static struct muster_process process_of(unsigned index)
{
    const unsigned user = index % 4 == 0 ? 0 : 1000;
    return (struct muster_process){
        .pid = 4000 + index,
        .tid = 4000 + index,
        .start_ns = 9000 * SECOND_NS + index * 12345678ULL,
        .parent_start_ns = 5 * SECOND_NS + index % 8 * 20000000ULL,
        .parent_pid = 900 + index % 8,
        .session_id = 900 + index % 8,
        .user_id = user,
        .group_id = user,
        .real_user_id = user,
        .real_group_id = user,
    };
}

static struct muster_process_start start_of(unsigned index)
{
    const struct muster_process process = process_of(index);
    const uint64_t capabilities = process.user_id == 0 ? EVERY_CAPABILITY : 0;
    return (struct muster_process_start){
        .record = {.type = MUSTER_EVENT_PROCESS_START,
                   .sequence = 100000 + 2ULL * index,
                   .time_ns = process.start_ns + 345678,
                   .fixed_bytes = sizeof(struct muster_process_start)},
        .process = process,
        .args_count = 4,
        .logon_id = 0x3e7,
        .creator_start_ns = process.parent_start_ns,
        .terminal_session_id = 1,
        .creator_pid = process.parent_pid,
        .creator_tid = process.parent_pid + 4,
        .integrity_rid = 0x3000,
        .elevated = 1,
        .capabilities_effective = capabilities,
        .capabilities_permitted = capabilities,
        .cgroup_id = 7421,
        .image_inode = 1835291 + index % 32,
        .image_modified_ns = BOOT_NS - index % 32 * 86413 * SECOND_NS,
        .image_device = 8U << 20 | 1,
        .login_user_id = 1000,
        .process_group_id = process.pid,
        .tty_device = 136U << 20 | 2,
        .pid_namespace = 4026531836U,
        .mount_namespace = 4026531841U,
        .namespace_pid = process.pid - 3990,
    };
}

static void make_start(void *to, unsigned index, const char *set)
{
    static const struct muster_text linux_texts[] = {
        WHOLE(EXECUTABLE, "/usr/bin/python3.11"),
        WHOLE(WORKING_DIRECTORY, "/var/lib/jenkins/workspace/nightly"),
        WHOLE(ARGS, "python3\0-c\0import sys; print(\"hello\", *sys.argv)\0--verbose\0"),
        WHOLE(SCRIPT, "./build/run-all-of-the-tests"),
        WHOLE(THREAD_NAME, "python3"),
        WHOLE(PARENT_EXECUTABLE, "/usr/bin/make"),
        WHOLE(CGROUP_PATH, "/system.slice/jenkins.service"),
        WHOLE(INTERPRETER, "/usr/bin/python3"),
    };
    static const struct muster_text windows_texts[] = {
        WHOLE(EXECUTABLE, "C:\\Program Files\\Git\\usr\\bin\\bash.exe"),
        WHOLE(COMMAND_LINE, "\"C:\\Program Files\\Git\\usr\\bin\\bash.exe\" --login -c \"make -j8 all\""),
        WHOLE(USER_SID, "S-1-5-21-3623811015-3361044348-30300820-1013"),
    };
    const bool is_windows = strcmp(set, "windows") == 0, has_all = strcmp(set, "linux") == 0;
    const bool is_script = index % 8 == 0;
    struct muster_process_start start = start_of(index);
    struct muster_text texts[COUNT_OF(linux_texts)];
    size_t count = 0;
    if (is_windows) {
        start.record.flags = MUSTER_RECORD_WTF8;
        start.record.valid = WINDOWS_START_BITS;
        memcpy(texts, windows_texts, sizeof(windows_texts));
        count = COUNT_OF(windows_texts);
    } else {
        start.record.valid = PROCESS_BITS | BIT(ARGS_COUNT) | BIT(IMAGE_FLAGS);
        if (has_all)
            start.record.valid |= LINUX_START_BITS | (index % 2 == 0 ? BIT(TTY) : 0);
        for (size_t i = 0; i < COUNT_OF(linux_texts); i++) {
            const unsigned field = linux_texts[i].field;
            const bool is_scripts = field == MUSTER_FIELD_SCRIPT || field == MUSTER_FIELD_INTERPRETER;
            const bool is_later = field == MUSTER_FIELD_CGROUP_PATH || field == MUSTER_FIELD_INTERPRETER;
            if ((!is_scripts || is_script) && (!is_later || has_all))
                texts[count++] = linux_texts[i];
        }
    }
    if (muster_record_size(&start.record, texts, count) > MOST_BYTES)
        abort();
    muster_record_encode(to, &start.record, texts, count);
}

static void make_exit(void *to, unsigned index, const char *set)
{
    static const struct muster_text name = WHOLE(THREAD_NAME, "python3");
    const bool is_windows = strcmp(set, "windows") == 0, has_all = strcmp(set, "linux") == 0;
    struct muster_process_exit exit = {
        .record = {.type = MUSTER_EVENT_PROCESS_EXIT,
                   .flags = is_windows ? MUSTER_RECORD_WTF8 : 0,
                   .sequence = 100001 + 2ULL * index,
                   .fixed_bytes = sizeof(struct muster_process_exit)},
        .process = process_of(index),
        .exit_code = index % 3,
        .exit_signal = 15,
        .run_time_ns = 12345678,
        .user_time_ns = 8000000 + index,
        .system_time_ns = 4000000,
        .peak_rss_bytes = 10485760 + index * 4096ULL,
    };
    const bool is_killed = index % 16 == 0 && !is_windows;
    exit.record.time_ns = exit.process.start_ns + exit.run_time_ns;
    exit.record.valid = (is_windows ? BIT(PID) | BIT(TID) | BIT(START) : PROCESS_BITS) | BIT(RUN_TIME) |
                        (is_killed ? BIT(EXIT_SIGNAL) | BIT(CORE_DUMPED) : BIT(EXIT_CODE)) |
                        (has_all ? LINUX_EXIT_BITS : 0);
    muster_record_encode(to, &exit.record, &name, is_windows ? 0 : 1);
}

static const struct muster_record *record_at(const struct records *records, unsigned index)
{
    return (const struct muster_record *)(const void *)((const char *)records->words + records->offset_bytes[index]);
}

/* Where the next record goes. The last one was made where the one before it told. */
static void *next_place(struct records *records, unsigned index)
{
    if (index > 0)
        records->size_bytes += record_at(records, index - 1)->size_bytes;
    records->offset_bytes[index] = records->size_bytes;
    return (char *)records->words + records->size_bytes;
}

static struct records *make_records(const char *set)
{
    struct records *records = calloc(1, sizeof(*records));
    if (records == NULL)
        abort();
    for (unsigned i = 0; i < PROCESS_COUNT; i++) {
        make_start(next_place(records, 2 * i), i, set);
        make_exit(next_place(records, 2 * i + 1), i, set);
    }
    for (unsigned i = 0; i < RECORD_COUNT; i++) {
        const struct muster_record *record;
        if (muster_record_validate(record_at(records, i), MOST_BYTES, &record) != MUSTER_OK)
            abort();
    }
    return records;
}

static long take(void *context, const char *bytes, size_t size_bytes)
{
    (void)bytes;
    *(uint64_t *)context += size_bytes;
    return (long)size_bytes;
}

static void write_lines(struct muster_sink *sink, const struct records *records, unsigned line_count)
{
    for (unsigned i = 0; i < line_count; i++) {
        if (muster_sink_write(sink, record_at(records, i % RECORD_COUNT)) != MUSTER_OK ||
            (i % BATCH_RECORDS == BATCH_RECORDS - 1 && muster_sink_flush(sink) != MUSTER_OK))
            abort();
    }
    if (muster_sink_flush(sink) != MUSTER_OK)
        abort();
}

static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_size(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void measure(const char *format, const char *set, unsigned rounds, unsigned line_count)
{
    struct records *records = make_records(set);
    uint64_t taken_bytes = 0;
    const struct muster_sink_options options = {.stream = &stream, .target = {take, &taken_bytes}};
    bool is_known = false;
    struct muster_sink *sink = muster_sink_create(format, &options, &is_known);
    double *each = calloc(rounds, sizeof(*each));
    if (sink == NULL || each == NULL)
        abort();
    for (unsigned round = 0; round < rounds; round++) {
        const double begin = cpu_ns();
        write_lines(sink, records, line_count);
        each[round] = (cpu_ns() - begin) / line_count;
    }
    qsort(each, rounds, sizeof(*each), by_size);
    printf("%s %s: %.1f ns a record (lowest %.1f, highest %.1f), %.0f bytes a record\n", format, set, each[rounds / 2],
           each[0], each[rounds - 1], (double)taken_bytes / rounds / line_count);
    fflush(stdout);
    free(each);
    muster_sink_destroy(sink);
    free(records);
}

static bool is_chosen(const char *wish, const char *name)
{
    return wish == NULL || strcmp(wish, name) == 0;
}

int main(int argc, char **argv)
{
    const char *format = NULL, *set = NULL;
    unsigned rounds = 21, line_count = 20 * RECORD_COUNT;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--format") == 0)
            format = argv[i + 1];
        else if (strcmp(argv[i], "--records") == 0)
            set = argv[i + 1];
        else if (strcmp(argv[i], "--rounds") == 0)
            rounds = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--lines") == 0)
            line_count = (unsigned)strtoul(argv[i + 1], NULL, 10);
    }
    if (rounds == 0 || line_count == 0)
        return 2;
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        for (size_t j = 0; j < COUNT_OF(sets); j++)
            if (is_chosen(format, formats[i]) && is_chosen(set, sets[j]))
                measure(formats[i], sets[j], rounds, line_count);
    return 0;
}
