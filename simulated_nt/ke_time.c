/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks. The system time is the host's, in 100 ns since 1601 and good to 1 ms, as a clock that ticks
 * is; the precise one has all digits. Interrupt time and the performance counter run on the
 * host's monotonic clock.
 */
#include <ntddk.h>

#include "simulated_nt/newer_nt.h"
#include "simulated_nt/sim_internal.h"

#define NS_PER_UNIT     100
#define UNITS_PER_TICK  10000 /* 1 ms */
#define UNITS_1601_1970 116444736000000000ULL
#define COUNTER_HZ      10000000LL /* as Windows 10 has it */

static ULONGLONG precise_time(void)
{
    return UNITS_1601_1970 + sim_host_realtime_ns() / NS_PER_UNIT;
}

VOID NTAPI KeQuerySystemTime(PLARGE_INTEGER CurrentTime)
{
    const ULONGLONG now = precise_time();
    CurrentTime->QuadPart = (LONGLONG)(now - now % UNITS_PER_TICK);
}

VOID NTAPI KeQuerySystemTimePrecise(PLARGE_INTEGER CurrentTime)
{
    CurrentTime->QuadPart = (LONGLONG)precise_time();
}

ULONGLONG NTAPI KeQueryInterruptTime(VOID)
{
    const ULONGLONG now = sim_host_monotonic_ns() / NS_PER_UNIT;
    return now - now % UNITS_PER_TICK;
}

VOID NTAPI KeQueryTickCount(PLARGE_INTEGER TickCount)
{
    TickCount->QuadPart = (LONGLONG)(KeQueryInterruptTime() / UNITS_PER_TICK);
}

ULONG NTAPI KeQueryTimeIncrement(VOID)
{
    return UNITS_PER_TICK;
}

LARGE_INTEGER NTAPI KeQueryPerformanceCounter(PLARGE_INTEGER PerformanceFrequency)
{
    LARGE_INTEGER counter;

    if (PerformanceFrequency != NULL)
        PerformanceFrequency->QuadPart = COUNTER_HZ;
    counter.QuadPart = (LONGLONG)(sim_host_monotonic_ns() / NS_PER_UNIT);
    return counter;
}

VOID NTAPI KeStallExecutionProcessor(ULONG MicroSeconds)
{
    const uint64_t end_ns = sim_host_monotonic_ns() + 1000ULL * MicroSeconds;
    while (sim_host_monotonic_ns() < end_ns)
        sim_host_yield();
}
