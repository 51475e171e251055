/* SPDX-License-Identifier: Apache-2.0 */
/* The long-running form: the kernel side stays in bpffs and records, also while no agent runs. */
#ifndef MUSTER_LINUX_SERVICE_H
#define MUSTER_LINUX_SERVICE_H

#include <stdbool.h>

#include "watch.h"

/* Each returns the exit code. `pins`: the folder in bpffs; NULL: in its usual place. */

/* Takes over the kernel side that is kept, or makes one, and reads it until told to stop; it then goes on recording.
 * *watch: what to read and where to. */
int service_run(const char *pins, const struct watch_options *watch);

/* Ends the kernel side for good, after an agent that runs has read it to its end. `uninstall`: nothing stays. */
int service_stop(const char *pins, bool uninstall);

int service_status(const char *pins);

#endif
