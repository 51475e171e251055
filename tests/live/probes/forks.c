/* SPDX-License-Identifier: Apache-2.0 */
/* Children that fork makes and that never exec; each exits with its number modulo 251. */
#include <stdint.h>

#include "probe.h"

static pid_t fork_one(long number)
{
    pid_t pid = fork();

    if (pid < 0)
        die("fork");
    if (pid == 0)
        _exit((int)(number % 251));
    return pid;
}

int main(int argc, char **argv)
{
    long count = argc == 2 ? atol(argv[1]) : 0;
    long number;
    pid_t *pids;

    if (count < 1)
        usage("forks COUNT");
    pids = calloc((size_t)count, sizeof(*pids));
    if (!pids)
        die("calloc");
    for (number = 0; number < count; number++) {
        pids[number] = fork_one(number);
        if (WEXITSTATUS(wait_for(pids[number])) != number % 251)
            die("a child ended otherwise");
    }
    for (number = 0; number < count; number++)
        printf("{\"number\":%ld,\"pid\":%d,\"ppid\":%d,\"exit_code\":%ld}\n", number, (int)pids[number], (int)getpid(),
               number % 251);
    return 0;
}
