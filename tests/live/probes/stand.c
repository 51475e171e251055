/* SPDX-License-Identifier: Apache-2.0 */
/* Stands still until its standard input ends, so that somebody can look at it. */
#include "probe.h"

int main(void)
{
    char unused[64];

    while (read(STDIN_FILENO, unused, sizeof(unused)) > 0)
        ;
    return 0;
}
