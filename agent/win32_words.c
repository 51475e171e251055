/* SPDX-License-Identifier: Apache-2.0 */
/* words.h */
#include "words.h"

const struct words words = {
    .buffer_default_bytes = 4U * 1024U * 1024U,
    .has_forks = false,
    .folds_case = true,
    .new_file = "for administrators only if new",
    .forks_help = "",
    .max_args_help = "",
    .buffer_help = "what is read from the driver at once, 64K to 1G, of which 16M are of use (default 4M)",
    .watch_needs = "Needs an administrator, and the driver (`muster driver`).",
    .example = "muster watch, as administrator, once `muster driver start` has been run",
    .loss_advice = "The driver's memory was full: let the output be written faster, or end it less often",
};
