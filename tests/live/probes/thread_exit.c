/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes whose threads end in an unusual order. One exit has to be reported, when the last
 * thread is gone.
 *     leader-first        the leader ends (code 5), a thread lives on and ends (code 9)
 *     leader-first-group  the same, but the thread calls exit_group(9): status 9
 *     racing COUNT        COUNT threads and the leader end at the same moment, each with a code of
 *                         its own
 * Where exit_group is not called, the status is the leader's in kernels before 6.0, and since then
 * that of whichever thread was last; what wait(2) says is the truth.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "probe.h"

#define LEADER_CODE 5
#define LAST_CODE   9
#define RACING_CODE 3
#define SURVIVES_US 50000

static atomic_long waiting;

static _Noreturn void exit_thread(int code)
{
    for (;;)
        syscall(SYS_exit, code);
}

static char leader_state(void)
{
    char path[64];
    char line[512];
    FILE *stat;
    const char *cursor;

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)getpid());
    stat = fopen(path, "re");
    if (!stat || !fgets(line, sizeof(line), stat))
        die(path);
    fclose(stat);
    cursor = strrchr(line, ')');
    return cursor && cursor[1] ? cursor[2] : '?';
}

static void *outlive_leader(void *group)
{
    while (leader_state() != 'Z')
        usleep(200);
    usleep(SURVIVES_US);
    dprintf(STDOUT_FILENO, "{\"pid\":%d,\"last_tid\":%d,\"last_alive_ns\":%llu}\n", (int)getpid(), (int)gettid(),
            now_ns(CLOCK_REALTIME));
    if (group)
        syscall(SYS_exit_group, LAST_CODE);
    exit_thread(LAST_CODE);
}

static _Noreturn void leader_first(void *group)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, outlive_leader, group) != 0)
        die("pthread_create");
    exit_thread(LEADER_CODE);
}

static void *race(void *number)
{
    atomic_fetch_sub(&waiting, 1);
    while (atomic_load(&waiting) > 0)
        ;
    exit_thread((int)(RACING_CODE + 1 + (long)number));
}

static _Noreturn void racing(long count)
{
    pthread_t thread;
    long i;

    atomic_store(&waiting, count + 1);
    for (i = 0; i < count; i++) {
        if (pthread_create(&thread, NULL, race, (void *)i) != 0)
            die("pthread_create");
    }
    atomic_fetch_sub(&waiting, 1);
    while (atomic_load(&waiting) > 0)
        ;
    exit_thread(RACING_CODE);
}

int main(int argc, char **argv)
{
    static int group;

    if (argc == 2 && strcmp(argv[1], "leader-first") == 0)
        leader_first(NULL);
    if (argc == 2 && strcmp(argv[1], "leader-first-group") == 0)
        leader_first(&group);
    if (argc == 3 && strcmp(argv[1], "racing") == 0 && atol(argv[2]) > 0)
        racing(atol(argv[2]));
    usage("thread_exit leader-first | leader-first-group | racing COUNT");
}
