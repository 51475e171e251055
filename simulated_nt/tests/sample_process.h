/* SPDX-License-Identifier: Apache-2.0 */
/* The sample driver's process notify routine; what ntifs.h of mingw-w64 lacks for it. */
#ifndef SIMULATED_NT_SAMPLE_PROCESS_H
#define SIMULATED_NT_SAMPLE_PROCESS_H

#include <ntifs.h>

NTSTATUS NTAPI PsGetProcessExitStatus(PEPROCESS Process);

#endif
