/* SPDX-License-Identifier: Apache-2.0 */
/* What -fstack-protector-strong calls and compares with; there is no C library here that would have it. */
#ifndef MUSTER_DRIVER_NT_STACK_PROTECTOR_H
#define MUSTER_DRIVER_NT_STACK_PROTECTOR_H

#include <stdint.h>

/* Draws the guard. First thing in DriverEntry, which therefore has none itself. */
void stack_protector_init(void);

/* The compiler's names. */
extern uintptr_t __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);

#endif
