/* SPDX-License-Identifier: Apache-2.0 */
/* An exec without any argument: since Linux 5.18 the kernel makes it one empty string. */
#include <sys/syscall.h>

#include "probe.h"

int main(int argc, char **argv)
{
    if (argc != 2)
        usage("no_args IMAGE");
    tell_self("");
    syscall(SYS_execve, argv[1], NULL, NULL);
    die(argv[1]);
    return PROBE_BROKEN;
}
