/* SPDX-License-Identifier: Apache-2.0 */
/* iterator.h */
#include "iterator.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sensor_internal.h"

#define STALL_NS 2000000000U /* without a further process */

/* ---- the list ------------------------------------------------------------------------------------ */

bool stash_add(struct stash *stash, const void *record, size_t size_bytes)
{
    if (stash->capacity - stash->used < size_bytes) {
        size_t capacity = 2 * (stash->capacity + size_bytes);
        unsigned char *bytes = realloc(stash->bytes, capacity);

        if (!bytes)
            return false;
        stash->bytes = bytes;
        stash->capacity = capacity;
    }
    memcpy(stash->bytes + stash->used, record, size_bytes);
    stash->used += size_bytes;
    return true;
}

struct muster_process_start *stash_next(const struct stash *stash, size_t *at)
{
    struct muster_process_start *start;

    if (*at >= stash->used)
        return NULL;
    start = (void *)(stash->bytes + *at);
    *at += start->record.size_bytes;
    return start;
}

/* The iterator cannot see argc; where the arguments are whole, it is their number. */
static void args_count_fill(struct muster_process_start *start)
{
    struct muster_text args;
    uint32_t count = 0;

    if (!muster_record_text(&start->record, MUSTER_FIELD_ARGS, &args) || args.size_bytes != args.full_bytes)
        return;
    for (uint32_t i = 0; i < args.size_bytes; i++)
        count += args.bytes[i] == 0;
    if (args.size_bytes > 0 && args.bytes[args.size_bytes - 1] != 0)
        count++;
    start->args_count = count;
    start->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_ARGS_COUNT);
}

void found_complete(struct muster_process_start *start)
{
    start->record.flags &= (uint8_t) ~(FOUND_FORKED | FOUND_UNSURE);
    args_count_fill(start);
}

/* ---- the child ----------------------------------------------------------------------------------- */

/* Runs the iterator to its end. */
static void iterate(int iterator_fd)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    char unused[64];
    ssize_t got;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* It may outlive its parent, and must not hold the parent's output open. */
    close_range(0, (unsigned)iterator_fd - 1, 0);
    close_range((unsigned)iterator_fd + 1, ~0U, 0);
    for (;;) {
        got = read(iterator_fd, unused, sizeof(unused));
        if (got == 0)
            _exit(0);
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            _exit(errno);
        if (got < 0) /* the ring is full, until the parent has read it */
            nanosleep(&pause, NULL);
    }
}

/* Without the process that runs the iterator. A record that is refused is no loss: its process is
 * then read from /proc. */
static bool ring_to_stash(struct iterator *iterator)
{
    struct ring *ring = &iterator->ring;
    const struct muster_record *record;
    uint32_t size_bytes;
    const void *bytes;

    while ((bytes = ring_next(ring, &size_bytes)) != NULL) {
        if (muster_record_validate(bytes, size_bytes, &record) == MUSTER_OK &&
            ((const struct muster_process_start *)bytes)->process.pid != (uint32_t)iterator->child &&
            !stash_add(&iterator->stash, record, size_bytes))
            return false;
        ring_ack(ring, ring->position);
    }
    return true;
}

/* What an earlier run has left there, which was not read to its end. */
static void ring_clear(struct ring *ring)
{
    uint32_t size_bytes;

    while (ring_next(ring, &size_bytes) != NULL)
        ring_ack(ring, ring->position);
}

static bool child_start(struct iterator *iterator)
{
    iterator->progress_ns = sensor_now_ns();
    iterator->child = fork();
    if (iterator->child == 0)
        iterate(iterator->fd);
    return iterator->child > 0;
}

static size_t map_entries(int fd)
{
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);

    return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.max_entries : 0;
}

bool iterator_begin(struct iterator *iterator, int program_fd, int ring_fd)
{
    *iterator = (struct iterator){.fd = -1};
    iterator->link_fd = bpf_link_create(program_fd, 0, BPF_TRACE_ITER, NULL);
    if (iterator->link_fd >= 0)
        iterator->fd = bpf_iter_create(iterator->link_fd);
    if (iterator->fd >= 0 && ring_init(&iterator->ring, ring_fd, map_entries(ring_fd))) {
        ring_clear(&iterator->ring);
        iterator->position = iterator->ring.position;
        if (child_start(iterator))
            return true;
    }
    iterator->child = 0;
    (void)iterator_end(iterator);
    return false;
}

enum iterator_state iterator_step(struct iterator *iterator)
{
    int status = 0;
    pid_t ended = waitpid(iterator->child, &status, WNOHANG);

    if (!ring_to_stash(iterator))
        return ITERATOR_FAILED;
    if (ended != 0) {
        iterator->child = 0;
        errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
        return ended > 0 && WIFEXITED(status) && errno == 0 ? ITERATOR_DONE : ITERATOR_FAILED;
    }
    if (iterator->ring.position != iterator->position)
        iterator->progress_ns = sensor_now_ns();
    iterator->position = iterator->ring.position;
    return sensor_now_ns() - iterator->progress_ns < STALL_NS ? ITERATOR_RUNNING : ITERATOR_STALLED;
}

bool iterator_end(struct iterator *iterator)
{
    int error = errno;

    if (iterator->child > 0) {
        kill(iterator->child, SIGKILL);
        if (waitpid(iterator->child, NULL, WNOHANG) != 0)
            iterator->child = 0;
    }
    ring_deinit(&iterator->ring);
    if (iterator->fd >= 0)
        close(iterator->fd);
    if (iterator->link_fd >= 0)
        close(iterator->link_fd);
    iterator->fd = iterator->link_fd = -1;
    errno = error;
    return iterator->child == 0;
}
