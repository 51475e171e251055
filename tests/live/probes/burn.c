/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uses up time and memory, and ends: THREADS threads, the first among them, each MS milliseconds of CPU time, in a mode
 * ("user" or "system"), and once MIB mebibytes that are let go of again before the end. How all but the first end:
 *     joined     before the first does
 *     together   all at once, by exit_group
 *     last       the first thread ends before them
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "probe.h"

static unsigned long long burn_ns;
static int in_system;
static atomic_int burning;

static void *burn(void *unused)
{
    (void)unused;
    while (now_ns(CLOCK_THREAD_CPUTIME_ID) < burn_ns)
        for (int i = 0; i < (in_system ? 1000 : 100000); i++)
            if (in_system)
                syscall(SYS_getppid);
            else
                __asm__ volatile("" : : : "memory");
    atomic_fetch_sub(&burning, 1);
    return NULL;
}

static void *burn_and_stay(void *unused)
{
    burn(unused);
    pause(); /* no signal comes */
    return NULL;
}

static void *burn_and_be_last(void *unused)
{
    burn(unused);
    usleep(20000);
    return NULL;
}

static void fill_memory(long mebibytes)
{
    size_t size = (size_t)mebibytes << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        die("mmap");
    for (size_t i = 0; i < size; i += 4096)
        memory[i] = 1;
    munmap(memory, size);
}

int main(int argc, char **argv)
{
    int joined, last;
    pthread_t threads[256];
    long count;

    if (argc != 6 || (count = atol(argv[1])) < 1 || count > 256)
        usage("burn THREADS MS user|system MIB joined|together|last");
    burn_ns = (unsigned long long)atol(argv[2]) * 1000000ULL;
    in_system = strcmp(argv[3], "system") == 0;
    joined = strcmp(argv[5], "joined") == 0;
    last = strcmp(argv[5], "last") == 0;
    if (atol(argv[4]) > 0)
        fill_memory(atol(argv[4]));
    atomic_store(&burning, (int)count);
    for (long i = 1; i < count; i++)
        if (pthread_create(&threads[i], NULL, joined ? burn : last ? burn_and_be_last : burn_and_stay, NULL) != 0)
            die("pthread_create");
    burn(NULL);
    for (long i = 1; joined && i < count; i++)
        pthread_join(threads[i], NULL);
    if (last)
        syscall(SYS_exit, 0);
    while (atomic_load(&burning) > 0)
        usleep(1000);
    return 0;
}
