/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the simulator share: this thread's state, the rules' checks, how a broken rule
 * ends the run. Free of NT types and of libc types, since NT-typed files (ke_, ex_, rtl_, io_, ob_, ...)
 * and those that stand on libc (host_*) both include it. Not for tests or drivers: those include
 * simulated_nt.h.
 */
#ifndef SIMULATED_NT_SIM_INTERNAL_H
#define SIMULATED_NT_SIM_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_IRQL_PASSIVE  0U
#define SIM_IRQL_APC      1U
#define SIM_IRQL_DISPATCH 2U
#define SIM_IRQL_HIGH     15U

#define SIM_LOCKS_HELD_MAX 32

enum sim_lock_kind { SIM_LOCK_FAST_MUTEX = 1, SIM_LOCK_FAST_MUTEX_UNSAFE, SIM_LOCK_SPIN };

struct sim_lock_held {
    enum sim_lock_kind kind;
    const void *address;
    void *acquired_at;         /* a code address, for the report */
    unsigned char irql_before; /* where the release goes back to */
};

/* One for each thread that ever called the simulator; only its own thread writes to it. */
struct sim_thread {
    unsigned char irql;
    unsigned lock_count;
    struct sim_lock_held locks[SIM_LOCKS_HELD_MAX];
    unsigned critical_regions;   /* KeEnterCriticalRegion not yet left */
    unsigned mutexes_owned;      /* KMUTEX */
    uint64_t thread_id;          /* a multiple of 4, as on Windows */
    uint64_t process_id;         /* 4 (System) until sim_thread_process_set */
    void *process;               /* for the ps half: its EPROCESS, or NULL */
    void *object;                /* the KTHREAD; made when first asked for */
    unsigned char previous_mode; /* KernelMode 0, UserMode 1: for the io half */
    bool is_system_thread;       /* made by PsCreateSystemThread */
    const char *blocked_in;      /* the call that waits now, or NULL */
    uint64_t random_seed;        /* host_faults.c's, as the next */
    uint64_t random_state;
};

/* Of this thread; never NULL. */
struct sim_thread *sim_thread_self(void);

/* The host's word that this thread is going; gives back its object. */
void sim_thread_ended(struct sim_thread *self);

/* A rule was broken. Prints what, the thread, its IRQL, the locks it holds and a backtrace; aborts. */
_Noreturn void sim_broken(const char *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

unsigned char sim_irql(void);
void sim_irql_set(unsigned char irql); /* raises or lowers, without a check */
void sim_require_irql_at_most(const char *call, unsigned char max);
void sim_require_irql_exactly(const char *call, unsigned char irql);

/* No fast mutex and no spin lock is held, no critical region is open. For the end of a dispatch
 * routine, of a callback, of a thread. */
void sim_require_no_locks(const char *call);

/* The same, and the IRQL is back at `irql`: around a call into the driver. */
void sim_require_as_before(const char *call, unsigned char irql);

/* Whatever waits stands between these: at most APC_LEVEL, no spin lock held. */
void sim_block_thread_begin(const char *call);
void sim_block_thread_end(void);

/* The locks that this thread holds, for the code that implements them. */
void sim_lock_note_acquired(enum sim_lock_kind kind, const void *lock, unsigned char irql_before, void *acquired_at);
/* NULL where this thread does not hold it. Valid until the next acquire or release. */
const struct sim_lock_held *sim_lock_find(const void *lock);
void sim_lock_note_released(const void *lock);
const char *sim_lock_kind_name(enum sim_lock_kind kind);

/* True where the fault plan wants this call to fail. `return_address` tells call sites apart:
 * __builtin_return_address(0) in the function that the driver called. */
bool sim_fault_here(const char *call, void *return_address);
/* A random delay, if the test asked for delays. At lock edges, before and after. */
void sim_delay_here(void);

/*
 * The simulator's own bookkeeping stands between these: ThreadSanitizer then neither looks at it nor takes
 * its locks for synchronisation of the driver, which would hide the driver's races. They nest.
 */
void sim_own_begin(void);
void sim_own_end(void);

/* What NT documents as synchronisation, told to ThreadSanitizer: release before what wakes or frees,
 * acquire behind what waited or took. Not between sim_own_begin and sim_own_end. */
void sim_sync_acquire(const void *object);
void sim_sync_release(const void *object);
/* ThreadSanitizer takes this for a write by this thread: so that a free races with any use. */
void sim_memory_written(void *address, size_t bytes);
/* AddressSanitizer stops whoever touches these bytes, until they are permitted again. */
void sim_memory_forbid(void *address, size_t bytes);
void sim_memory_permit(void *address, size_t bytes);

/* True where all of these bytes can be read without a fault. */
bool sim_host_readable(const void *address, size_t bytes);
/* Copies from where there may be no memory; false where there is none. Sanitizers do not look. */
bool sim_host_peek(void *to, const void *from, size_t bytes);

/* Memory outside the pool; cleared. Never NULL: without memory the run ends. */
void *sim_host_allocate(size_t bytes);
void sim_host_free(void *memory);

/* Whoever guards pages is asked about each fault; if the address is his, he ends the run. */
typedef void sim_fault_explainer(const void *address);
void sim_host_watch_faults(sim_fault_explainer *explain);

/* A thread of the host, for the simulator's own threads and for tests. 0, or an errno. */
struct sim_host_thread;
int sim_host_thread_start(struct sim_host_thread **ret_thread, void *(*body)(void *context), void *context);
void *sim_host_thread_join(struct sim_host_thread *thread); /* and frees it */

int sim_host_thread_start_detached(void *(*body)(void *context), void *context);
_Noreturn void sim_host_thread_exit(void); /* of this thread; what it would return is NULL */

/* A recursion-free lock and a condition of the host. Zeroed is initialised; nothing to undo. */
struct sim_host_lock {
    uint64_t opaque[8];
};
struct sim_host_condition {
    uint64_t opaque[8];
};
void sim_host_lock_acquire(struct sim_host_lock *lock);
void sim_host_lock_release(struct sim_host_lock *lock);
void sim_host_condition_wait(struct sim_host_condition *condition, struct sim_host_lock *lock);
/* `until_ns` on the clock of sim_host_monotonic_ns; false where the time came first. */
bool sim_host_condition_wait_until(struct sim_host_condition *condition, struct sim_host_lock *lock, uint64_t until_ns);
void sim_host_condition_wake_all(struct sim_host_condition *condition);

uint64_t sim_host_process_id(void); /* of the host: a fork has another */
uint64_t sim_host_monotonic_ns(void);
uint64_t sim_host_realtime_ns(void); /* since 1970 */
void sim_host_sleep_ns(uint64_t ns);
void sim_host_yield(void);
void sim_host_print(const char *format, ...) __attribute__((format(printf, 1, 2))); /* to stderr */
void sim_report_thread(void); /* this thread, its locks and its backtrace, to stderr */
_Noreturn void sim_host_abort(void);

#endif
