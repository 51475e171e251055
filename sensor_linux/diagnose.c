/* SPDX-License-Identifier: Apache-2.0 */
/* muster_sensor_diagnose: what `muster doctor` says about this machine. Each check is made by trying
 * the thing itself, not by guessing from a version. */
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sensor_internal.h"

struct findings {
    struct muster_sensor_finding *list;
    size_t count;
    size_t capacity;
};

MUSTER_PRINTF(5, 6)
static void finding_add(struct findings *findings, const char *what, bool good, const char *advice, const char *format,
                        ...)
{
    struct muster_sensor_finding *finding;
    va_list arguments;

    if (findings->count == findings->capacity)
        return;
    finding = &findings->list[findings->count++];
    finding->what = what;
    finding->good = good;
    finding->advice = good ? NULL : advice;
    va_start(arguments, format);
    vsnprintf(finding->detail, sizeof(finding->detail), format, arguments);
    va_end(arguments);
}

/* bpf_ringbuf_reserve_dynptr is the newest thing in use: Linux 5.19. */
static void kernel_check(struct findings *findings)
{
    struct utsname name;
    unsigned major = 0, minor = 0;

    uname(&name);
    sscanf(name.release, "%u.%u", &major, &minor);
    finding_add(findings, "kernel 5.19 or later", major > 5 || (major == 5 && minor >= 19),
                "use a newer kernel; Debian 12 has 6.1", "%s %s", name.release, name.machine);
}

static unsigned long long capabilities_effective(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

    if (syscall(SYS_capget, &header, data) != 0)
        return 0;
    return (unsigned long long)data[1].effective << 32 | data[0].effective;
}

static void privilege_check(struct findings *findings)
{
    unsigned long long have = capabilities_effective();
    bool admin = have >> CAP_SYS_ADMIN & 1;
    bool good = admin || ((have >> CAP_PERFMON & 1) && (have >> CAP_BPF & 1));

    finding_add(findings, "privilege", good, "run it as root: sudo muster doctor", "uid %u%s", (unsigned)geteuid(),
                admin  ? ", CAP_SYS_ADMIN"
                : good ? ", CAP_BPF and CAP_PERFMON"
                       : ", neither CAP_SYS_ADMIN nor both of CAP_BPF and CAP_PERFMON");
}

static void file_check(struct findings *findings, const char *what, const char *path, const char *advice)
{
    bool good = access(path, R_OK) == 0;

    finding_add(findings, what, good, advice, "%s%s%s", path, good ? "" : ": ", good ? "" : strerror(errno));
}

static bool tell_nothing(void *context, const struct muster_record *record)
{
    ++*(size_t *)context;
    (void)record;
    return true;
}

/* Each step is tried only where the one before went well. */
static void sensor_check(struct findings *findings)
{
    struct muster_sensor_options options = {.buffer_bytes = MUSTER_SENSOR_BUFFER_MIN, .forks = true};
    struct muster_sensor_error error = {0};
    struct muster_sensor *sensor;
    size_t processes = 0;
    bool good = muster_sensor_open(&options, &sensor, &error);

    finding_add(findings, "BPF programs load", good, error.advice, "%s%s%s",
                good ? "exec, exit, fork, baseline" : error.what, good ? "" : ": ", good ? "" : error.reason);
    if (!good)
        return;
    good = muster_sensor_attach(sensor, &error);
    finding_add(findings, "BPF programs attach", good, error.advice, "%s%s%s", good ? "sched tracepoints" : error.what,
                good ? "" : ": ", good ? "" : error.reason);
    if (good) {
        good = muster_sensor_baseline(sensor, tell_nothing, &processes, &error);
        finding_add(findings, "running processes are listed", good, error.advice, "%zu processes", processes);
    }
    muster_sensor_close(sensor);
}

size_t muster_sensor_diagnose(struct muster_sensor_finding *ret_findings, size_t capacity)
{
    struct findings findings = {.list = ret_findings, .capacity = capacity};

    kernel_check(&findings);
    privilege_check(&findings);
    file_check(&findings, "kernel type information (BTF)", "/sys/kernel/btf/vmlinux",
               "the kernel needs CONFIG_DEBUG_INFO_BTF, and /sys has to be mounted");
    file_check(&findings, "identity of this boot", "/proc/sys/kernel/random/boot_id", "mount /proc");
    sensor_check(&findings);
    return findings.count;
}
