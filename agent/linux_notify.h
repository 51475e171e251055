/* SPDX-License-Identifier: Apache-2.0 */
/* What a service manager is told: sd_notify(3)'s protocol, without its library. */
#ifndef MUSTER_LINUX_NOTIFY_H
#define MUSTER_LINUX_NOTIFY_H

#include "muster/annotations.h"

/* Lines such as "READY=1\nSTATUS=...". Nothing happens where nobody asked for it (NOTIFY_SOCKET). */
MUSTER_PRINTF(1, 2)
void service_notify(const char *format, ...);

#endif
