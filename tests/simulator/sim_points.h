/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Put before each of the product's sources by the compiler (-include), which is otherwise compiled as it stands: atomic
 * operations become points at which somebody else may run, memory comes from the simulated agent's, and what would end
 * the process ends the simulated one.
 *
 * The names of the compiler's own functions are not expanded again within their own expansion.
 */
#ifndef MUSTER_SIM_POINTS_H
#define MUSTER_SIM_POINTS_H

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

void sim_point(void);
void *agent_malloc(size_t size_bytes);
void *agent_calloc(size_t count, size_t size_bytes);
void *agent_realloc(void *memory, size_t size_bytes);
void agent_free(void *memory);
_Noreturn void agent_exit(int code);
_Noreturn void agent_abort(void);

int agent_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int agent_mutex_lock(pthread_mutex_t *mutex);
int agent_mutex_unlock(pthread_mutex_t *mutex);
int agent_mutex_destroy(pthread_mutex_t *mutex);

#define pthread_mutex_init(mutex, attributes) agent_mutex_init((mutex), (attributes))
#define pthread_mutex_lock(mutex)             agent_mutex_lock(mutex)
#define pthread_mutex_unlock(mutex)           agent_mutex_unlock(mutex)
#define pthread_mutex_destroy(mutex)          agent_mutex_destroy(mutex)
#define malloc(size)                          agent_malloc(size)
#define calloc(count, size)                   agent_calloc((count), (size))
#define realloc(memory, size)                 agent_realloc((memory), (size))
#define free(memory)                          agent_free(memory)
#define _exit(code)                           agent_exit(code)
#define abort()                               agent_abort()

/* Somebody may come before it and behind it. */
#define SIM_AT_POINTS(operation)                                                                                       \
    __extension__({                                                                                                    \
        sim_point();                                                                                                   \
        __auto_type sim_result = (operation);                                                                          \
        sim_point();                                                                                                   \
        sim_result;                                                                                                    \
    })
#define SIM_AT_POINTS_VOID(operation)                                                                                  \
    __extension__({                                                                                                    \
        sim_point();                                                                                                   \
        operation;                                                                                                     \
        sim_point();                                                                                                   \
    })

#define __atomic_load_n(at, order)         SIM_AT_POINTS(__atomic_load_n((at), (order)))
#define __atomic_store_n(at, value, order) SIM_AT_POINTS_VOID(__atomic_store_n((at), (value), (order)))
#define __atomic_compare_exchange_n(at, is, new, weak, order, otherwise)                                               \
    SIM_AT_POINTS(__atomic_compare_exchange_n((at), (is), (new), (weak), (order), (otherwise)))
#define __atomic_exchange_n(at, value, order)    SIM_AT_POINTS(__atomic_exchange_n((at), (value), (order)))
#define __atomic_fetch_add(at, value, order)     SIM_AT_POINTS(__atomic_fetch_add((at), (value), (order)))
#define __atomic_fetch_sub(at, value, order)     SIM_AT_POINTS(__atomic_fetch_sub((at), (value), (order)))
#define __atomic_fetch_xor(at, value, order)     SIM_AT_POINTS(__atomic_fetch_xor((at), (value), (order)))
#define __atomic_fetch_or(at, value, order)      SIM_AT_POINTS(__atomic_fetch_or((at), (value), (order)))
#define __atomic_fetch_and(at, value, order)     SIM_AT_POINTS(__atomic_fetch_and((at), (value), (order)))
#define __sync_fetch_and_add(at, value)          SIM_AT_POINTS(__sync_fetch_and_add((at), (value)))
#define __sync_lock_test_and_set(at, value)      SIM_AT_POINTS(__sync_lock_test_and_set((at), (value)))
#define __sync_val_compare_and_swap(at, is, new) SIM_AT_POINTS(__sync_val_compare_and_swap((at), (is), (new)))

/* What stdatomic.h of gcc and of clang stands on. */
#define __atomic_load(at, value, order)          SIM_AT_POINTS_VOID(__atomic_load((at), (value), (order)))
#define __atomic_store(at, value, order)         SIM_AT_POINTS_VOID(__atomic_store((at), (value), (order)))
#define __c11_atomic_load(at, order)             SIM_AT_POINTS(__c11_atomic_load((at), (order)))
#define __c11_atomic_store(at, value, order)     SIM_AT_POINTS_VOID(__c11_atomic_store((at), (value), (order)))
#define __c11_atomic_exchange(at, value, order)  SIM_AT_POINTS(__c11_atomic_exchange((at), (value), (order)))
#define __c11_atomic_fetch_add(at, value, order) SIM_AT_POINTS(__c11_atomic_fetch_add((at), (value), (order)))
#define __c11_atomic_fetch_sub(at, value, order) SIM_AT_POINTS(__c11_atomic_fetch_sub((at), (value), (order)))

#endif
