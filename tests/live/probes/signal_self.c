/* SPDX-License-Identifier: Apache-2.0 */
/* Ends by a signal, as a rule: number 11 by a true fault, the others by kill(2). */
#include <signal.h>

#include "probe.h"

int main(int argc, char **argv)
{
    int number = argc == 2 ? atoi(argv[1]) : 0;
    volatile int *nowhere = NULL;

    if (number < 1)
        usage("signal_self NUMBER");
    signal(number, SIG_DFL);
    if (number == SIGSEGV)
        *nowhere = 1;
    kill(getpid(), number);
    return PROBE_BROKEN;
}
