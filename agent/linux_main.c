/* SPDX-License-Identifier: Apache-2.0 */
/* main on Linux. */
#include "command.h"
#include "linux_signals.h"
#include "report.h"
#include "standard_streams.h"

int main(int count, char **arguments)
{
    if (!standard_streams_fill())
        return EXIT_FAILED;
    signals_begin();
    return command_run(count, arguments);
}
