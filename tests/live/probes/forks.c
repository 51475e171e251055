/* SPDX-License-Identifier: Apache-2.0 */
/* Children that fork makes and that never exec, one after the other; each exits with its number
 * modulo 251. SIGTERM ends it early, and the truth is of what was. */
#include <signal.h>
#include <stdint.h>

#include "probe.h"

static volatile sig_atomic_t enough;

static void on_term(int number)
{
    (void)number;
    enough = 1;
}

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
    long done;
    pid_t *pids;

    if (count < 1)
        usage("forks COUNT");
    pids = calloc((size_t)count, sizeof(*pids));
    if (!pids)
        die("calloc");
    signal(SIGTERM, on_term);
    for (done = 0; done < count && !enough; done++) {
        pids[done] = fork_one(done);
        if (WEXITSTATUS(wait_for(pids[done])) != done % 251)
            die("a child ended otherwise");
    }
    for (number = 0; number < done; number++)
        printf("{\"number\":%ld,\"pid\":%d,\"ppid\":%d,\"exit_code\":%ld}\n", number, (int)pids[number], (int)getpid(),
               number % 251);
    return 0;
}
