/* SPDX-License-Identifier: Apache-2.0 */
/* What capabilities(7) calls the capabilities. */
#ifndef MUSTER_SINKS_CAPABILITY_NAMES_H
#define MUSTER_SINKS_CAPABILITY_NAMES_H

/* Without CAP_: "SYS_ADMIN". NULL for a number that this version does not know. */
const char *capability_name(unsigned number);

#endif
