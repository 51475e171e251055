/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ob: handles, of which drivers make kernel handles only, and object types, by which they say what they
 * expect behind one. A handle to a process or a thread is allowed and counted: tests of drivers that
 * promise to open none ask.
 */
#include "simulated_nt/include/simulated_nt_io.h"
#include "simulated_nt/ob_internal.h"

#define HANDLES_MAX   1024U
#define KERNEL_HANDLE ((ULONG_PTR)0xffffffff80000000ULL)
#define HANDLE_STEP   4U

static struct sim_host_lock handles_lock;
static struct sim_handle_entry handles[HANDLES_MAX]; /* handles_lock */
static ULONG next_slot;                              /* handles_lock */
static uint64_t process_handles;                     /* atomic */

static void lock(void)
{
    sim_own_begin();
    sim_host_lock_acquire(&handles_lock);
}

static void unlock(void)
{
    sim_host_lock_release(&handles_lock);
    sim_own_end();
}

/* ---- types ------------------------------------------------------------------------------------ */

/* OBJECT_TYPE is opaque to drivers; ours knows its kind. */
struct type_object {
    enum sim_object_type kind;
};

#define TYPE_OBJECT(name, kind_of)                                                                                     \
    static struct type_object name##_object = {kind_of};                                                               \
    static POBJECT_TYPE name##_pointer = (POBJECT_TYPE)(void *)&name##_object;                                         \
    POBJECT_TYPE *name = &name##_pointer
TYPE_OBJECT(PsProcessType, SIM_OBJECT_PROCESS);
TYPE_OBJECT(PsThreadType, SIM_OBJECT_THREAD);
TYPE_OBJECT(IoFileObjectType, SIM_OBJECT_FILE);
TYPE_OBJECT(SeTokenObjectType, SIM_OBJECT_TOKEN);
TYPE_OBJECT(ExEventObjectType, SIM_OBJECT_EVENT);

/* mingw's dllimport makes *PsThreadType one dereference too many, so drivers cast PsThreadType itself:
 * both are taken for the type. */
static bool type_is(POBJECT_TYPE type, enum sim_object_type kind)
{
    POBJECT_TYPE *const known[] = {PsProcessType, PsThreadType, IoFileObjectType, SeTokenObjectType, ExEventObjectType};

    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (type == *known[i] || (void *)type == (void *)known[i])
            return ((struct type_object *)(void *)*known[i])->kind == kind;
    return false;
}

/* ---- table ------------------------------------------------------------------------------------ */

HANDLE sim_handle_create_granted(void *object, bool is_user, ACCESS_MASK granted)
{
    ULONG slot;

    if (is_user)
        sim_broken("a handle", "the handle to %s %p is reachable from user mode: OBJ_KERNEL_HANDLE is not asked for",
                   sim_object_type_name(sim_object_type_of("a handle", object)), object);
    sim_object_reference("a handle", object);
    lock();
    for (slot = 0; slot < HANDLES_MAX && handles[(next_slot + slot) % HANDLES_MAX].object != NULL; slot++)
        continue;
    if (slot == HANDLES_MAX)
        sim_broken("a handle", "%u handles are open", HANDLES_MAX);
    slot = (next_slot + slot) % HANDLES_MAX;
    next_slot = (slot + 1) % HANDLES_MAX; /* a closed handle's value does not come back at once */
    handles[slot] = (struct sim_handle_entry){.object = object, .granted = granted};
    unlock();
    return (HANDLE)(KERNEL_HANDLE + (slot + 1) * HANDLE_STEP);
}

void *sim_handle_create(void *object, bool is_user)
{
    return sim_handle_create_granted(object, is_user, GENERIC_ALL);
}

static struct sim_handle_entry *entry_of(HANDLE handle)
{
    ULONG_PTR value = (ULONG_PTR)handle - KERNEL_HANDLE;

    if ((ULONG_PTR)handle < KERNEL_HANDLE || value % HANDLE_STEP != 0 || value / HANDLE_STEP == 0 ||
        value / HANDLE_STEP > HANDLES_MAX)
        return NULL;
    return &handles[value / HANDLE_STEP - 1];
}

bool sim_handle_find(const char *call, HANDLE handle, struct sim_handle_entry *ret_entry)
{
    struct sim_handle_entry *entry;
    bool found;

    lock();
    entry = entry_of(handle);
    found = entry != NULL && entry->object != NULL;
    if (found) {
        *ret_entry = *entry;
        sim_object_reference(call, entry->object);
    }
    unlock();
    return found;
}

void sim_handle_check_leaks(const char *call)
{
    lock();
    for (ULONG slot = 0; slot < HANDLES_MAX; slot++)
        if (handles[slot].object != NULL)
            sim_broken(call, "a handle to %s %p is still open",
                       sim_object_type_name(sim_object_type_of(call, handles[slot].object)), handles[slot].object);
    unlock();
}

uint64_t sim_process_handles_opened(void)
{
    return __atomic_load_n(&process_handles, __ATOMIC_ACQUIRE);
}

/* ---- what drivers call ------------------------------------------------------------------------ */

NTSTATUS NTAPI ZwClose(IN HANDLE Handle)
{
    struct sim_handle_entry *entry;
    void *object = NULL;

    sim_require_irql_at_most("ZwClose", PASSIVE_LEVEL);
    lock();
    entry = entry_of(Handle);
    if (entry != NULL) {
        object = entry->object;
        *entry = (struct sim_handle_entry){0};
    }
    unlock();
    if (object == NULL)
        sim_broken("ZwClose", "handle %p is not open", Handle);
    sim_object_dereference("ZwClose", object);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI NtClose(IN HANDLE Handle)
{
    return ZwClose(Handle);
}

NTSTATUS NTAPI ObReferenceObjectByHandle(IN HANDLE Handle, IN ACCESS_MASK DesiredAccess,
                                         IN POBJECT_TYPE ObjectType OPTIONAL, IN KPROCESSOR_MODE AccessMode,
                                         OUT PVOID *Object, OUT POBJECT_HANDLE_INFORMATION HandleInformation OPTIONAL)
{
    struct sim_handle_entry entry;
    bool right_type;

    sim_require_irql_at_most("ObReferenceObjectByHandle", PASSIVE_LEVEL);
    *Object = NULL;
    if (sim_fault_here("ObReferenceObjectByHandle", __builtin_return_address(0)))
        return STATUS_INSUFFICIENT_RESOURCES;
    if (AccessMode != KernelMode || !sim_handle_find("ObReferenceObjectByHandle", Handle, &entry))
        return STATUS_INVALID_HANDLE;
    right_type =
        ObjectType == NULL || type_is(ObjectType, sim_object_type_of("ObReferenceObjectByHandle", entry.object));
    if (right_type) {
        sim_object_reference_for_driver("ObReferenceObjectByHandle", entry.object);
        *Object = entry.object;
        if (HandleInformation != NULL)
            *HandleInformation = (OBJECT_HANDLE_INFORMATION){.GrantedAccess = entry.granted};
    }
    sim_object_dereference("ObReferenceObjectByHandle", entry.object);
    (void)DesiredAccess; /* not looked at for KernelMode */
    return right_type ? STATUS_SUCCESS : STATUS_OBJECT_TYPE_MISMATCH;
}

NTSTATUS NTAPI ObReferenceObjectByPointer(IN PVOID Object, IN ACCESS_MASK DesiredAccess,
                                          IN POBJECT_TYPE ObjectType OPTIONAL, IN KPROCESSOR_MODE AccessMode)
{
    sim_require_irql_at_most("ObReferenceObjectByPointer", DISPATCH_LEVEL);
    (void)DesiredAccess;
    (void)AccessMode;
    if (ObjectType != NULL && !type_is(ObjectType, sim_object_type_of("ObReferenceObjectByPointer", Object)))
        return STATUS_OBJECT_TYPE_MISMATCH;
    sim_object_reference_for_driver("ObReferenceObjectByPointer", Object);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI ObOpenObjectByPointer(IN PVOID Object, IN ULONG HandleAttributes,
                                     IN PACCESS_STATE PassedAccessState OPTIONAL, IN ACCESS_MASK DesiredAccess OPTIONAL,
                                     IN POBJECT_TYPE ObjectType OPTIONAL, IN KPROCESSOR_MODE AccessMode,
                                     OUT PHANDLE Handle)
{
    enum sim_object_type type;

    sim_require_irql_at_most("ObOpenObjectByPointer", PASSIVE_LEVEL);
    type = sim_object_type_of("ObOpenObjectByPointer", Object);
    (void)PassedAccessState;
    if (AccessMode != KernelMode)
        sim_broken("ObOpenObjectByPointer", "AccessMode is not KernelMode, for %s %p", sim_object_type_name(type),
                   Object);
    if (sim_fault_here("ObOpenObjectByPointer", __builtin_return_address(0)))
        return STATUS_INSUFFICIENT_RESOURCES;
    if (ObjectType != NULL && !type_is(ObjectType, type))
        return STATUS_OBJECT_TYPE_MISMATCH;
    if (type == SIM_OBJECT_PROCESS || type == SIM_OBJECT_THREAD)
        (void)__atomic_add_fetch(&process_handles, 1, __ATOMIC_ACQ_REL);
    *Handle = sim_handle_create_granted(Object, (HandleAttributes & OBJ_KERNEL_HANDLE) == 0, DesiredAccess);
    return STATUS_SUCCESS;
}
