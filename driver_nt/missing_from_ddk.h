/* SPDX-License-Identifier: Apache-2.0 */
/* What Microsoft's headers declare and those of mingw-w64 10 do not. Each is documented. */
#ifndef MUSTER_DRIVER_NT_MISSING_FROM_DDK_H
#define MUSTER_DRIVER_NT_MISSING_FROM_DDK_H

#include <ntifs.h>

/* ntddk.h; any IRQL. */
NTKERNELAPI NTSTATUS NTAPI PsGetProcessExitStatus(PEPROCESS Process);

#endif
