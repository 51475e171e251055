/* SPDX-License-Identifier: Apache-2.0 */
/* Windows counts 100 ns since 1601; the stream's clock counts nanoseconds since 1970. */
#ifndef MUSTER_WIN32_TIME_H
#define MUSTER_WIN32_TIME_H

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <stdbool.h>
#include <stdint.h>

#define WIN32_TIME_OF_1970 116444736000000000ULL

/* False where it is before 1970, which no process of this machine is, or beyond what 64 bits hold. */
static inline bool win32_time_ns(const FILETIME *time, uint64_t *ret_ns)
{
    uint64_t units = (uint64_t)time->dwHighDateTime << 32 | time->dwLowDateTime;

    if (units <= WIN32_TIME_OF_1970 || (units - WIN32_TIME_OF_1970) > UINT64_MAX / 100)
        return false;
    *ret_ns = (units - WIN32_TIME_OF_1970) * 100;
    return true;
}

#endif
