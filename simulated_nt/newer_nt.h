/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of newer kernels that mingw-w64's headers lack. Drivers find them by
 * MmGetSystemRoutineAddress.
 */
#ifndef SIMULATED_NT_NEWER_NT_H
#define SIMULATED_NT_NEWER_NT_H

#include <ntddk.h>

VOID NTAPI KeQuerySystemTimePrecise(PLARGE_INTEGER CurrentTime);
PVOID NTAPI ExAllocatePool2(ULONG64 Flags, SIZE_T NumberOfBytes, ULONG Tag);

#endif
