/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.h */
#include "verbs.h"

#include <string.h>

const struct verb verbs[] = {
    {"watch", "show every process that starts and ends, live", verb_watch},
    {"driver", "install, start, stop and remove the driver, and ask how it is", verb_driver},
    {"status", "show where the driver's events are, and what was lost", verb_status},
    {"replay", "read captures back into any output", verb_replay},
    {"verify", "check what muster wrote: is anything missing, where, and why", verb_verify},
    {"doctor", "check whether this machine can run the sensor", verb_doctor},
    {"version", "print the version", verb_version},
};

const size_t verb_count = sizeof(verbs) / sizeof(*verbs);

const char *verb_elsewhere(const char *name)
{
    static const char *const of_linux[] = {"trace", "service", "selftest"};

    for (size_t i = 0; i < sizeof(of_linux) / sizeof(*of_linux); i++)
        if (strcmp(name, of_linux[i]) == 0)
            return "Linux";
    return NULL;
}
