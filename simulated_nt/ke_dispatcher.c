/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ke_dispatcher.h: checks of headers and wait lists, and which waits a raised state ends. Every list
 * is looked at before it is touched; where the checks are off (sim_event_checks), it is used as it
 * stands, and a stale head leads to a stray write as on Windows.
 */
#include "simulated_nt/ke_dispatcher.h"
#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/ke_registry.h"

#define WAITERS_MAX 100000U

static struct sim_host_lock dispatcher_lock;
static unsigned checks = SIM_CHECK_REGISTRY | SIM_CHECK_LIST;

void sim_event_checks(unsigned new_checks)
{
    __atomic_store_n(&checks, new_checks, __ATOMIC_RELAXED);
}

void sim_dispatcher_enter(void)
{
    sim_own_begin();
    sim_host_lock_acquire(&dispatcher_lock);
}

void sim_dispatcher_leave(void)
{
    sim_host_lock_release(&dispatcher_lock);
    sim_own_end();
}

struct sim_host_lock *sim_dispatcher_lock(void)
{
    return &dispatcher_lock;
}

static const char *use_of(const void *object)
{
    const DISPATCHER_HEADER *header = object;
    const BOOLEAN timer = header->Type == SIM_NOTIFICATION_TIMER || header->Type == SIM_SYNCHRONIZATION_TIMER;

    if (header->WaitListHead.Flink != &header->WaitListHead)
        return "a thread waits for it";
    return timer && header->Inserted ? "the timer is set" : NULL;
}

void sim_dispatcher_init(DISPATCHER_HEADER *header, enum sim_dispatcher_type type, size_t size_bytes, LONG state)
{
    header->Lock = 0;
    header->Type = (UCHAR)type;
    header->Size = (UCHAR)(size_bytes / sizeof(LONG));
    header->SignalState = state;
    InitializeListHead(&header->WaitListHead);
    sim_registry_add(SIM_REGISTERED_DISPATCHER, header, use_of);
}

/* ---- checks ------------------------------------------------------------------------------------------ */

/* Whether a header that was initialised elsewhere was copied here: its head still leads to the head there.
 * A wait block's links never do; see insert_blocks. */
static BOOLEAN leads_to_another(const LIST_ENTRY *head)
{
    const LIST_ENTRY *flink = __atomic_load_n(&head->Flink, __ATOMIC_RELAXED);

    return flink != head &&
           sim_registry_has(SIM_REGISTERED_DISPATCHER, CONTAINING_RECORD(flink, DISPATCHER_HEADER, WaitListHead));
}

void sim_dispatcher_check_place(const char *call, const DISPATCHER_HEADER *header)
{
    const LIST_ENTRY *head = &header->WaitListHead;

    if (!(__atomic_load_n(&checks, __ATOMIC_RELAXED) & SIM_CHECK_REGISTRY))
        return;
    sim_own_begin();
    const BOOLEAN known = sim_registry_has(SIM_REGISTERED_DISPATCHER, header);
    if (leads_to_another(head) || (!known && head->Flink != head))
        sim_broken(call,
                   "the dispatcher header at %p was not initialised there, and its wait list head at %p points to %p: "
                   "the object was moved after KeInitializeEvent",
                   (const void *)header, (const void *)head, (void *)head->Flink);
    if (!known)
        sim_broken(call, "the dispatcher header at %p was not initialised there", (const void *)header);
    sim_own_end();
}

static void check_link(const char *call, const LIST_ENTRY *head, const LIST_ENTRY *from, const LIST_ENTRY *to)
{
    LIST_ENTRY found;

    if (!sim_host_peek(&found, to, sizeof found))
        sim_broken(call,
                   "the wait list head at %p points to %p, where there is no memory: the object was moved after "
                   "KeInitializeEvent, or overwritten",
                   (const void *)head, (const void *)to);
    if (found.Blink != from)
        sim_broken(call,
                   "the wait list head at %p points to %p, which points back to %p instead of %p: the object was "
                   "moved after KeInitializeEvent, or overwritten",
                   (const void *)head, (const void *)to, (void *)found.Blink, (const void *)from);
}

static void check_list(const char *call, const LIST_ENTRY *head)
{
    LIST_ENTRY entry = *head;
    const LIST_ENTRY *at = head;

    if (head->Flink == head && head->Blink == head)
        return;
    for (unsigned i = 0; i < WAITERS_MAX; i++) {
        const LIST_ENTRY *next = entry.Flink;
        check_link(call, head, at, next);
        if (next == head)
            return;
        at = next;
        (void)sim_host_peek(&entry, at, sizeof entry);
    }
    sim_broken(call, "the wait list at %p never comes back to its head", (const void *)head);
}

void sim_dispatcher_check(const char *call, DISPATCHER_HEADER *header, unsigned types)
{
    const unsigned wanted = __atomic_load_n(&checks, __ATOMIC_RELAXED);

    if (header == NULL || (uintptr_t)header % _Alignof(DISPATCHER_HEADER) != 0)
        sim_broken(call, "%p is no address of a dispatcher object", (void *)header);
    sim_dispatcher_check_place(call, header);
    if (wanted & SIM_CHECK_LIST)
        check_list(call, &header->WaitListHead);
    if (header->Type >= SIM_DISPATCHER_TYPE_COUNT || !(SIM_TYPE_BIT(header->Type) & types))
        sim_broken(call, "the object at %p has type %u, which this call is not for", (void *)header, header->Type);
}

/* ---- satisfying waits ----------------------------------------------------------------------------------- */

static BOOLEAN is_signalled(const DISPATCHER_HEADER *header, const struct sim_wait *wait)
{
    if (header->SignalState > 0)
        return TRUE;
    return header->Type == SIM_MUTANT && CONTAINING_RECORD(header, KMUTANT, Header)->OwnerThread == wait->thread;
}

static void take(DISPATCHER_HEADER *header, struct sim_wait *wait)
{
    switch (header->Type) {
    case SIM_SYNCHRONIZATION_EVENT:
    case SIM_SYNCHRONIZATION_TIMER:
        header->SignalState = 0;
        break;
    case SIM_SEMAPHORE:
        header->SignalState--;
        break;
    case SIM_MUTANT:
        if (header->SignalState-- == 1)
            wait->thread_state->mutexes_owned++;
        CONTAINING_RECORD(header, KMUTANT, Header)->OwnerThread = wait->thread;
        break;
    default:
        break;
    }
}

static DISPATCHER_HEADER *object_of(const struct sim_wait *wait, ULONG index)
{
    return wait->blocks[index].Object;
}

static BOOLEAN try_all(struct sim_wait *wait)
{
    for (ULONG i = 0; i < wait->count; i++)
        if (!is_signalled(object_of(wait, i), wait))
            return FALSE;
    for (ULONG i = 0; i < wait->count; i++)
        take(object_of(wait, i), wait);
    wait->status = STATUS_WAIT_0;
    return TRUE;
}

static BOOLEAN try_any(struct sim_wait *wait)
{
    for (ULONG i = 0; i < wait->count; i++) {
        if (!is_signalled(object_of(wait, i), wait))
            continue;
        take(object_of(wait, i), wait);
        wait->status = STATUS_WAIT_0 + (NTSTATUS)i;
        return TRUE;
    }
    return FALSE;
}

BOOLEAN sim_wait_try(struct sim_wait *wait)
{
    return wait->all ? try_all(wait) : try_any(wait);
}

static void end_wait(struct sim_wait *wait)
{
    for (ULONG i = 0; i < wait->count; i++)
        (void)RemoveEntryList(&wait->blocks[i].WaitListEntry);
    wait->done = TRUE;
    sim_host_condition_wake_all(&wait->condition);
}

/* The first waiter whose wait the object's state ends; none: FALSE. */
static BOOLEAN wake_one(DISPATCHER_HEADER *header)
{
    const LIST_ENTRY *head = &header->WaitListHead;

    for (LIST_ENTRY *entry = head->Flink; entry != head; entry = entry->Flink) {
        const KWAIT_BLOCK *block = CONTAINING_RECORD(entry, KWAIT_BLOCK, WaitListEntry);
        struct sim_wait *wait = (struct sim_wait *)(void *)block->Thread;
        if (!sim_wait_try(wait))
            continue;
        end_wait(wait);
        return TRUE;
    }
    return FALSE;
}

void sim_dispatcher_wake(DISPATCHER_HEADER *header)
{
    while (header->SignalState > 0 && wake_one(header))
        ;
}
