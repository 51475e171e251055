/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ob: objects, their types and references. Every object lives in a guarded block of its own, so that
 * one that is gone cannot be touched without a report.
 */
#include "simulated_nt/ke_registry.h"
#include "simulated_nt/ob_internal.h"
#include "simulated_nt/sim_guard.h"

#define MAGIC 0x746365626f6d6973ULL

/* In front of sim_object_header, for this file alone. */
struct object_books {
    struct object_books *next, *before; /* objects_lock */
    long driver_references;             /* atomic */
} __attribute__((aligned(16)));

#define FRONT_BYTES (sizeof(struct object_books) + sizeof(struct sim_object_header))

static struct sim_host_lock objects_lock;
static struct object_books *objects;

static const char *const type_names[SIM_OBJECT_TYPE_COUNT] = {
    [0] = "object",
    [SIM_OBJECT_THREAD] = "thread",
    [SIM_OBJECT_PROCESS] = "process",
    [SIM_OBJECT_TOKEN] = "token",
    [SIM_OBJECT_DRIVER] = "driver object",
    [SIM_OBJECT_DEVICE] = "device object",
    [SIM_OBJECT_FILE] = "file object",
    [SIM_OBJECT_EVENT] = "event",
    [SIM_OBJECT_SYMBOLIC_LINK] = "symbolic link",
};

static struct object_books *books_of(const void *object)
{
    return (struct object_books *)(ULONG_PTR)((const UCHAR *)object - FRONT_BYTES);
}

static struct sim_object_header *header_of(const void *object)
{
    return (struct sim_object_header *)(ULONG_PTR)((const UCHAR *)object - sizeof(struct sim_object_header));
}

static void *object_of(struct object_books *books)
{
    return (UCHAR *)books + FRONT_BYTES;
}

const char *sim_object_type_name(enum sim_object_type type)
{
    return type_names[type];
}

static void lock(void)
{
    sim_own_begin();
    sim_host_lock_acquire(&objects_lock);
}

static void unlock(void)
{
    sim_host_lock_release(&objects_lock);
    sim_own_end();
}

/* ---- life ------------------------------------------------------------------------------------- */

void *sim_object_create(enum sim_object_type type, size_t size_bytes, void (*destroy)(void *object))
{
    struct object_books *books = sim_guard_allocate(FRONT_BYTES + size_bytes, 0, 0, "%s %s",
                                                    type == SIM_OBJECT_EVENT ? "an" : "a", type_names[type]);
    struct sim_object_header *header = header_of(object_of(books));

    lock();
    *header = (struct sim_object_header){
        .magic = MAGIC, .type = type, .reference_count = 1, .destroy = destroy, .size_bytes = size_bytes};
    books->next = objects;
    if (objects != NULL)
        objects->before = books;
    objects = books;
    unlock();
    return object_of(books);
}

static void forget(struct object_books *books)
{
    lock();
    if (books->before != NULL)
        books->before->next = books->next;
    else
        objects = books->next;
    if (books->next != NULL)
        books->next->before = books->before;
    unlock();
}

/* 0: it is none. The header was written before anybody knew the object, and stays. */
static enum sim_object_type live_type(const void *object)
{
    enum sim_object_type type = 0;

    sim_own_begin();
    if (object != NULL && sim_guard_is_live(books_of(object)) && header_of(object)->magic == MAGIC)
        type = header_of(object)->type;
    sim_own_end();
    return type;
}

bool sim_object_is(const void *object, enum sim_object_type type)
{
    return live_type(object) == type;
}

enum sim_object_type sim_object_type_of(const char *call, const void *object)
{
    enum sim_object_type type = live_type(object);

    if (type == 0)
        sim_broken(call, "%p is not an object, or not any more", object);
    return type;
}

void sim_object_reference(const char *call, void *object)
{
    (void)sim_object_type_of(call, object);
    (void)__atomic_add_fetch(&header_of(object)->reference_count, 1, __ATOMIC_ACQ_REL);
}

static size_t size_of(const void *object)
{
    size_t bytes;

    sim_own_begin();
    bytes = header_of(object)->size_bytes;
    sim_own_end();
    return bytes;
}

static void destroy_nothing(void *object)
{
    (void)object;
}

static void (*destroy_of(struct sim_object_header *header))(void *object)
{
    void (*destroy)(void *object);

    sim_own_begin();
    destroy = header->destroy;
    sim_own_end();
    return destroy != NULL ? destroy : destroy_nothing;
}

void sim_object_dereference(const char *call, void *object)
{
    struct sim_object_header *header = header_of(object);
    enum sim_object_type type = sim_object_type_of(call, object);
    long left = __atomic_sub_fetch(&header->reference_count, 1, __ATOMIC_ACQ_REL);

    if (left < 0)
        sim_broken(call, "%s %p is dereferenced more often than it was referenced", type_names[type], object);
    if (left > 0)
        return;
    if (__atomic_load_n(&books_of(object)->driver_references, __ATOMIC_ACQUIRE) > 0)
        sim_broken(call, "the last reference to %s %p goes, and the driver counts on %ld", type_names[type], object,
                   __atomic_load_n(&books_of(object)->driver_references, __ATOMIC_ACQUIRE));
    destroy_of(header)(object);
    sim_registry_forget(call, object, size_of(object)); /* events and locks in a device's extension */
    forget(books_of(object));
    sim_guard_free(call, books_of(object), "has lost its last reference");
}

void sim_object_reference_for_driver(const char *call, void *object)
{
    sim_object_reference(call, object);
    (void)__atomic_add_fetch(&books_of(object)->driver_references, 1, __ATOMIC_ACQ_REL);
}

void sim_object_dereference_for_driver(const char *call, void *object)
{
    enum sim_object_type type = sim_object_type_of(call, object);

    if (__atomic_sub_fetch(&books_of(object)->driver_references, 1, __ATOMIC_ACQ_REL) < 0)
        sim_broken(call, "%s %p is dereferenced more often than the driver referenced it", type_names[type], object);
    sim_object_dereference(call, object);
}

void sim_object_check_leaks(const char *call)
{
    lock();
    for (struct object_books *books = objects; books != NULL; books = books->next) {
        long held = __atomic_load_n(&books->driver_references, __ATOMIC_ACQUIRE);

        if (held != 0)
            sim_broken(call, "the driver still holds %ld reference(s) to %s %p", held,
                       type_names[header_of(object_of(books))->type], object_of(books));
    }
    unlock();
}

void sim_object_each(enum sim_object_type type, void (*visit)(void *object, void *context), void *context)
{
    lock();
    for (struct object_books *books = objects; books != NULL; books = books->next)
        if (header_of(object_of(books))->type == type)
            visit(object_of(books), context);
    unlock();
}

/* ---- what drivers call ------------------------------------------------------------------------ */

LONG_PTR FASTCALL ObfReferenceObject(IN PVOID Object)
{
    sim_require_irql_at_most("ObReferenceObject", DISPATCH_LEVEL);
    sim_object_reference_for_driver("ObReferenceObject", Object);
    return 1;
}

LONG_PTR FASTCALL ObfDereferenceObject(IN PVOID Object)
{
    sim_require_irql_at_most("ObDereferenceObject", DISPATCH_LEVEL);
    sim_object_dereference_for_driver("ObDereferenceObject", Object);
    return 1;
}

VOID NTAPI ObDereferenceObjectDeferDelete(IN PVOID Object)
{
    sim_require_irql_at_most("ObDereferenceObjectDeferDelete", DISPATCH_LEVEL);
    sim_object_dereference_for_driver("ObDereferenceObjectDeferDelete", Object);
}
