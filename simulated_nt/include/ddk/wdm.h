/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in front of mingw-w64's wdm.h: what that header answers from the page that the kernel shares
 * with everybody, or inlines without a trace, becomes a function of the simulator.
 */
#ifndef SIMULATED_NT_WDM_H
#define SIMULATED_NT_WDM_H
#pragma GCC system_header

#define KeInitializeSpinLock sim_inlined_KeInitializeSpinLock
#include_next <wdm.h>
#undef KeInitializeSpinLock

#undef KeQueryInterruptTime
#undef KeQuerySystemTime
#undef KeQueryTickCount

/* Members of a null pointer, to UndefinedBehaviorSanitizer. */
#undef CONTAINING_RECORD
#undef FIELD_OFFSET
#define FIELD_OFFSET(type, field)               ((LONG) __builtin_offsetof(type, field))
#define CONTAINING_RECORD(address, type, field) ((type *)((ULONG_PTR)(address) - __builtin_offsetof(type, field)))

VOID NTAPI KeInitializeSpinLock(PKSPIN_LOCK SpinLock);
ULONGLONG NTAPI KeQueryInterruptTime(VOID);
VOID NTAPI KeQuerySystemTime(PLARGE_INTEGER CurrentTime);
VOID NTAPI KeQueryTickCount(PLARGE_INTEGER TickCount);

/* The macro casts the volatile away. */
#undef IoSetCancelRoutine
static inline PDRIVER_CANCEL IoSetCancelRoutine(PIRP Irp, PDRIVER_CANCEL CancelRoutine)
{
    return (PDRIVER_CANCEL)(ULONG_PTR)InterlockedExchangePointer((PVOID volatile *)&Irp->CancelRoutine,
                                                                 (PVOID)(ULONG_PTR)CancelRoutine);
}

#endif
