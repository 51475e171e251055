/* SPDX-License-Identifier: Apache-2.0 */
/*
 * muster/kept.h: making a side. All of it is pinned in a folder with another name, closed; then that is renamed, and
 * the side opened. So whoever finds a folder with an epoch's name finds it whole, and one that began has been found.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "kept_internal.h"
#include "sensor_internal.h"

static uint64_t filter_hash(const struct muster_filter *filter)
{
    return filter && filter->active ? hash_bytes(filter, sizeof(*filter)) : 0;
}

static uint64_t build_hash(void)
{
    size_t size_bytes;
    const void *bytes = muster_bpf__elf_bytes(&size_bytes);

    return hash_bytes(bytes, size_bytes);
}

unsigned muster_kept_differences(const struct muster_kept_side *side, const struct muster_sensor_options *options)
{
    unsigned differences = 0;

    if (!side->readable)
        return MUSTER_KEPT_OTHER_ABI;
    if (side->build != build_hash())
        differences |= MUSTER_KEPT_OTHER_BUILD;
    if (side->buffer_bytes != options->buffer_bytes)
        differences |= MUSTER_KEPT_OTHER_BUFFER;
    if (side->forks != options->forks)
        differences |= MUSTER_KEPT_OTHER_FORKS;
    if (side->filter != filter_hash(options->filter))
        differences |= MUSTER_KEPT_OTHER_FILTER;
    if (!side->recording)
        differences |= MUSTER_KEPT_ENDED;
    return differences;
}

static struct kept_meta meta_make(const struct muster_bpf *programs, const struct kernel_side *side,
                                  const struct muster_sensor_options *options)
{
    return (struct kept_meta){
        .magic = KEPT_MAGIC,
        .abi = SENSOR_ABI_VERSION,
        .record_version = MUSTER_RECORD_VERSION,
        .epoch = epoch_choose(),
        .created_ns = sensor_now_ns(),
        .build = build_hash(),
        .layout = kept_layout(),
        .ring_bytes = bpf_map__max_entries(programs->maps.ring),
        .filter = filter_hash(options->filter),
        .control_offset = (uint64_t)((const char *)side->control - (const char *)side->control_memory),
        .forks = options->forks,
        .cpu_count = side->cpu_count,
    };
}

/* Exits first: an exit whose start nobody reported is better than the reverse. (The side is closed as yet.) */
static bool programs_attach(const struct muster_bpf *programs, const char *folder, bool forks)
{
    const struct {
        const struct bpf_program *program;
        const char *name;
    } attached[] = {{programs->progs.process_exit, "exit_link"},
                    {programs->progs.process_exec, "exec_link"},
                    {programs->progs.process_fork, "fork_link"}};

    for (unsigned i = 0; i < (forks ? 3U : 2U); i++) {
        struct bpf_link *link = bpf_program__attach(attached[i].program);
        bool pinned = link && pin_put(bpf_link__fd(link), folder, attached[i].name);
        int error = errno;

        bpf_link__destroy(link); /* the pin keeps it attached, and nothing else does */
        errno = error;
        if (!pinned)
            return false;
    }
    return true;
}

static bool side_pin(struct kernel_side *side, const struct muster_bpf *programs, const char *folder,
                     const struct muster_sensor_options *options)
{
    struct kept_meta meta;

    if (!kernel_side_of_programs(side, programs))
        return false;
    __atomic_store_n(&side->control->sequence, SENSOR_CLOSED_BIT, __ATOMIC_SEQ_CST);
    meta = meta_make(programs, side, options);
    return kernel_side_keep(side, &meta) && kernel_side_pin(side, folder) &&
           programs_attach(programs, folder, options->forks);
}

/* From here on it numbers. */
static void side_open_gate(struct kernel_side *side)
{
    (void)__atomic_fetch_and(&side->control->sequence, ~SENSOR_CLOSED_BIT, __ATOMIC_SEQ_CST);
    side->area->meta.attached_ns = sensor_now_ns();
}

static bool side_make(struct muster_kept *kept, const struct muster_bpf *programs,
                      const struct muster_sensor_options *options, uint64_t *ret_epoch)
{
    char unfinished[KEPT_FOLDER_BYTES], folder[KEPT_FOLDER_BYTES];
    struct kernel_side side;
    bool done;

    kernel_side_init(&side);
    (void)snprintf(unfinished, sizeof(unfinished), "%s/" KEPT_UNFINISHED, kept->path);
    done = mkdir(unfinished, 0700) == 0 && side_pin(&side, programs, unfinished, options);
    if (done) {
        kept_side_folder(kept, side.area->meta.epoch, folder);
        done = rename(unfinished, folder) == 0;
    }
    if (done) {
        side_open_gate(&side);
        *ret_epoch = side.area->meta.epoch;
    }
    kernel_side_deinit(&side);
    return done;
}

bool muster_kept_create(struct muster_kept *kept, const struct muster_sensor_options *options, uint64_t *ret_epoch,
                        struct muster_sensor_error *ret_error)
{
    struct muster_bpf *programs;
    bool done;
    int error;

    muster_kept_tidy(kept);
    programs = sensor_load(options, ret_error);
    if (!programs)
        return false;
    done = side_make(kept, programs, options, ret_epoch);
    error = errno;
    muster_bpf__destroy(programs);
    if (!done) {
        muster_kept_tidy(kept);
        (void)sensor_fail(ret_error, error, "cannot keep the kernel side");
    }
    return done;
}
