/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of the command line, one file each. `arguments` begin with the verb itself; each
 * returns the exit code. */
#ifndef MUSTER_VERBS_H
#define MUSTER_VERBS_H

int verb_watch(int count, char **arguments);
int verb_doctor(int count, char **arguments);
int verb_version(int count, char **arguments);

#endif
