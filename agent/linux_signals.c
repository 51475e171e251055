/* SPDX-License-Identifier: Apache-2.0 */
/* linux_signals.h */
#include "linux_signals.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/signalfd.h>

static struct {
    struct sigaction pipe, child;
    sigset_t mask;
    bool masked;
} found;

void signals_begin(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGPIPE, &ignore, &found.pipe);
}

int signals_open(void)
{
    static const int read_here[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    struct sigaction action, normal = {.sa_handler = SIG_DFL};
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    for (size_t i = 0; i < sizeof(read_here) / sizeof(*read_here); i++)
        if (sigaction(read_here[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&signals, read_here[i]);
    sigaction(SIGCHLD, &normal, &found.child); /* whoever ignores it is not told of stops */
    sigprocmask(SIG_BLOCK, &signals, &found.mask);
    found.masked = true;
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

void signals_suspend(void)
{
    sigset_t suspend;

    sigemptyset(&suspend);
    sigaddset(&suspend, SIGTSTP);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &suspend, NULL);
    sigprocmask(SIG_BLOCK, &suspend, NULL);
}

void signals_give_back(void)
{
    sigaction(SIGPIPE, &found.pipe, NULL);
    if (!found.masked)
        return;
    sigaction(SIGCHLD, &found.child, NULL);
    sigprocmask(SIG_SETMASK, &found.mask, NULL);
}
