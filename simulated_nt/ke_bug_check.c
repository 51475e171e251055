/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KeBugCheckEx ends the run: the driver found that it cannot go on. Not a broken rule, but told the
 * same way.
 */
#include <ntddk.h>

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/sim_internal.h"

VOID NTAPI KeBugCheckEx(ULONG BugCheckCode, ULONG_PTR BugCheckParameter1, ULONG_PTR BugCheckParameter2,
                        ULONG_PTR BugCheckParameter3, ULONG_PTR BugCheckParameter4)
{
    sim_host_print("simulated_nt: BUG CHECK 0x%08x (0x%llx, 0x%llx, 0x%llx, 0x%llx)\n", BugCheckCode,
                   BugCheckParameter1, BugCheckParameter2, BugCheckParameter3, BugCheckParameter4);
    sim_report_thread();
    sim_host_abort();
}

VOID NTAPI KeBugCheck(ULONG BugCheckCode)
{
    KeBugCheckEx(BugCheckCode, 0, 0, 0, 0);
}

VOID NTAPI RtlAssert(PVOID VoidFailedAssertion, PVOID VoidFileName, ULONG LineNumber, PCHAR MutableMessage)
{
    sim_broken("RtlAssert", "%s, %s:%u %s", (const char *)VoidFailedAssertion, (const char *)VoidFileName, LineNumber,
               MutableMessage == NULL ? "" : MutableMessage);
}

_Noreturn void sim_test_broken(const char *call, const char *what)
{
    sim_broken(call, "%s", what);
}
