/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ob: the names of devices and symbolic links. \DosDevices, \?? and \GLOBAL?? are one directory; upper and
 * lower case are one. Directories are not kept: a name is looked up whole, and then shorter by one
 * component after the other, so that what is left goes to the device.
 */
#include "simulated_nt/include/simulated_nt_io.h"
#include "simulated_nt/ob_internal.h"

#define LINKS_FOLLOWED_MAX 8U

struct name {
    WCHAR units[SIM_NAME_UNITS_MAX];
    ULONG count;
};

struct name_entry {
    struct name_entry *next;
    struct name name;
    void *device; /* an object; the entry holds no reference, IoDeleteDevice removes it */
    struct name target;
    bool is_link;
};

static struct sim_host_lock names_lock;
static struct name_entry *names; /* names_lock */

static void lock(void)
{
    sim_own_begin();
    sim_host_lock_acquire(&names_lock);
}

static void unlock(void)
{
    sim_host_lock_release(&names_lock);
    sim_own_end();
}

/* ---- spelling --------------------------------------------------------------------------------- */

static WCHAR folded(WCHAR unit)
{
    return (WCHAR)(unit >= 'a' && unit <= 'z' ? unit - 'a' + 'A' : unit);
}

static bool begins_with(const struct name *name, const char *prefix, ULONG *ret_units)
{
    ULONG i;

    for (i = 0; prefix[i] != 0; i++)
        if (i >= name->count || folded(name->units[i]) != folded((WCHAR)prefix[i]))
            return false;
    *ret_units = i;
    return true;
}

static void replace_front(struct name *name, ULONG units, const char *front)
{
    struct name old = *name;
    ULONG at = 0;

    while (front[at] != 0) {
        name->units[at] = (WCHAR)front[at];
        at++;
    }
    __builtin_memcpy(name->units + at, old.units + units, (old.count - units) * sizeof(WCHAR));
    name->count = at + old.count - units;
}

/* False: too long, or not absolute. */
static bool read_name(const UNICODE_STRING *text, struct name *ret_name)
{
    ULONG units;

    if (text->Buffer == NULL || text->Length % sizeof(WCHAR) != 0 || text->Length < 2 * sizeof(WCHAR) ||
        text->Length / sizeof(WCHAR) > SIM_NAME_UNITS_MAX - 16 || text->Buffer[0] != '\\')
        return false;
    ret_name->count = text->Length / sizeof(WCHAR);
    __builtin_memcpy(ret_name->units, text->Buffer, text->Length);
    if (begins_with(ret_name, "\\DosDevices\\", &units) || begins_with(ret_name, "\\GLOBAL\?\?\\", &units))
        replace_front(ret_name, units, "\\\?\?\\");
    return true;
}

const char *sim_name_text(const UNICODE_STRING *name)
{
    static __thread char text[128];
    ULONG units = name == NULL || name->Buffer == NULL ? 0 : name->Length / sizeof(WCHAR);
    ULONG i;

    for (i = 0; i < units && i < sizeof(text) - 1; i++)
        text[i] = (char)(name->Buffer[i] >= ' ' && name->Buffer[i] < 0x7f ? name->Buffer[i] : '?');
    text[i] = 0;
    return text;
}

static const char *entry_text(const struct name_entry *entry)
{
    UNICODE_STRING name = {.Length = (USHORT)(entry->name.count * sizeof(WCHAR)),
                           .Buffer = (PWSTR)(ULONG_PTR)entry->name.units};

    return sim_name_text(&name);
}

/* ---- table ------------------------------------------------------------------------------------ */

/* The entry whose name is the first `count` units. */
static struct name_entry *find(const struct name *name, ULONG count)
{
    for (struct name_entry *entry = names; entry != NULL; entry = entry->next) {
        ULONG i = 0;

        if (entry->name.count != count)
            continue;
        while (i < count && folded(entry->name.units[i]) == folded(name->units[i]))
            i++;
        if (i == count)
            return entry;
    }
    return NULL;
}

static void drop(struct name_entry *entry)
{
    struct name_entry **link = &names;

    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    sim_host_free(entry);
}

/* Whoever finds a name sees what stands behind it as it was when the name was given. */
static uint32_t published; /* atomic */

bool sim_name_insert(const UNICODE_STRING *name, void *device, const UNICODE_STRING *target)
{
    struct name_entry *entry = sim_host_allocate(sizeof(*entry));
    bool is_free;

    if (!read_name(name, &entry->name) || (target != NULL && !read_name(target, &entry->target)))
        sim_broken("a name", "\"%s\" is not an absolute name", sim_name_text(name));
    (void)__atomic_add_fetch(&published, 1, __ATOMIC_RELEASE);
    lock();
    is_free = find(&entry->name, entry->name.count) == NULL;
    if (is_free) {
        entry->device = device;
        entry->is_link = target != NULL;
        entry->next = names;
        names = entry;
    }
    unlock();
    if (!is_free)
        sim_host_free(entry);
    return is_free;
}

bool sim_name_remove(const UNICODE_STRING *name, bool is_link)
{
    struct name_entry *entry;
    struct name wanted;
    bool found;

    if (!read_name(name, &wanted))
        return false;
    lock();
    entry = find(&wanted, wanted.count);
    found = entry != NULL && entry->is_link == is_link && entry->device == NULL;
    if (found)
        drop(entry);
    unlock();
    return found;
}

void sim_name_remove_device(void *device)
{
    lock();
    for (struct name_entry *entry = names; entry != NULL; entry = entry->next)
        if (entry->device == device) {
            drop(entry);
            break;
        }
    unlock();
}

void sim_name_check_leaks(const char *call)
{
    lock();
    for (struct name_entry *entry = names; entry != NULL; entry = entry->next)
        if (entry->is_link || entry->device != NULL)
            sim_broken(call, "%s \"%s\" is still there", entry->is_link ? "symbolic link" : "device",
                       entry_text(entry));
    unlock();
}

void sim_name_reset(void)
{
    lock();
    for (struct name_entry *entry = names, *next; entry != NULL; entry = next) {
        next = entry->next;
        if (!entry->is_link && entry->device == NULL)
            drop(entry);
    }
    unlock();
}

/* ---- look-up ---------------------------------------------------------------------------------- */

/* The longest name in front; `ret_units` is its length. */
static struct name_entry *find_front(const struct name *path, ULONG *ret_units)
{
    for (ULONG count = path->count; count > 1; count--) {
        struct name_entry *entry;

        if (count != path->count && path->units[count] != '\\')
            continue;
        entry = find(path, count);
        if (entry != NULL) {
            *ret_units = count;
            return entry;
        }
    }
    return NULL;
}

/* `path` goes on behind the link's name as the rest behind its target. */
static bool follow(struct name *path, const struct name_entry *link, ULONG units)
{
    struct name old = *path;
    ULONG rest = old.count - units;

    if (link->target.count + rest > SIM_NAME_UNITS_MAX)
        return false;
    *path = link->target;
    __builtin_memcpy(path->units + path->count, old.units + units, rest * sizeof(WCHAR));
    path->count += rest;
    return true;
}

static NTSTATUS resolve(struct name *path, void **ret_device, ULONG *ret_units)
{
    for (unsigned i = 0; i < LINKS_FOLLOWED_MAX; i++) {
        ULONG units = 0;
        struct name_entry *entry = find_front(path, &units);

        if (entry == NULL)
            return STATUS_OBJECT_NAME_NOT_FOUND;
        if (!entry->is_link) {
            if (entry->device == NULL)
                return STATUS_OBJECT_TYPE_MISMATCH;
            sim_object_reference("a look-up", entry->device);
            *ret_device = entry->device;
            *ret_units = units;
            return STATUS_SUCCESS;
        }
        if (!follow(path, entry, units))
            return STATUS_OBJECT_NAME_INVALID;
    }
    return STATUS_OBJECT_NAME_INVALID;
}

NTSTATUS sim_name_resolve(const UNICODE_STRING *path, void **ret_device, WCHAR *rest, ULONG *ret_rest_units)
{
    struct name name;
    ULONG units = 0;
    NTSTATUS status;

    if (!read_name(path, &name))
        return STATUS_OBJECT_NAME_INVALID;
    lock();
    status = resolve(&name, ret_device, &units);
    unlock();
    (void)__atomic_load_n(&published, __ATOMIC_ACQUIRE);
    if (NT_SUCCESS(status)) {
        *ret_rest_units = name.count - units;
        __builtin_memcpy(rest, name.units + units, *ret_rest_units * sizeof(WCHAR));
    }
    return status;
}
