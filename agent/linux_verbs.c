/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.h */
#include "verbs.h"

#include <string.h>

const struct verb verbs[] = {
    {"watch", "show every process that starts and ends, live", verb_watch},
    {"service", "keep the kernel side recording, also while no agent runs", verb_service},
    {"trace", "the same for one command and all that it starts, without any privilege", verb_trace},
    {"replay", "read captures back into any output", verb_replay},
    {"verify", "check what muster wrote: is anything missing, where, and why", verb_verify},
    {"status", "show where the events of running sensors are, and what was lost", verb_status},
    {"selftest", "start processes and look for each in the running sensor's output", verb_selftest},
    {"doctor", "check whether this machine can run the sensor", verb_doctor},
    {"version", "print the version", verb_version},
};

const size_t verb_count = sizeof(verbs) / sizeof(*verbs);

const char *verb_elsewhere(const char *name)
{
    return strcmp(name, "driver") == 0 ? "Windows" : NULL;
}
