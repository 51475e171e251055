/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_side.h */
#include "kernel_side.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "account.h"
#include "known.h"
#include "sensor_internal.h"

#define PATH_BYTES 512

const char *const pin_programs[SENSOR_PROGRAM_COUNT] = {"exec", "exit", "fork"};

uint64_t hash_bytes(const void *bytes, size_t size_bytes)
{
    const unsigned char *at = bytes;
    uint64_t hash = 0xcbf29ce484222325ULL; /* FNV-1a */

    for (size_t i = 0; i < size_bytes; i++)
        hash = (hash ^ at[i]) * 0x100000001b3ULL;
    return hash;
}

uint64_t kept_layout(void)
{
    const uint64_t sizes[] = {sizeof(struct kept_area),
                              sizeof(struct known_head),
                              sizeof(struct known_slot),
                              sizeof(struct journal_state),
                              sizeof(struct muster_gap),
                              sizeof(struct sensor_slot),
                              sizeof(struct sensor_cpu),
                              sizeof(struct sensor_loss),
                              sizeof(struct sensor_control),
                              SENSOR_PROGRAM_COUNT,
                              SENSOR_CAUSE_COUNT,
                              SENSOR_SEQUENCE_MASK,
                              MUSTER_CAUSE_COUNT};

    return hash_bytes(sizes, sizeof(sizes));
}

bool kept_meta_is_readable(const struct kept_meta *meta)
{
    return meta->magic == KEPT_MAGIC && meta->abi == SENSOR_ABI_VERSION && meta->layout == kept_layout() &&
           meta->record_version == MUSTER_RECORD_VERSION;
}

static size_t whole_pages(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (bytes + page - 1) / page * page;
}

/* ---- life ---------------------------------------------------------------------------------------- */

void kernel_side_init(struct kernel_side *side)
{
    *side = (struct kernel_side){.ring_fd = -1,
                                 .cpus_fd = -1,
                                 .control_fd = -1,
                                 .journal_fd = -1,
                                 .iterator_fd = -1,
                                 .iterator_ring_fd = -1,
                                 .known_fd = -1};
    for (unsigned i = 0; i < SENSOR_PROGRAM_COUNT; i++)
        side->program_fds[i] = -1;
}

static void fd_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

void kernel_side_deinit(struct kernel_side *side)
{
    int error = errno;

    if (side->control_memory)
        munmap(side->control_memory, side->control_bytes);
    if (side->cpus)
        munmap(side->cpus, side->cpus_bytes);
    if (side->area)
        munmap(side->area, side->area_bytes);
    if (side->known_memory)
        munmap(side->known_memory, whole_pages(side->known_bytes));
    fd_close(side->ring_fd);
    fd_close(side->cpus_fd);
    fd_close(side->control_fd);
    fd_close(side->journal_fd);
    fd_close(side->iterator_fd);
    fd_close(side->iterator_ring_fd);
    fd_close(side->known_fd);
    for (unsigned i = 0; i < SENSOR_PROGRAM_COUNT; i++)
        fd_close(side->program_fds[i]);
    kernel_side_init(side);
    errno = error;
}

/* ---- mapping ------------------------------------------------------------------------------------- */

/* The whole array. NULL with errno set. (A map that was opened to be read alone cannot be mapped at all: a shared
 * mapping of such a file is none for the kernel, and it wants one.) */
static void *array_map(int fd, bool write, size_t *ret_bytes, uint32_t *ret_count)
{
    struct bpf_map_info info = {0};
    __u32 info_size = sizeof(info);
    void *memory;

    if (bpf_obj_get_info_by_fd(fd, &info, &info_size) != 0)
        return NULL;
    *ret_count = info.max_entries;
    /* Each value is at a multiple of 8. */
    *ret_bytes = whole_pages((size_t)((info.value_size + 7U) & ~7U) * info.max_entries);
    memory = mmap(NULL, *ret_bytes, write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static bool control_map(struct kernel_side *side, bool write, size_t offset)
{
    uint32_t count;

    side->control_memory = array_map(side->control_fd, write, &side->control_bytes, &count);
    if (!side->control_memory || offset + sizeof(struct sensor_control) > side->control_bytes)
        return false;
    side->control = (struct sensor_control *)(void *)((char *)side->control_memory + offset);
    return true;
}

static bool cpus_map(struct kernel_side *side, bool write)
{
    side->cpus = array_map(side->cpus_fd, write, &side->cpus_bytes, &side->cpu_count);
    return side->cpus && side->cpus_bytes >= side->cpu_count * sizeof(struct sensor_cpu);
}

static bool area_map(struct kernel_side *side, bool write)
{
    uint32_t count;

    side->area = array_map(side->journal_fd, write, &side->area_bytes, &count);
    return side->area != NULL;
}

static bool known_map(struct kernel_side *side)
{
    uint32_t count;

    side->known_memory = array_map(side->known_fd, true, &side->known_bytes, &count);
    if (side->known_memory)
        side->known_bytes = count * sizeof(struct known_slot); /* without what only fills the last page */
    return side->known_memory != NULL;
}

/* ---- of loaded programs ---------------------------------------------------------------------------- */

static int fd_copy(int fd)
{
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

bool kernel_side_of_programs(struct kernel_side *side, const struct muster_bpf *programs)
{
    const struct bpf_program *numbered[SENSOR_PROGRAM_COUNT] = {
        programs->progs.process_exec, programs->progs.process_exit, programs->progs.process_fork};
    size_t offset = (size_t)((const char *)&programs->bss->control - (const char *)programs->bss);

    kernel_side_init(side);
    side->ring_fd = fd_copy(bpf_map__fd(programs->maps.ring));
    side->cpus_fd = fd_copy(bpf_map__fd(programs->maps.cpus));
    side->control_fd = fd_copy(bpf_map__fd(programs->maps.bss));
    side->iterator_fd = fd_copy(bpf_program__fd(programs->progs.process_running));
    side->iterator_ring_fd = fd_copy(bpf_map__fd(programs->maps.baseline_ring));
    for (unsigned i = 0; i < SENSOR_PROGRAM_COUNT; i++)
        side->program_fds[i] = fd_copy(bpf_program__fd(numbered[i]));
    return side->ring_fd >= 0 && side->cpus_fd >= 0 && side->control_fd >= 0 && control_map(side, true, offset) &&
           cpus_map(side, true);
}

bool kernel_side_keep(struct kernel_side *side, const struct kept_meta *meta)
{
    const struct bpf_map_create_opts options = {.sz = sizeof(options), .map_flags = BPF_F_MMAPABLE};

    side->journal_fd =
        bpf_map_create(BPF_MAP_TYPE_ARRAY, "muster_journal", sizeof(__u32), sizeof(struct kept_area), 1, &options);
    side->known_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "muster_known", sizeof(__u32), sizeof(struct known_slot),
                                    known_capacity() + KNOWN_HEAD_SLOTS, &options);
    if (side->journal_fd < 0 || side->known_fd < 0 || !area_map(side, true))
        return false;
    side->area->meta = *meta;
    account_journal_begin(&side->area->journal, sensor_now_ns());
    return true;
}

/* ---- pins ---------------------------------------------------------------------------------------- */

static bool path_make(char path[PATH_BYTES], const char *folder, const char *name)
{
    int length = snprintf(path, PATH_BYTES, "%s/%s", folder, name);

    errno = ENAMETOOLONG;
    return length > 0 && length < PATH_BYTES;
}

bool pin_put(int fd, const char *folder, const char *name)
{
    char path[PATH_BYTES];

    return path_make(path, folder, name) && bpf_obj_pin(fd, path) == 0;
}

int pin_get(const char *folder, const char *name)
{
    char path[PATH_BYTES];

    return path_make(path, folder, name) ? bpf_obj_get(path) : -1;
}

bool kernel_side_pin(const struct kernel_side *side, const char *folder)
{
    for (unsigned i = 0; i < SENSOR_PROGRAM_COUNT; i++)
        if (side->program_fds[i] >= 0 && !pin_put(side->program_fds[i], folder, pin_programs[i]))
            return false;
    return pin_put(side->ring_fd, folder, "ring") && pin_put(side->cpus_fd, folder, "cpus") &&
           pin_put(side->control_fd, folder, "control") && pin_put(side->journal_fd, folder, "journal") &&
           pin_put(side->iterator_fd, folder, "running") && pin_put(side->iterator_ring_fd, folder, "running_ring") &&
           pin_put(side->known_fd, folder, "known");
}

bool kernel_side_open_area(struct kernel_side *side, const char *folder, bool write)
{
    kernel_side_init(side);
    side->journal_fd = pin_get(folder, "journal");
    side->ring_fd = pin_get(folder, "ring");
    return side->journal_fd >= 0 && side->ring_fd >= 0 && area_map(side, write);
}

bool kernel_side_open_rest(struct kernel_side *side, const char *folder, bool write)
{
    side->cpus_fd = pin_get(folder, "cpus");
    side->control_fd = pin_get(folder, "control");
    for (unsigned i = 0; i < SENSOR_PROGRAM_COUNT; i++)
        side->program_fds[i] = pin_get(folder, pin_programs[i]); /* one that is not there was not asked for */
    if (write) {
        side->iterator_fd = pin_get(folder, "running");
        side->iterator_ring_fd = pin_get(folder, "running_ring");
        side->known_fd = pin_get(folder, "known");
    }
    return side->cpus_fd >= 0 && side->control_fd >= 0 && control_map(side, write, side->area->meta.control_offset) &&
           cpus_map(side, write) && (!write || known_map(side));
}
