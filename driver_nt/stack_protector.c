/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stack_protector.h. Compiled without the protector itself. Where the image is loaded is drawn by lot at
 * each boot, and the stack of the thread that loads it is where it happens to be; with the time to 100 ns that
 * is more than somebody can guess who may not read kernel memory, and who may needs no overrun.
 */
#include "driver_nt/stack_protector.h"

#include "platform/nt_platform.h"
#include "platform/platform.h"

uintptr_t __stack_chk_guard;

void stack_protector_init(void)
{
    uint64_t mixed = muster_nt_platform_time_ns() * 0x9e3779b97f4a7c15ULL;

    mixed ^= (uint64_t)(uintptr_t)&__stack_chk_guard;
    mixed = (mixed ^ mixed >> 29) * 0xbf58476d1ce4e5b9ULL ^ (uint64_t)(uintptr_t)&mixed;
    __stack_chk_guard = (uintptr_t)(mixed & ~0xffULL); /* a zero byte stops what copies a string */
}

_Noreturn void __stack_chk_fail(void)
{
    muster_platform_panic("stack buffer overrun");
}
