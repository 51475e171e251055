/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam that core stands on: lock, memory, IRQL and a way to stop. One file a host implements it
 * (posix_platform.c, nt_platform.c), chosen when linking. Tests link one that fails
 * allocations, raises the IRQL and delays at lock edges; nothing that ships can.
 */
#ifndef MUSTER_PLATFORM_H
#define MUSTER_PLATFORM_H

#include <stddef.h>
#include <stdint.h>

#include "muster/annotations.h"

#define MUSTER_IRQL_PASSIVE 0U /* PASSIVE_LEVEL */
#define MUSTER_IRQL_APC     1U /* APC_LEVEL: where a FAST_MUTEX puts its holder */

#define MUSTER_LOCK_BYTES 64

/* A mutex that is made in place and never moves: a FAST_MUTEX, a pthread_mutex_t. */
struct MUSTER_CAPABILITY("mutex") muster_lock {
    unsigned char opaque[MUSTER_LOCK_BYTES] __attribute__((aligned(16)));
};

void muster_platform_lock_init(struct muster_lock *lock);
void muster_platform_lock_deinit(struct muster_lock *lock);
void muster_platform_lock_acquire(struct muster_lock *lock) MUSTER_ACQUIRES(*lock);
void muster_platform_lock_release(struct muster_lock *lock) MUSTER_RELEASES(*lock);

/* Memory that may be touched at any IRQL, aligned to 16, not cleared; NULL where there is none.
 * Never called under a lock. */
void *muster_platform_allocate(size_t bytes);
void muster_platform_free(void *memory, size_t bytes);

/* KeGetCurrentIrql; 0 where there is no such thing. */
unsigned muster_platform_irql(void);

/* A rule of core was broken and going on would corrupt memory. Does not return. */
_Noreturn void muster_platform_panic(const char *what);

/* For core: memcpy and memset without the C library's headers. */
#define muster_copy(to, from, bytes) __builtin_memcpy((to), (from), (bytes))
#define muster_clear(to, bytes)      __builtin_memset((to), 0, (bytes))

#endif
