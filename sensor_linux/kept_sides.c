/* SPDX-License-Identifier: Apache-2.0 */
/* muster/kept.h: the sides in the folder, looked at, ended and taken away. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kept_internal.h"
#include "sensor_internal.h"

#define EPOCH_DIGITS   16
#define LINK_SUFFIX    "_link"
#define LOOK_TRIES     20
#define DETACH_WAIT_MS 100 /* for links whose last reference the kernel drops in its own time */

void kept_side_folder(const struct muster_kept *kept, uint64_t epoch, char ret_folder[KEPT_FOLDER_BYTES])
{
    (void)snprintf(ret_folder, KEPT_FOLDER_BYTES, "%s/%016" PRIx64, kept->path, epoch);
}

uint64_t program_misses(int program_fd)
{
    struct bpf_prog_info info = {0};
    __u32 size = sizeof(info);

    return program_fd >= 0 && bpf_obj_get_info_by_fd(program_fd, &info, &size) == 0 ? info.recursion_misses : 0;
}

/* ---- looking ------------------------------------------------------------------------------------- */

static uint64_t position_read(int ring_fd, off_t page)
{
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    const uint64_t *word = mmap(NULL, page_bytes, PROT_READ, MAP_SHARED, ring_fd, page * (off_t)page_bytes);
    uint64_t position;

    if (word == MAP_FAILED)
        return 0;
    position = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    munmap((void *)(uintptr_t)word, page_bytes);
    return position;
}

static size_t ring_bytes(int ring_fd)
{
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);

    return bpf_obj_get_info_by_fd(ring_fd, &info, &size) == 0 ? info.max_entries : 0;
}

/* As an account would find it. An agent may be at work meanwhile, so what does not fit together is looked at again. */
static bool state_read(const struct kernel_side *kernel, const struct muster_kept_side *side, uint64_t *ret_word,
                       struct journal_state *ret_state)
{
    bool done = false;

    for (unsigned tries = 0; tries < LOOK_TRIES && !done; tries++) {
        uint64_t consumer = position_read(kernel->ring_fd, 0), producer = consumer + side->buffer_bytes;
        const struct ring ring = {
            .consumer_position = &consumer, .producer_position = &producer, .size_bytes = side->buffer_bytes};

        *ret_word = __atomic_load_n(&kernel->control->sequence, __ATOMIC_SEQ_CST);
        done = account_can_open(&kernel->area->journal, *ret_word, &ring, ret_state);
    }
    return done;
}

/* Of generations that are not settled. */
static uint64_t filtered_count(const struct kernel_side *kernel)
{
    uint64_t count = 0;

    for (uint32_t cpu = 0; cpu < kernel->cpu_count; cpu++)
        for (unsigned program = 0; program < SENSOR_PROGRAM_COUNT; program++) {
            const struct sensor_slot *slot = &kernel->cpus[cpu].programs[program];

            count += __atomic_load_n(&slot->filtered[0], __ATOMIC_RELAXED) +
                     __atomic_load_n(&slot->filtered[1], __ATOMIC_RELAXED);
        }
    return count;
}

static bool state_look(const struct kernel_side *kernel, struct muster_kept_side *side)
{
    struct journal_state state;
    uint64_t word, known, filtered;

    if (!state_read(kernel, side, &word, &state))
        return false;
    known = state.acknowledged + state.filtered;
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        known += cause == MUSTER_CAUSE_PROGRAM_MISSED ? 0 : state.dropped[cause];
    side->numbers = word & SENSOR_SEQUENCE_MASK;
    side->recording = !(word & SENSOR_CLOSED_BIT);
    side->acknowledged = state.acknowledged;
    side->unsettled = side->numbers > known ? side->numbers - known : 0;
    filtered = filtered_count(kernel);
    side->held = side->unsettled > filtered ? side->unsettled - filtered : 0;
    side->gaps_untold = state.gaps_made - state.gaps_acknowledged;
    side->end_told = (state.flags & JOURNAL_END_TOLD) != 0;
    for (unsigned i = 0; i < SENSOR_PROGRAM_COUNT; i++)
        side->gaps_untold += program_misses(kernel->program_fds[i]) > state.missed[i];
    return true;
}

/* Of a side that is not ours to understand: whether a link is there still. */
static bool has_links(const char *folder)
{
    int fd = pin_get(folder, "exec_link");

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* The ring's positions: Linux, kernel/bpf/ringbuf.c, the consumer's in the first page, the producer's in the second.
 * The agent's is read first: it is never ahead. */
static void side_fill(struct kernel_side *kernel, const char *folder, struct muster_kept_side *side)
{
    const struct kept_meta *meta = &kernel->area->meta;
    uint64_t consumer = position_read(kernel->ring_fd, 0);

    *side = (struct muster_kept_side){
        .epoch = meta->epoch,
        .created_ns = meta->created_ns,
        .build = meta->build,
        .abi = meta->abi,
        .records_known = meta->magic == KEPT_MAGIC && meta->record_version == MUSTER_RECORD_VERSION,
        .buffer_bytes = ring_bytes(kernel->ring_fd),
        .unacknowledged_bytes = position_read(kernel->ring_fd, 1) - consumer,
    };
    side->readable =
        kept_meta_is_readable(meta) && kernel_side_open_rest(kernel, folder, false) && state_look(kernel, side);
    if (side->readable) {
        side->forks = meta->forks != 0;
        side->filter = meta->filter;
    } else {
        side->recording = has_links(folder);
    }
}

static bool side_look(const char *folder, struct muster_kept_side *side)
{
    struct kernel_side kernel;
    bool there = kernel_side_open_area(&kernel, folder, false);

    if (there)
        side_fill(&kernel, folder, side);
    kernel_side_deinit(&kernel);
    return there;
}

static int side_compare(const void *a, const void *b)
{
    const struct muster_kept_side *left = a, *right = b;

    return left->created_ns < right->created_ns ? -1 : left->created_ns > right->created_ns;
}

static bool name_is_epoch(const char *name)
{
    return strlen(name) == EPOCH_DIGITS && strspn(name, "0123456789abcdef") == EPOCH_DIGITS;
}

/* Calls `each` for each name in a folder; it may take that away. */
static bool names_walk(const char *folder, void (*each)(void *context, const char *name), void *context)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    char names[64][32];
    size_t count = 0;

    if (!directory)
        return false;
    while (count < 64 && (entry = readdir(directory)) != NULL)
        if (entry->d_name[0] != '.' && strlen(entry->d_name) < sizeof(names[0]))
            strcpy(names[count++], entry->d_name);
    closedir(directory);
    for (size_t i = 0; i < count; i++)
        each(context, names[i]);
    return true;
}

struct listing {
    const struct muster_kept *kept;
    struct muster_kept_side *sides;
    size_t count, capacity;
};

static void side_list(void *context, const char *name)
{
    struct listing *listing = context;
    char folder[KEPT_FOLDER_BYTES];

    if (!name_is_epoch(name) || listing->count == listing->capacity)
        return;
    kept_side_folder(listing->kept, strtoull(name, NULL, 16), folder);
    if (side_look(folder, &listing->sides[listing->count]))
        listing->count++;
}

size_t muster_kept_list(const struct muster_kept *kept, struct muster_kept_side *ret_sides, size_t capacity)
{
    struct listing listing = {.kept = kept, .sides = ret_sides, .capacity = capacity};

    (void)names_walk(kept->path, side_list, &listing);
    qsort(ret_sides, listing.count, sizeof(*ret_sides), side_compare);
    return listing.count;
}

bool muster_kept_is_finished(const struct muster_kept_side *side)
{
    /* One that never gave a number was never read, or has nothing to say. */
    return side->readable && !side->recording && side->unsettled == 0 && side->gaps_untold == 0 &&
           (side->end_told || side->numbers == 0);
}

/* ---- ending -------------------------------------------------------------------------------------- */

struct removal {
    const char *folder;
    bool links_only;
    bool failed;
};

static void name_remove(void *context, const char *name)
{
    struct removal *removal = context;
    const char *suffix = strstr(name, LINK_SUFFIX);
    char path[KEPT_FOLDER_BYTES + 32];

    if (removal->links_only && !(suffix && strcmp(suffix, LINK_SUFFIX) == 0))
        return;
    (void)snprintf(path, sizeof(path), "%s/%s", removal->folder, name);
    removal->failed |= unlink(path) != 0;
}

static bool names_remove(const char *folder, bool links_only)
{
    struct removal removal = {.folder = folder, .links_only = links_only};

    return names_walk(folder, name_remove, &removal) && !removal.failed;
}

/* From here on the programs give no more numbers, whether they are attached or not. False where the side is not ours to
 * understand. */
static bool side_close_gate(const char *folder)
{
    struct kernel_side kernel;
    bool done = kernel_side_open_area(&kernel, folder, true) && kept_meta_is_readable(&kernel.area->meta) &&
                kernel_side_open_rest(&kernel, folder, true);

    if (done)
        (void)__atomic_fetch_or(&kernel.control->sequence, SENSOR_CLOSED_BIT, __ATOMIC_SEQ_CST);
    kernel_side_deinit(&kernel);
    return done;
}

bool muster_kept_end(const struct muster_kept *kept, uint64_t epoch)
{
    const struct timespec pause = {.tv_nsec = DETACH_WAIT_MS * 1000000L};
    char folder[KEPT_FOLDER_BYTES];
    bool closed, done;

    kept_side_folder(kept, epoch, folder);
    closed = side_close_gate(folder);
    done = names_remove(folder, true);
    if (!closed)
        nanosleep(&pause, NULL);
    programs_wait();
    return done;
}

static bool folder_remove(const char *folder)
{
    return names_remove(folder, false) && rmdir(folder) == 0;
}

bool muster_kept_remove(struct muster_kept *kept, uint64_t epoch)
{
    char folder[KEPT_FOLDER_BYTES];

    kept_side_folder(kept, epoch, folder);
    return folder_remove(folder);
}

void muster_kept_tidy(struct muster_kept *kept)
{
    char folder[KEPT_FOLDER_BYTES];

    (void)snprintf(folder, sizeof(folder), "%s/" KEPT_UNFINISHED, kept->path);
    (void)folder_remove(folder);
}
