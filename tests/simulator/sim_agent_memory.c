/* SPDX-License-Identifier: Apache-2.0 */
/* sim_agent_memory.h, and platform.h of the simulated agent. */
#include "sim_agent_memory.h"

#include <stdlib.h>
#include <string.h>

#include "platform/platform.h"
#include "sim_journal.h"
#include "sim_random.h"
#include "sim_scheduler.h"

#define MAGIC 0x616c6c6f63617465ULL

/* Ends where the system's own allocation ends, so that AddressSanitizer sees the first byte behind it. */
struct allocation {
    struct allocation *next, *previous;
    uint64_t magic;
    size_t bytes;
    bool platform;
};

#define HEAD_BYTES ((sizeof(struct allocation) + 15) / 16 * 16)

static struct {
    struct allocation *first;
    struct sim_random random;
    struct memory_faults faults;
    uint64_t library_fail_in;
    size_t platform_bytes, library_bytes;
    uint64_t failed_count, library_failed_count;
} memory;

/* Of the objects of agent/: their static variables, put side by side when they were built. */
extern char __start_agent_statics[] __attribute__((weak));
extern char __stop_agent_statics[] __attribute__((weak));

/* Word by word, since AddressSanitizer has its own between one variable and the next. */
__attribute__((no_sanitize_address)) static void statics_clear(void)
{
    volatile uint64_t *at = (volatile uint64_t *)(void *)__start_agent_statics;

    for (size_t left = (size_t)(__stop_agent_statics - __start_agent_statics) / sizeof(*at); left > 0; left--)
        *at++ = 0;
}

void agent_memory_begin(uint64_t seed)
{
    if (memory.first)
        sim_fail("the simulator did not take the memory of the agent before");
    memset(&memory, 0, sizeof(memory));
    memory.random.state = seed;
    if (__start_agent_statics)
        statics_clear();
}

void agent_memory_take(void)
{
    struct allocation *next;

    for (struct allocation *allocation = memory.first; allocation; allocation = next) {
        next = allocation->next;
        free(allocation);
    }
    memory.first = NULL;
    memory.platform_bytes = memory.library_bytes = 0;
}

void agent_memory_faults_set(const struct memory_faults *faults)
{
    memory.faults = *faults;
}

struct memory_faults agent_memory_faults(void)
{
    return memory.faults;
}

void agent_memory_library_fail(uint64_t nth)
{
    memory.library_fail_in = nth;
}

size_t agent_memory_platform_bytes(void)
{
    return memory.platform_bytes;
}

size_t agent_memory_library_bytes(void)
{
    return memory.library_bytes;
}

uint64_t agent_memory_failed_count(void)
{
    return memory.failed_count;
}

uint64_t agent_memory_library_failed_count(void)
{
    return memory.library_failed_count;
}

static size_t *bytes_of(bool platform)
{
    return platform ? &memory.platform_bytes : &memory.library_bytes;
}

static bool fails(bool platform)
{
    const bool chosen =
        random_chance(&memory.random, platform ? memory.faults.platform_per_mille : memory.faults.library_per_mille);
    const bool counted = !platform && memory.library_fail_in > 0 && --memory.library_fail_in == 0;

    if (!chosen && !counted)
        return false;
    memory.failed_count++;
    memory.library_failed_count += !platform;
    journal_note(platform ? "allocation of core fails" : "allocation fails", memory.failed_count, 0);
    return true;
}

static void *allocate(size_t bytes, bool platform)
{
    struct allocation *allocation = malloc(HEAD_BYTES + bytes);

    if (!allocation)
        sim_fail("out of memory in earnest");
    *allocation = (struct allocation){.next = memory.first, .magic = MAGIC, .bytes = bytes, .platform = platform};
    if (memory.first)
        memory.first->previous = allocation;
    memory.first = allocation;
    *bytes_of(platform) += bytes;
    return (char *)allocation + HEAD_BYTES;
}

static struct allocation *find(void *at, bool platform)
{
    struct allocation *allocation = (struct allocation *)(void *)((char *)at - HEAD_BYTES);

    if (allocation->magic != MAGIC || allocation->platform != platform)
        sim_fail("freed what was not allocated so");
    return allocation;
}

static void give_back(struct allocation *allocation)
{
    if (allocation->previous)
        allocation->previous->next = allocation->next;
    else
        memory.first = allocation->next;
    if (allocation->next)
        allocation->next->previous = allocation->previous;
    *bytes_of(allocation->platform) -= allocation->bytes;
    memset((char *)allocation + HEAD_BYTES, 0x5a, allocation->bytes);
    allocation->magic = 0;
    free(allocation);
}

/* ---- the C library's ------------------------------------------------------------------------------------- */

void *agent_malloc(size_t size_bytes);
void *agent_calloc(size_t count, size_t size_bytes);
void *agent_realloc(void *at, size_t size_bytes);
void agent_free(void *at);

void *agent_malloc(size_t size_bytes)
{
    return fails(false) ? NULL : allocate(size_bytes, false);
}

void *agent_calloc(size_t count, size_t size_bytes)
{
    void *at = agent_malloc(count * size_bytes);

    return at ? memset(at, 0, count * size_bytes) : NULL;
}

void agent_free(void *at)
{
    if (at)
        give_back(find(at, false));
}

void *agent_realloc(void *at, size_t size_bytes)
{
    struct allocation *old = at ? find(at, false) : NULL;
    void *grown = agent_malloc(size_bytes);

    if (!grown || !old)
        return grown;
    memcpy(grown, at, old->bytes < size_bytes ? old->bytes : size_bytes);
    give_back(old);
    return grown;
}

/* ---- platform.h -------------------------------------------------------------------------------------------- */

void *muster_platform_allocate(size_t bytes)
{
    void *at;

    if (sim_mutex_held_by_current())
        sim_fail("core allocates under a lock");
    sim_point();
    if (fails(true))
        return NULL;
    at = allocate(bytes, true);
    memset(at, 0xa5, bytes);
    return at;
}

void muster_platform_free(void *at, size_t bytes)
{
    struct allocation *allocation = find(at, true);

    if (sim_mutex_held_by_current())
        sim_fail("core frees under a lock");
    if (allocation->bytes != bytes)
        sim_fail("freed %zu bytes of an allocation of %zu", bytes, allocation->bytes);
    give_back(allocation);
    sim_point();
}

_Static_assert(sizeof(struct sim_mutex) <= MUSTER_LOCK_BYTES, "a muster_lock holds a mutex");

static struct sim_mutex *mutex_of(struct muster_lock *lock)
{
    return (struct sim_mutex *)(void *)lock->opaque;
}

void muster_platform_lock_init(struct muster_lock *lock)
{
    *mutex_of(lock) = (struct sim_mutex){0};
}

void muster_platform_lock_deinit(struct muster_lock *lock)
{
    if (mutex_of(lock)->owner)
        sim_fail("a lock goes away that is held");
}

void muster_platform_lock_acquire(struct muster_lock *lock) MUSTER_NO_THREAD_SAFETY_ANALYSIS
{
    if (sim_mutex_held_by_current())
        sim_fail("a second lock is taken under the first");
    sim_mutex_lock(mutex_of(lock));
}

void muster_platform_lock_release(struct muster_lock *lock) MUSTER_NO_THREAD_SAFETY_ANALYSIS
{
    sim_mutex_unlock(mutex_of(lock));
}

unsigned muster_platform_irql(void)
{
    return MUSTER_IRQL_PASSIVE;
}

_Noreturn void muster_platform_panic(const char *what)
{
    sim_fail("core panics: %s", what);
}
