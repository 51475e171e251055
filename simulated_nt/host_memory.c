/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of the host: for the simulator's own books, pages with a guard behind them for the pool, and
 * reads from where there may be nothing. A fault is
 * told to those who guard pages (the pool, the blocks of sim_guard.h); any other goes on to whoever handled it before
 * (a sanitizer, a core file).
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "simulated_nt/sim_internal.h"
#include "simulated_nt/sim_pool.h"

#define EXPLAINERS_MAX 4

static struct sigaction handler_before;
static sim_fault_explainer *explainers[EXPLAINERS_MAX];

void *sim_host_allocate(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL)
        sim_broken("the simulator", "the host has no memory left for %zu bytes", bytes);
    return memory;
}

void sim_host_free(void *memory)
{
    free(memory);
}

void *sim_host_heap(size_t alignment, size_t bytes)
{
    void *memory = NULL;
    return posix_memalign(&memory, alignment, bytes) == 0 ? memory : NULL;
}

/* The kernel reads, so that nothing faults and no sanitizer looks. */
bool sim_host_peek(void *to, const void *from, size_t bytes)
{
    const struct iovec local = {.iov_base = to, .iov_len = bytes};
    const struct iovec remote = {.iov_base = (void *)(uintptr_t)from, .iov_len = bytes};
    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)bytes;
}

bool sim_host_readable(const void *address, size_t bytes)
{
    unsigned char scratch[256];
    const unsigned char *at = address;

    while (bytes != 0) {
        const size_t part = bytes < sizeof scratch ? bytes : sizeof scratch;
        if (!sim_host_peek(scratch, at, part))
            return false;
        at += part;
        bytes -= part;
    }
    return true;
}

void *sim_host_pages_map(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

bool sim_host_pages_permit(void *pages, size_t bytes, bool permit)
{
    return mprotect(pages, bytes, permit ? PROT_READ | PROT_WRITE : PROT_NONE) == 0;
}

void sim_host_pages_drop(void *pages, size_t bytes)
{
    (void)madvise(pages, bytes, MADV_DONTNEED);
}

void sim_host_pages_unmap(void *pages, size_t bytes)
{
    (void)munmap(pages, bytes);
}

/* What explains a fault to whom it belongs runs first; none of them: whoever handled faults before. What is
 * not safe in a signal handler does not matter here: the fault was the driver's own instruction. */
static void on_fault(int number, siginfo_t *information, void *context)
{
    (void)context;
    (void)sigaction(number, &handler_before, NULL); /* the next fault, ours included, goes there */
    for (unsigned i = 0; i < EXPLAINERS_MAX; i++) {
        sim_fault_explainer *explain = __atomic_load_n(&explainers[i], __ATOMIC_ACQUIRE);
        if (explain != NULL)
            explain(information->si_addr);
    }
}

static void add_explainer(sim_fault_explainer *explain)
{
    for (unsigned i = 0; i < EXPLAINERS_MAX; i++) {
        sim_fault_explainer *none = NULL;
        if (__atomic_compare_exchange_n(&explainers[i], &none, explain, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ||
            none == explain)
            return;
    }
    abort();
}

/* Each time: test frameworks put handlers of their own in front. */
void sim_host_watch_faults(sim_fault_explainer *explain)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    struct sigaction now;

    add_explainer(explain);
    if (sigaction(SIGSEGV, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == on_fault)
        return;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGSEGV, &action, &handler_before);
}
