/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a PKTHREAD of the simulator points to: a dispatcher header, so that threads can be waited for,
 * and what PsCreateSystemThread keeps.
 */
#ifndef SIMULATED_NT_PS_THREAD_H
#define SIMULATED_NT_PS_THREAD_H

#include "simulated_nt/ke_dispatcher.h"

struct sim_kthread {
    DISPATCHER_HEADER header; /* signalled when the thread has ended */
    uint64_t thread_id;
    uint64_t process_id;
    PKSTART_ROUTINE routine; /* NULL where the simulator did not make the thread */
    PVOID context;
    NTSTATUS exit_status;
};

/* The object of this thread; made when first asked for. */
struct sim_kthread *sim_kthread_self(void);

#endif
