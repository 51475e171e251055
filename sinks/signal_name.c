/* SPDX-License-Identifier: Apache-2.0 */
/* signal_name.h. Not strsignal(3), which says what this host calls a number, in its own language. */
#include "signal_name.h"

#include <stddef.h>

const char *signal_name(unsigned signal)
{
    /* signal(7) */
    static const char *const names[] = {
        NULL,        "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
        "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
        "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
        "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS",
    };
    return signal < sizeof(names) / sizeof(names[0]) ? names[signal] : NULL;
}
