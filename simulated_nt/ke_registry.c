/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ke_registry.h as a hash table by page, so that the objects in a block of memory are found by
 * looking at its pages alone.
 */
#include <ntddk.h>

#include "simulated_nt/ke_registry.h"
#include "simulated_nt/sim_internal.h"

#define BUCKETS          1024U
#define PAGE_OF(address) ((uintptr_t)(address) >> PAGE_SHIFT)

struct entry {
    struct entry *next;
    const void *object;
    enum sim_registered kind;
    const char *(*busy)(const void *object);
};

static struct sim_host_lock registry_lock;
static struct entry *buckets[BUCKETS];

static void enter(void)
{
    sim_own_begin();
    sim_host_lock_acquire(&registry_lock);
}

static void leave(void)
{
    sim_host_lock_release(&registry_lock);
    sim_own_end();
}

static struct entry **find(enum sim_registered kind, const void *object)
{
    struct entry **link = &buckets[PAGE_OF(object) % BUCKETS];
    while (*link != NULL && ((*link)->object != object || (*link)->kind != kind))
        link = &(*link)->next;
    return link;
}

void sim_registry_add(enum sim_registered kind, const void *object, const char *(*busy)(const void *object))
{
    enter();
    struct entry **link = find(kind, object);
    if (*link == NULL) {
        *link = sim_host_allocate(sizeof **link);
        (*link)->object = object;
        (*link)->kind = kind;
    }
    (*link)->busy = busy;
    leave();
}

bool sim_registry_has(enum sim_registered kind, const void *object)
{
    enter();
    const bool found = *find(kind, object) != NULL;
    leave();
    return found;
}

static void drop(struct entry **link)
{
    struct entry *gone = *link;
    *link = gone->next;
    sim_host_free(gone);
}

void sim_registry_remove(enum sim_registered kind, const void *object)
{
    enter();
    struct entry **link = find(kind, object);
    if (*link != NULL)
        drop(link);
    leave();
}

static bool is_inside(const void *object, const void *memory, size_t bytes)
{
    return (uintptr_t)object >= (uintptr_t)memory && (uintptr_t)object - (uintptr_t)memory < bytes;
}

/* Takes one entry of these pages out; false where there is none left. */
static bool take_one(const void *memory, size_t bytes, struct entry *ret_entry)
{
    const uintptr_t last = PAGE_OF((uintptr_t)memory + (bytes == 0 ? 0 : bytes - 1));

    for (uintptr_t page = PAGE_OF(memory); page <= last; page++) {
        struct entry **link = &buckets[page % BUCKETS];
        while (*link != NULL && !is_inside((*link)->object, memory, bytes))
            link = &(*link)->next;
        if (*link != NULL) {
            *ret_entry = **link;
            drop(link);
            return true;
        }
    }
    return false;
}

void sim_registry_forget(const char *call, const void *memory, size_t bytes)
{
    struct entry entry;

    for (;;) {
        enter();
        const bool found = take_one(memory, bytes, &entry);
        leave();
        if (!found)
            return;
        const char *use = entry.busy != NULL ? entry.busy(entry.object) : NULL;
        if (use != NULL)
            sim_broken(call, "the %zu bytes at %p hold an object at %p that is in use: %s", bytes, memory, entry.object,
                       use);
    }
}

void sim_registry_begin_anew(const void *memory, size_t bytes)
{
    struct entry entry;
    bool found;

    do {
        enter();
        found = take_one(memory, bytes, &entry);
        leave();
    } while (found);
}
