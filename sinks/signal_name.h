/* SPDX-License-Identifier: Apache-2.0 */
/* "SIGKILL" for the numbers of a record, which are Linux's (x86 and arm) whatever this runs on. */
#ifndef MUSTER_SINKS_SIGNAL_NAME_H
#define MUSTER_SINKS_SIGNAL_NAME_H

/* NULL where a number has no name of its own, as real-time signals have none. */
const char *signal_name(unsigned signal);

#endif
