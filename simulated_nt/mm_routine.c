/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MmGetSystemRoutineAddress: the functions that drivers look up at run time, since not every release of
 * Windows has them. Tests hide some, to be an older Windows, and add others.
 */
#include <ntddk.h>

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/newer_nt.h"
#include "simulated_nt/sim_internal.h"

#define ROUTINES_MAX 64
#define NAME_BYTES   128

struct routine {
    const char *name;
    void (*address)(void);
    bool hidden;
};

#define ROUTINE(function)                                                                                              \
    {                                                                                                                  \
#function, (void (*)(void))(function), false                                                                   \
    }
static struct routine routines[ROUTINES_MAX] = {
    ROUTINE(ExAllocatePool2),       ROUTINE(KeQuerySystemTimePrecise),
#undef ExAllocatePoolWithTag
    ROUTINE(ExAllocatePoolWithTag), ROUTINE(ExFreePoolWithTag),        ROUTINE(RtlGetVersion),
};
static struct sim_host_lock routines_lock;

static void enter(void)
{
    sim_own_begin();
    sim_host_lock_acquire(&routines_lock);
}

static void leave(void)
{
    sim_host_lock_release(&routines_lock);
    sim_own_end();
}

static struct routine *find(const char *name)
{
    for (unsigned i = 0; i < ROUTINES_MAX && routines[i].name != NULL; i++)
        if (__builtin_strcmp(routines[i].name, name) == 0)
            return &routines[i];
    return NULL;
}

static void set_hidden(const char *call, const char *name, bool hidden)
{
    enter();
    struct routine *routine = find(name);
    if (routine == NULL)
        sim_broken(call, "there is no routine %s", name);
    routine->hidden = hidden;
    leave();
}

void sim_routine_hide(const char *name)
{
    set_hidden("sim_routine_hide", name, true);
}

void sim_routine_show(const char *name)
{
    set_hidden("sim_routine_show", name, false);
}

void sim_routine_add(const char *name, void (*address)(void))
{
    enter();
    struct routine *routine = find(name);
    for (unsigned i = 0; i < ROUTINES_MAX && routine == NULL; i++)
        if (routines[i].name == NULL)
            routine = &routines[i];
    if (routine == NULL)
        sim_broken("sim_routine_add", "more than %d routines", ROUTINES_MAX);
    *routine = (struct routine){.name = name, .address = address};
    leave();
}

PVOID NTAPI MmGetSystemRoutineAddress(PUNICODE_STRING SystemRoutineName)
{
    static const char call[] = "MmGetSystemRoutineAddress";
    char name[NAME_BYTES];
    const unsigned units = SystemRoutineName->Length / sizeof(WCHAR);

    sim_require_irql_exactly(call, PASSIVE_LEVEL);
    if (units >= NAME_BYTES)
        return NULL;
    for (unsigned i = 0; i < units; i++) {
        if (SystemRoutineName->Buffer[i] > 0x7e)
            return NULL;
        name[i] = (char)SystemRoutineName->Buffer[i];
    }
    name[units] = '\0';
    enter();
    const struct routine *routine = find(name);
    void (*address)(void) = routine == NULL || routine->hidden ? NULL : routine->address;
    leave();
    return (PVOID)(ULONG_PTR)address;
}
