/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver object and the control device of pstest.sys.
 */
#ifndef MUSTER_TESTS_PSTEST_MAIN_H
#define MUSTER_TESTS_PSTEST_MAIN_H

#include <ntifs.h>

/* With the registration, and with its removal. No thread of ours may run any more at the end. */
NTSTATUS pstest_begin(void);
void pstest_end(void);

#endif
