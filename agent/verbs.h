/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of the command line, one file each. `arguments` begin with the verb itself; each
 * returns the exit code. */
#ifndef MUSTER_VERBS_H
#define MUSTER_VERBS_H

#include <stddef.h>

struct verb {
    const char *name;
    const char *summary;
    int (*run)(int count, char **arguments);
};

/* Those of this host: linux_verbs.c, win32_verbs.c. */
extern const struct verb verbs[];
extern const size_t verb_count;

/* The host that has a verb which this one has not ("Windows"); NULL where none has it. */
const char *verb_elsewhere(const char *name);

int verb_watch(int count, char **arguments);
int verb_replay(int count, char **arguments);
int verb_verify(int count, char **arguments);
int verb_doctor(int count, char **arguments);
int verb_version(int count, char **arguments);
int verb_driver(int count, char **arguments);   /* Windows */
int verb_trace(int count, char **arguments);    /* Linux */
int verb_service(int count, char **arguments);  /* Linux */
int verb_selftest(int count, char **arguments); /* Linux */
int verb_status(int count, char **arguments);

#endif
