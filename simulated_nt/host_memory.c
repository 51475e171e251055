/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of the host: for the simulator's own books, pages with a guard behind them for the pool, and
 * reads from where there may be nothing. A fault on a page that belongs to the pool is
 * told to host_pool_report.c; any other goes on to whoever handled it before (a sanitizer, a core file).
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "simulated_nt/sim_internal.h"
#include "simulated_nt/sim_pool.h"

static struct sigaction handler_before;

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

/* The process ends in here or faults again at once: what is not safe in a signal handler does not
 * matter, since the fault was the driver's own instruction, not inside libc. */
static void on_fault(int number, siginfo_t *information, void *context)
{
    (void)context;
    (void)sigaction(number, &handler_before, NULL); /* the next fault, ours included, goes there */
    sim_pool_fault(information->si_addr);
}

static void install_fault_handler(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGSEGV, &action, &handler_before);
}

void sim_host_watch_faults(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, install_fault_handler);
}
