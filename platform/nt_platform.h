/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a driver does with platform.h on the NT kernel, beside linking nt_platform.c. No header of
 * the DDK is needed to include this.
 */
#ifndef MUSTER_NT_PLATFORM_H
#define MUSTER_NT_PLATFORM_H

#include <stdint.h>

/* All pool of core carries this tag: `Mstr` in poolmon and !poolused. */
#define MUSTER_NT_POOL_TAG 0x7274734dUL

/*
 * The bug check of muster_platform_panic: parameter 1 is the address of the text that says what was
 * broken (ASCII, terminated; `da` in the debugger), parameter 2 the IRQL, 3 and 4 are 0. A driver's
 * own code has to be distinct from those of Windows (learn.microsoft.com, KeBugCheckEx); bit 29
 * marks it as a customer's, as in an NTSTATUS, and the rest is `MST`.
 */
#define MUSTER_NT_BUG_CHECK_CODE 0xe04d5354UL

/*
 * Looks up what only some releases of Windows export. To be called at PASSIVE_LEVEL, first thing in
 * DriverEntry, before any other thread can be in core. It cannot fail and there is nothing to undo.
 */
void muster_nt_platform_init(void);

/* The clock of records on Windows: system time (UTC) in nanoseconds since 1970, by
 * KeQuerySystemTimePrecise where there is one. Any IRQL. */
uint64_t muster_nt_platform_time_ns(void);

/* A system time of the kernel (100 ns since 1601) on that clock; 0 where it is before 1970 or beyond what
 * fits. */
uint64_t muster_nt_time_ns_of(int64_t system_time);

#endif
