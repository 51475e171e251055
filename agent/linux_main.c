/* SPDX-License-Identifier: Apache-2.0 */
/* main on Linux. */
#include <signal.h>

#include "command.h"
#include "report.h"
#include "standard_streams.h"

int main(int count, char **arguments)
{
    if (!standard_streams_fill())
        return EXIT_FAILED;
    signal(SIGPIPE, SIG_IGN); /* a write says EPIPE instead */
    return command_run(count, arguments);
}
