/* SPDX-License-Identifier: Apache-2.0 */
/* proc_process.h; proc(5) has the files. */
#include "proc_process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/sensor_shared.h"
#include "muster/identity.h"

#define DELETED " (deleted)"

/* Reads /proc/PID/NAME; -1 with errno set. */
static ssize_t file_read(uint32_t pid, const char *name, char *bytes, size_t capacity)
{
    char path[64];
    ssize_t got, total = 0;
    int fd;

    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    do {
        got = read(fd, bytes + total, capacity - (size_t)total);
        total += got > 0 ? got : 0;
    } while (got > 0 && (size_t)total < capacity);
    close(fd);
    return got < 0 ? -1 : total;
}

/* What /proc/PID/stat says. The name before the rest may hold anything, so that is looked for behind its last
 * parenthesis. */
struct proc_stat {
    uint32_t parent_pid, session_id, flags;
    long thread_count;
    uint64_t start_ticks;
    char state;
};

static bool stat_line_read(uint32_t pid, struct proc_stat *stat)
{
    char line[1024];
    ssize_t size = file_read(pid, "stat", line, sizeof(line) - 1);
    const char *rest;

    if (size <= 0)
        return false;
    line[size] = '\0';
    rest = strrchr(line, ')');
    return rest && sscanf(rest + 1,
                          " %c %" SCNu32 " %*d %" SCNu32 " %*d %*d %" SCNu32
                          " %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %" SCNu64,
                          &stat->state, &stat->parent_pid, &stat->session_id, &stat->flags, &stat->thread_count,
                          &stat->start_ticks) == 6;
}

static bool has_ended(const struct proc_stat *stat)
{
    return stat->state == 'Z' || stat->state == 'X';
}

enum proc_life proc_life(uint32_t pid, uint64_t start_ns)
{
    struct proc_stat stat;

    if (!stat_line_read(pid, &stat))
        return errno == ENOENT || errno == ESRCH ? PROC_GONE : PROC_ENDING;
    if (stat.start_ticks != start_ns / MUSTER_TICK_NS_LINUX)
        return PROC_GONE; /* its pid is another's */
    if (!has_ended(&stat))
        return PROC_ALIVE;
    return stat.thread_count <= 1 ? PROC_GONE : PROC_ENDING;
}

/* *ret_forked: it has not exec'ed. */
static bool stat_read(uint32_t pid, struct muster_process *process, bool *ret_forked)
{
    const uint32_t fork_no_exec = 0x40; /* include/linux/sched.h, PF_FORKNOEXEC */
    struct proc_stat stat;

    if (!stat_line_read(pid, &stat))
        return false;
    process->parent_pid = stat.parent_pid;
    process->session_id = stat.session_id;
    process->start_ns = stat.start_ticks * MUSTER_TICK_NS_LINUX;
    *ret_forked = stat.flags & fork_no_exec;
    return !has_ended(&stat);
}

static bool status_read(uint32_t pid, struct muster_process *process)
{
    char text[4096];
    ssize_t size = file_read(pid, "status", text, sizeof(text) - 1);
    const char *thread_group, *users, *groups;
    uint32_t leader;

    if (size <= 0)
        return false;
    text[size] = '\0';
    thread_group = strstr(text, "\nTgid:");
    users = strstr(text, "\nUid:");
    groups = strstr(text, "\nGid:");
    return thread_group && users && groups && sscanf(thread_group, "\nTgid: %" SCNu32, &leader) == 1 && leader == pid &&
           sscanf(users, "\nUid: %" SCNu32 " %" SCNu32, &process->real_user_id, &process->user_id) == 2 &&
           sscanf(groups, "\nGid: %" SCNu32 " %" SCNu32, &process->real_group_id, &process->group_id) == 2;
}

static void text_add(struct proc_process *process, enum muster_field field, const char *bytes, size_t size)
{
    process->texts[process->text_count++] = muster_text_whole(field, bytes, (uint32_t)size);
}

/* The kernel marks a path without a file by a suffix, which a file's name may also have. */
static size_t deleted_strip(const char *path, size_t size, bool *ret_deleted)
{
    struct stat status;

    *ret_deleted = size > strlen(DELETED) && memcmp(path + size - strlen(DELETED), DELETED, strlen(DELETED)) == 0 &&
                   stat(path, &status) != 0;
    return *ret_deleted ? size - strlen(DELETED) : size;
}

static void link_read(struct proc_process *process, const char *name, enum muster_field field, char *path)
{
    char link[64];
    ssize_t size;
    bool deleted;

    snprintf(link, sizeof(link), "/proc/%" PRIu32 "/%s", process->start.process.pid, name);
    size = readlink(link, path, MUSTER_PATH_MAX_BYTES - 1);
    if (size > 0) {
        path[size] = '\0';
        text_add(process, field, path, deleted_strip(path, (size_t)size, &deleted));
        if (field == MUSTER_FIELD_EXECUTABLE) {
            process->start.image_flags = deleted ? MUSTER_IMAGE_DELETED : 0;
            process->start.record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_IMAGE_FLAGS);
        }
    } else if (errno != ENOENT) { /* ENOENT: a kernel thread has none */
        process->start.record.unavailable |= MUSTER_FIELD_BIT(field);
    }
}

/*
 * Only the first process's: reading another's memory may wait for ever (see iterate() in
 * baseline.c), and this is the sensor's own thread. What does not fit is left out, as its length is
 * not to be had.
 */
static void args_read(struct proc_process *process)
{
    ssize_t size = -1;

    if (process->start.process.pid == 1)
        size = file_read(process->start.process.pid, "cmdline", process->args, sizeof(process->args));

    if (size > 0 && (size_t)size < sizeof(process->args))
        text_add(process, MUSTER_FIELD_ARGS, process->args, (size_t)size);
    else if (size != 0)
        process->start.record.unavailable |= MUSTER_FIELD_BIT(MUSTER_FIELD_ARGS);
}

static void name_read(struct proc_process *process)
{
    ssize_t size = file_read(process->start.process.pid, "comm", process->name, sizeof(process->name));

    if (size > 0)
        text_add(process, MUSTER_FIELD_THREAD_NAME, process->name, (size_t)size - 1); /* a newline ends it */
}

static void start_begin(struct muster_process_start *start, uint32_t pid)
{
    *start = (struct muster_process_start){
        .record =
            {
                .size_bytes = sizeof(struct muster_process_start),
                .type = MUSTER_EVENT_PROCESS_RUNNING,
                .version = MUSTER_RECORD_VERSION,
                .fixed_bytes = sizeof(struct muster_process_start),
                .valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_START) |
                         MUSTER_FIELD_BIT(MUSTER_FIELD_PARENT_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_SESSION) |
                         MUSTER_FIELD_BIT(MUSTER_FIELD_USER) | MUSTER_FIELD_BIT(MUSTER_FIELD_GROUP) |
                         MUSTER_FIELD_BIT(MUSTER_FIELD_REAL_USER) | MUSTER_FIELD_BIT(MUSTER_FIELD_REAL_GROUP),
            },
        .process = {.pid = pid},
    };
}

bool proc_process_read(uint32_t pid, struct proc_process *ret_process)
{
    struct muster_process after, *process = &ret_process->start.process;
    bool forked;

    start_begin(&ret_process->start, pid);
    ret_process->text_count = 0;
    if (!stat_read(pid, process, &forked) || !status_read(pid, process))
        return false;
    ret_process->start.record.flags = forked ? FOUND_FORKED : 0;
    link_read(ret_process, "exe", MUSTER_FIELD_EXECUTABLE, ret_process->executable);
    link_read(ret_process, "cwd", MUSTER_FIELD_WORKING_DIRECTORY, ret_process->working_directory);
    args_read(ret_process);
    name_read(ret_process);
    return stat_read(pid, &after, &forked) && after.start_ns == process->start_ns;
}
