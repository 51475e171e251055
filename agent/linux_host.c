/* SPDX-License-Identifier: Apache-2.0 */
/* host.h: the stream's clock is CLOCK_BOOTTIME. */
#include "host.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "muster/identity.h"
#include "user_names.h"
#include "uuid.h"

#define NS_PER_S 1000000000LL

static bool line_read(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "re");
    bool done = file && fgets(line, size, file);

    if (file)
        fclose(file);
    if (done)
        line[strcspn(line, "\n")] = '\0';
    return done && line[0];
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* Of a few tries the one with the least time between the two readings of one clock. */
int64_t host_clock_offset_ns(void)
{
    int64_t best_width = INT64_MAX, offset = 0;

    for (int i = 0; i < 5; i++) {
        int64_t before = clock_ns(CLOCK_BOOTTIME);
        int64_t real = clock_ns(CLOCK_REALTIME);
        int64_t after = clock_ns(CLOCK_BOOTTIME);

        if (after - before < best_width) {
            best_width = after - before;
            offset = real - (before + best_width / 2);
        }
    }
    return offset;
}

uint64_t host_now_ns(void)
{
    return (uint64_t)clock_ns(CLOCK_BOOTTIME);
}

uint64_t host_monotonic_ns(void)
{
    return (uint64_t)clock_ns(CLOCK_BOOTTIME);
}

uint64_t host_process_id(void)
{
    return (uint64_t)getpid();
}

uint64_t host_random(void)
{
    uint64_t number;

    return getrandom(&number, sizeof(number), 0) == sizeof(number) ? number : 0;
}

void host_memory_trim(void)
{
    malloc_trim(0);
}

void host_describe(struct host *host, struct muster_stream *ret_stream)
{
    struct utsname system;
    char boot_id[64];

    *host = (struct host){0};
    *ret_stream = (struct muster_stream){
        .clock_offset_ns = host_clock_offset_ns(),
        .tick_ns = MUSTER_TICK_NS_LINUX,
        .provider = "ebpf",
        .os_type = "linux",
        .version = MUSTER_VERSION,
        .user_name = user_name_of,
    };
    if (gethostname(host->name, sizeof(host->name) - 1) == 0 && host->name[0])
        ret_stream->host_name = host->name;
    if (line_read("/etc/machine-id", host->id, sizeof(host->id)))
        ret_stream->host_id = host->id;
    if (uname(&system) == 0) {
        snprintf(host->kernel, sizeof(host->kernel), "%s", system.release);
        ret_stream->os_kernel = host->kernel;
    }
    ret_stream->boot_id_valid = line_read("/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id)) &&
                                uuid_parse(boot_id, ret_stream->boot_id);
}
