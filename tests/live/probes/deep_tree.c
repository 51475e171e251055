/* SPDX-License-Identifier: Apache-2.0 */
/* A tree without branches: each level forks, and the child execs this program again, one level
 * down. Each level waits for the one below and exits with its number modulo 251. */
#include "probe.h"

static void descend(const char *program, const char *run, long level)
{
    char number[32];
    pid_t pid = fork();

    if (pid < 0)
        die("fork");
    if (pid == 0) {
        snprintf(number, sizeof(number), "%ld", level - 1);
        execl(program, program, run, number, (char *)NULL);
        die(program);
    }
    if (WEXITSTATUS(wait_for(pid)) != (level - 1) % 251)
        die("a level ended otherwise");
}

int main(int argc, char **argv)
{
    long level = argc == 3 ? atol(argv[2]) : -1;

    if (level < 0)
        usage("deep_tree RUN LEVELS");
    dprintf(STDOUT_FILENO, "{\"level\":%ld,\"pid\":%d,\"ppid\":%d,\"start_ticks\":%llu}\n", level, (int)getpid(),
            (int)getppid(), own_start_ticks());
    if (level > 0)
        descend("/proc/self/exe", argv[1], level);
    return (int)(level % 251);
}
