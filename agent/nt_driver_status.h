/* SPDX-License-Identifier: Apache-2.0 */
/* `muster driver status`: the service, and if it runs what the driver says of itself. */
#ifndef MUSTER_NT_DRIVER_STATUS_H
#define MUSTER_NT_DRIVER_STATUS_H

#include <stdbool.h>

/* Prints it, for a person or as one JSON object. Returns the exit code. */
int nt_driver_status(bool as_json);

#endif
