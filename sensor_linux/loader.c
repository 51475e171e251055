/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads the BPF programs: sizes the maps for this machine, chooses what depends on the kernel, and
 * turns what libbpf says into an error that tells a person what to do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "bpf/start_scratch.h"
#include "sensor_internal.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

/* Groups whose share of the ring is known. Each CPU keeps up to 128 places of an LRU for itself
 * (kernel/bpf/bpf_lru_list.c). */
#define SHARE_GROUPS         1024
#define SHARE_GROUPS_PER_CPU 128

static const char *advice_for(int number)
{
    if ((number == EPERM || number == EACCES) && geteuid() != 0)
        return "run it as root: sudo muster watch";
    if (number == EPERM || number == EACCES)
        return "root is not enough here: a container or a lockdown forbids BPF. Run it on the host, or give the "
               "container CAP_BPF and CAP_PERFMON; `muster doctor` tells what is missing";
    if (number == ENOENT || number == ESRCH)
        return "the kernel has to be built with CONFIG_DEBUG_INFO_BTF (Debian's, Ubuntu's and Fedora's are); "
               "`muster doctor` tells what is missing";
    if (number == ENOMEM)
        return "try a smaller --buffer";
    return "`muster doctor` tells what this kernel lacks";
}

bool sensor_fail(struct muster_sensor_error *error, int number, const char *what)
{
    error->what = what;
    snprintf(error->reason, sizeof(error->reason), "%s", strerror(number));
    error->advice = advice_for(number);
    return false;
}

/* libbpf explains itself at length on standard error; our own error says it shorter. Set
 * MUSTER_LIBBPF_DEBUG to see it all. */
MUSTER_PRINTF(2, 0)
static int libbpf_print(enum libbpf_print_level level, const char *format, va_list arguments)
{
    if (!getenv("MUSTER_LIBBPF_DEBUG") || level == LIBBPF_DEBUG)
        return 0;
    return vfprintf(stderr, format, arguments);
}

/* Since Linux 6.16 sched_process_exit says whether the thread is the last: its BTF type has a third
 * parameter (the first is the tracepoint's own). */
static bool exit_tells_last(const struct btf *btf)
{
    int id = btf__find_by_name_kind(btf, "btf_trace_sched_process_exit", BTF_KIND_TYPEDEF);
    const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

    if (type)
        type = btf__type_by_id(btf, type->type); /* the pointer */
    if (type && btf_is_ptr(type))
        type = btf__type_by_id(btf, type->type);
    return type && btf_is_func_proto(type) && btf_vlen(type) >= 3;
}

static bool maps_size(struct muster_bpf *programs, const struct muster_sensor_options *options)
{
    int cpu_count = libbpf_num_possible_cpus();
    __u32 cpus = cpu_count > 0 ? (__u32)cpu_count : 1;
    __u32 scratch_bytes = (__u32)START_SCRATCH_BYTES(programs->rodata->args_max_bytes);

    return bpf_map__set_max_entries(programs->maps.ring, (__u32)options->buffer_bytes) == 0 &&
           bpf_map__set_max_entries(programs->maps.cpus, cpus) == 0 &&
           bpf_map__set_max_entries(programs->maps.fair_shares, SHARE_GROUPS + SHARE_GROUPS_PER_CPU * cpus) == 0 &&
           bpf_map__set_max_entries(programs->maps.exec_scratch, cpus) == 0 &&
           bpf_map__set_value_size(programs->maps.exec_scratch, scratch_bytes) == 0 &&
           bpf_map__set_value_size(programs->maps.baseline_scratch, scratch_bytes) == 0;
}

/* To a multiple of 8, so that halves are whole and texts aligned. */
static __u32 args_max_round(size_t bytes)
{
    return bytes == 0 ? MUSTER_ARGS_MAX_BYTES : (__u32)(bytes + 7) & ~7U;
}

/* What every program reads, whichever of them are loaded. */
static void constants_fill(struct muster_bpf *programs, size_t args_max_bytes)
{
    programs->rodata->page_bytes = (__u32)sysconf(_SC_PAGESIZE);
    programs->rodata->args_max_bytes = args_max_round(args_max_bytes);
}

static bool programs_configure(struct muster_bpf *programs, const struct muster_sensor_options *options)
{
    struct btf *btf = btf__parse(BTF_PATH, NULL);
    bool tells_last = btf && exit_tells_last(btf);

    if (!btf)
        return false;
    btf__free(btf);
    programs->rodata->forks_wanted = options->forks;
    programs->rodata->tracepoint_tells_last = tells_last;
    constants_fill(programs, options->args_max_bytes);
    if (options->filter)
        programs->rodata->filter = *options->filter;
    if (!options->filter || !options->filter->active) {
        bpf_map__set_autocreate(programs->maps.filter_verdicts, false);
        bpf_map__set_autocreate(programs->maps.filter_scratch, false);
    }
    programs->bss->control.wake_at = SENSOR_AWAKE;
    bpf_program__set_autoload(programs->progs.process_fork, options->forks);
    if (tells_last)
        bpf_map__set_autocreate(programs->maps.exit_reported, false);
    return true;
}

static struct muster_bpf *programs_open(struct muster_sensor_error *ret_error)
{
    struct muster_bpf *programs;

    libbpf_set_print(libbpf_print);
    programs = muster_bpf__open();
    if (!programs)
        sensor_fail(ret_error, errno, "cannot open the BPF programs");
    return programs;
}

struct muster_bpf *sensor_load_baseline(struct muster_sensor_error *ret_error)
{
    struct muster_bpf *programs = programs_open(ret_error);

    if (!programs)
        return NULL;
    bpf_program__set_autoload(programs->progs.process_exec, false);
    bpf_program__set_autoload(programs->progs.process_exit, false);
    bpf_program__set_autoload(programs->progs.process_fork, false);
    bpf_map__set_autocreate(programs->maps.ring, false);
    bpf_map__set_autocreate(programs->maps.cpus, false);
    bpf_map__set_autocreate(programs->maps.exec_scratch, false);
    bpf_map__set_autocreate(programs->maps.fair_shares, false);
    bpf_map__set_autocreate(programs->maps.exit_reported, false);
    bpf_map__set_autocreate(programs->maps.filter_verdicts, false);
    bpf_map__set_autocreate(programs->maps.filter_scratch, false);
    constants_fill(programs, 0);
    if (muster_bpf__load(programs) == 0)
        return programs;
    sensor_fail(ret_error, errno, "cannot load the BPF program that lists processes");
    muster_bpf__destroy(programs);
    return NULL;
}

struct muster_bpf *sensor_load(const struct muster_sensor_options *options, struct muster_sensor_error *ret_error)
{
    struct muster_bpf *programs = programs_open(ret_error);

    if (!programs)
        return NULL;
    if (!programs_configure(programs, options)) {
        sensor_fail(ret_error, errno, "cannot read the kernel's type information (" BTF_PATH ")");
    } else if (!maps_size(programs, options)) {
        sensor_fail(ret_error, errno, "cannot size the BPF maps");
    } else if (muster_bpf__load(programs) != 0) {
        sensor_fail(ret_error, errno, "cannot load the BPF programs");
    } else {
        return programs;
    }
    muster_bpf__destroy(programs);
    return NULL;
}
