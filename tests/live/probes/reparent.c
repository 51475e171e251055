/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process whose parent is not the one that made it.
 *     orphan        the maker ends first; the process waits for its new parent, then execs
 *     clone-parent  made with CLONE_PARENT: its parent is this program's parent, who has to wait
 */
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include "probe.h"

static void orphan(const char *image, const char *token)
{
    pid_t maker = fork();

    if (maker < 0)
        die("fork");
    if (maker == 0) {
        pid_t own = getpid();

        if (fork() == 0) {
            while (getppid() == own)
                usleep(200);
            tell_and_exec(image, token);
        }
        _exit(0);
    }
    wait_for(maker);
}

static void clone_parent(const char *image, const char *token)
{
    long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, NULL, NULL, 0);

    if (pid < 0)
        die("clone");
    if (pid == 0)
        tell_and_exec(image, token);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        usage("reparent orphan|clone-parent IMAGE TOKEN");
    if (strcmp(argv[1], "orphan") == 0)
        orphan(argv[2], argv[3]);
    else
        clone_parent(argv[2], argv[3]);
    return 0;
}
