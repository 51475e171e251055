/* SPDX-License-Identifier: Apache-2.0 */
/* The `muster` command, behind what each host's main makes ready. */
#ifndef MUSTER_COMMAND_H
#define MUSTER_COMMAND_H

/* `arguments` as of main, in UTF-8 or as the bytes are. Returns the exit code. */
int command_run(int count, char **arguments);

#endif
