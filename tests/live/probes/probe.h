/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the probes share. A probe does one thing to the kernel and prints what is true about it, one
 * JSON object a line, on standard output. Nothing here comes from the product.
 */
#ifndef MUSTER_TESTS_PROBE_H
#define MUSTER_TESTS_PROBE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROBE_BROKEN 99 /* exit status of a probe that could not do its work */

static inline void die(const char *what)
{
    fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
    _exit(PROBE_BROKEN);
}

static inline void usage(const char *text)
{
    fprintf(stderr, "usage: %s\n", text);
    _exit(PROBE_BROKEN);
}

static inline unsigned long long now_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (unsigned long long)now.tv_sec * 1000000000ULL + (unsigned long long)now.tv_nsec;
}

/* The 22nd field of /proc/self/stat: when this process began, in ticks since boot. */
static inline unsigned long long own_start_ticks(void)
{
    char line[1024];
    FILE *stat = fopen("/proc/self/stat", "re");
    char *cursor;
    unsigned long long ticks = 0;
    int field;

    if (!stat || !fgets(line, sizeof(line), stat))
        die("/proc/self/stat");
    fclose(stat);
    cursor = strrchr(line, ')');
    for (field = 2; cursor && field < 22; field++)
        cursor = strchr(cursor + 1, ' ');
    if (!cursor || sscanf(cursor, "%llu", &ticks) != 1)
        die("/proc/self/stat has no start time");
    return ticks;
}

/* One line of truth about the calling process. dprintf: no buffer that a fork could double. */
static inline void tell_self(const char *token)
{
    dprintf(STDOUT_FILENO, "{\"token\":\"%s\",\"pid\":%d,\"ppid\":%d,\"start_ticks\":%llu}\n", token, (int)getpid(),
            (int)getppid(), own_start_ticks());
}

static inline _Noreturn void exec_image(const char *image, const char *token)
{
    execl(image, image, token, (char *)NULL);
    die(image);
    _exit(PROBE_BROKEN);
}

static inline _Noreturn void tell_and_exec(const char *image, const char *token)
{
    tell_self(token);
    exec_image(image, token);
}

static inline int wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            die("waitpid");
    }
    return status;
}

/* Waits until the clock of /proc/PID/stat has gone on by one tick at least. */
static inline void wait_for_next_tick(void)
{
    unsigned long long tick_ns = 1000000000ULL / (unsigned long long)sysconf(_SC_CLK_TCK);
    unsigned long long tick = now_ns(CLOCK_BOOTTIME) / tick_ns;

    while (now_ns(CLOCK_BOOTTIME) / tick_ns <= tick + 1)
        usleep(1000);
}

#endif
