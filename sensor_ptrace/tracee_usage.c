/* SPDX-License-Identifier: Apache-2.0 */
/* tracee_usage.h */
#include "tracee_usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define KIB      1024ULL
#define NS_PER_S 1000000000ULL

/* Clocks of a process by the kernel's numbers, which glibc has no names for: user and system time together, and user
 * time; include/linux/posix-timers.h. */
enum { CLOCK_OF_BOTH = 0, CLOCK_OF_USER = 1 };

static bool clock_read(uint32_t pid, unsigned which, uint64_t *ret_ns)
{
    struct timespec time;

    if (clock_gettime((clockid_t)(~pid << 3 | which), &time) != 0)
        return false;
    *ret_ns = (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
    return true;
}

bool tracee_usage_times(uint32_t pid, uint64_t *ret_user_ns, uint64_t *ret_system_ns)
{
    uint64_t user_ns, both_ns;

    if (!clock_read(pid, CLOCK_OF_USER, &user_ns) || !clock_read(pid, CLOCK_OF_BOTH, &both_ns) || both_ns < user_ns)
        return false;
    *ret_user_ns = user_ns;
    *ret_system_ns = both_ns - user_ns;
    return true;
}

void tracee_usage_exec(struct tracee_usage *usage, const struct tracee_facts *facts, const struct rusage *waited)
{
    usage->before_hidden = facts->waited_for_children;
    usage->before_bytes = (uint64_t)waited->ru_maxrss * KIB;
    usage->at_exit_bytes = 0;
}

void tracee_usage_exiting(struct tracee_usage *usage, uint32_t pid)
{
    char name[64], line[512];
    uint64_t kib;
    FILE *file;

    snprintf(name, sizeof(name), "/proc/%" PRIu32 "/status", pid);
    file = fopen(name, "re");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmHWM: %" SCNu64, &kib) == 1)
            usage->at_exit_bytes = kib * KIB;
    if (file)
        fclose(file);
}

bool tracee_usage_peak(const struct tracee_usage *usage, const struct tracee_facts *facts, const struct rusage *waited,
                       uint64_t *ret_bytes)
{
    const uint64_t most = (uint64_t)waited->ru_maxrss * KIB;

    if (!facts->waited_for_children || usage->at_exit_bytes >= most) {
        *ret_bytes = most;
        return true;
    }
    if (usage->at_exit_bytes == 0 || usage->before_hidden)
        return false;
    *ret_bytes = usage->at_exit_bytes > usage->before_bytes ? usage->at_exit_bytes : usage->before_bytes;
    return true;
}
