/* SPDX-License-Identifier: Apache-2.0 */
/* Two processes, one after the other, with the same pid: the second is made by clone3 with set_tid.
 * Between them the clock of /proc/PID/stat goes on, so that their start times differ. */
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "probe.h"

#define ATTEMPTS 50

/* pid 0: whichever the kernel gives. Returns as fork does. */
static pid_t fork_with_pid(pid_t pid)
{
    struct clone_args arguments = {
        .exit_signal = SIGCHLD,
        .set_tid = pid ? (uint64_t)(uintptr_t)&pid : 0,
        .set_tid_size = pid ? 1 : 0,
    };

    return (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
}

/* The pid, or -1 where somebody else has it. */
static pid_t run_with_pid(pid_t wanted, const char *image, const char *token)
{
    pid_t pid = fork_with_pid(wanted);

    if (pid == 0)
        tell_and_exec(image, token);
    if (pid < 0 && errno != EEXIST)
        die("clone3");
    if (pid > 0)
        wait_for(pid);
    return pid;
}

int main(int argc, char **argv)
{
    int attempt;

    if (argc != 4)
        usage("pid_reuse IMAGE TOKEN TOKEN");
    for (attempt = 0; attempt < ATTEMPTS; attempt++) {
        pid_t pid = run_with_pid(0, argv[1], argv[2]);

        wait_for_next_tick();
        if (run_with_pid(pid, argv[1], argv[3]) == pid)
            return 0;
    }
    return PROBE_BROKEN;
}
