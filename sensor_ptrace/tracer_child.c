/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracer_child.h. The parent seizes the child, which waits at a gate meanwhile. PTRACE_SEIZE, as only what is seized
 * can be stopped and continued as its user wants it. Without PTRACE_O_EXITKILL: to be watched must not become a danger,
 * so if muster is killed the command goes on.
 */
#include "tracer_child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void child_run(const struct muster_tracer_options *options, int gate_fd)
{
    ssize_t got;
    char byte;
    int error;

    do
        got = read(gate_fd, &byte, 1);
    while (got < 0 && errno == EINTR);
    if (got != 1)
        _exit(MUSTER_TRACER_FAILED);
    options->child_ready();
    execvp(options->command[0], options->command);
    error = errno;
    options->child_failed(options->command[0], error);
    _exit(error == ENOENT || error == ENOTDIR ? MUSTER_TRACER_NOT_FOUND : MUSTER_TRACER_NOT_RUNABLE);
}

/* The first number of a file; `otherwise` where it cannot be read. `key` is what stands before it. */
static long number_read(const char *path, const char *key, long otherwise)
{
    FILE *file = fopen(path, "re");
    char line[256];
    long number = otherwise;

    while (file && number == otherwise && fgets(line, sizeof(line), file))
        if (strncmp(line, key, strlen(key)) == 0)
            number = strtol(line + strlen(key), NULL, 10);
    if (file)
        fclose(file);
    return number;
}

static const char *refusal_advice(void)
{
    if (number_read("/proc/self/status", "TracerPid:", 0) != 0)
        return "muster itself is traced (by strace, gdb or another `muster trace`), and so is all that it starts; a "
               "process has one tracer";
    if (number_read("/proc/sys/kernel/yama/ptrace_scope", "", 0) >= 2)
        return "the system forbids it: kernel.yama.ptrace_scope is 2 (root only) or 3 (nobody); see sysctl(8)";
    return "something forbids ptrace, most likely a container's seccomp filter: let the container have CAP_SYS_PTRACE "
           "(docker run --cap-add SYS_PTRACE)";
}

static bool child_fail(struct muster_sensor_error *ret_error, const char *what, int error)
{
    *ret_error = (struct muster_sensor_error){.what = what, .advice = "see errno(3)"};
    if (error == EPERM || error == EACCES || error == ENOSYS)
        ret_error->advice = refusal_advice();
    snprintf(ret_error->reason, sizeof(ret_error->reason), "%s", strerror(error));
    return false;
}

bool tracer_child_start(const struct muster_tracer_options *options, struct tracer_child *ret_child,
                        struct muster_sensor_error *ret_error)
{
    int gate[2], error;
    pid_t pid;

    if (pipe2(gate, O_CLOEXEC) != 0)
        return child_fail(ret_error, "cannot make a pipe", errno);
    pid = fork();
    if (pid == 0) {
        close(gate[1]);
        child_run(options, gate[0]);
    }
    error = errno;
    close(gate[0]);
    if (pid > 0 && ptrace(PTRACE_SEIZE, pid, NULL, (void *)TRACER_OPTIONS) == 0) {
        *ret_child = (struct tracer_child){.pid = pid, .gate_fd = gate[1]};
        return true;
    }
    error = pid > 0 ? errno : error;
    close(gate[1]);
    if (pid > 0)
        (void)waitpid(pid, NULL, 0);
    return child_fail(ret_error, pid > 0 ? "cannot trace a process" : "cannot make a process", error);
}

void tracer_child_go(struct tracer_child *child)
{
    while (write(child->gate_fd, "", 1) < 0 && errno == EINTR)
        ;
    close(child->gate_fd);
    child->gate_fd = -1;
}
