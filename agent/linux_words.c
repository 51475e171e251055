/* SPDX-License-Identifier: Apache-2.0 */
/* words.h */
#include "words.h"

#include "options.h"

const struct words words = {
    .buffer_default_bytes = 8U * 1024U * 1024U,
    .has_forks = true,
    .new_file = "mode 0600 if new",
    .forks_help = "      --forks           report forks too, and the exits of processes that never called exec\n",
    .max_args_help = OPTION_MAX_ARGS_HELP,
    .buffer_help = "kernel-side ring, 64K to 1G, rounded up to a power of two (default 8M)",
    .watch_needs = "Needs root, or CAP_BPF and CAP_PERFMON; `muster doctor` checks.",
    .example = "sudo muster watch",
    .loss_advice = "A larger --buffer helps",
};
