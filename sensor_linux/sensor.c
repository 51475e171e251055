/* SPDX-License-Identifier: Apache-2.0 */
/* muster/sensor.h on Linux: the sensor's life and its reading side. */
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sensor_internal.h"

#define NS_PER_S 1000000000ULL

uint64_t sensor_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static bool cpus_map(struct muster_sensor *sensor)
{
    uint32_t count = bpf_map__max_entries(sensor->programs->maps.cpus);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *memory;

    sensor->cpus_bytes = (count * sizeof(struct sensor_cpu) + page - 1) / page * page;
    memory =
        mmap(NULL, sensor->cpus_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(sensor->programs->maps.cpus), 0);
    if (memory == MAP_FAILED)
        return false;
    sensor->cpus = memory;
    intake_init(&sensor->intake, &sensor->programs->bss->control, sensor->cpus, count, sensor_now_ns());
    return true;
}

static bool wake_fd_open(struct muster_sensor *sensor)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};

    sensor->wake_fd = epoll_create1(EPOLL_CLOEXEC);
    return sensor->wake_fd >= 0 &&
           epoll_ctl(sensor->wake_fd, EPOLL_CTL_ADD, bpf_map__fd(sensor->programs->maps.ring), &event) == 0;
}

static uint64_t epoch_choose(void)
{
    uint64_t epoch = 0;

    if (getrandom(&epoch, sizeof(epoch), 0) != sizeof(epoch))
        epoch = sensor_now_ns(); /* better than none */
    return epoch;
}

uint64_t muster_sensor_epoch(const struct muster_sensor *sensor)
{
    return sensor->epoch;
}

bool muster_sensor_open(const struct muster_sensor_options *options, struct muster_sensor **ret_sensor,
                        struct muster_sensor_error *ret_error)
{
    struct muster_sensor *sensor = calloc(1, sizeof(*sensor));

    if (!sensor)
        return sensor_fail(ret_error, ENOMEM, "cannot start the sensor");
    sensor->wake_fd = -1;
    sensor->epoch = epoch_choose();
    sensor->options = *options;
    sensor->programs = sensor_load(options, ret_error);
    if (!sensor->programs)
        goto failed;
    if (!ring_init(&sensor->intake.ring, bpf_map__fd(sensor->programs->maps.ring), options->buffer_bytes) ||
        !cpus_map(sensor) || !wake_fd_open(sensor)) {
        sensor_fail(ret_error, errno, "cannot map the sensor's memory");
        goto failed;
    }
    *ret_sensor = sensor;
    return true;
failed:
    muster_sensor_close(sensor);
    return false;
}

/* Exits first, and last to go: an exit whose start nobody reported is better than the reverse. */
bool muster_sensor_attach(struct muster_sensor *sensor, struct muster_sensor_error *ret_error)
{
    struct bpf_program *programs[SENSOR_PROGRAM_COUNT] = {
        sensor->programs->progs.process_exit,
        sensor->programs->progs.process_exec,
        sensor->programs->progs.process_fork,
    };
    size_t count = sensor->options.forks ? 3 : 2;

    for (size_t i = 0; i < count; i++) {
        sensor->links[i] = bpf_program__attach(programs[i]);
        if (!sensor->links[i])
            return sensor_fail(ret_error, errno, "cannot attach to the kernel's tracepoints");
    }
    sensor->attached_ns = sensor_now_ns();
    return true;
}

const struct muster_record *muster_sensor_next(struct muster_sensor *sensor, uint64_t *ret_position)
{
    return intake_next(&sensor->intake, ret_position);
}

void muster_sensor_unread(struct muster_sensor *sensor, const struct muster_record *record)
{
    intake_unread(&sensor->intake, record);
}

void muster_sensor_ack(struct muster_sensor *sensor, uint64_t position)
{
    intake_ack(&sensor->intake, position);
}

intptr_t muster_sensor_wake_handle(const struct muster_sensor *sensor)
{
    return sensor->wake_fd;
}

bool muster_sensor_arm(struct muster_sensor *sensor, bool quiet)
{
    struct epoll_event event;

    /* Forget a wake-up that belongs to what has been read. */
    (void)epoll_wait(sensor->wake_fd, &event, 1, 0);
    return intake_arm(&sensor->intake, quiet);
}

bool muster_sensor_alive(const struct muster_sensor *sensor, struct muster_sensor_error *ret_error)
{
    (void)sensor;
    (void)ret_error;
    return true; /* the programs are ours, and stay while we do */
}

bool muster_sensor_filters(void)
{
    return true;
}

bool muster_sensor_has_losses(const struct muster_sensor *sensor)
{
    return account_has_losses(&sensor->intake.account);
}

/* Runs of each program that the kernel skipped, ever; an old kernel that cannot say says 0. */
static void missed_runs(const struct muster_sensor *sensor, uint64_t ret_missed[SENSOR_PROGRAM_COUNT])
{
    const struct bpf_program *programs[SENSOR_PROGRAM_COUNT] = {
        sensor->programs->progs.process_exec,
        sensor->programs->progs.process_exit,
        sensor->programs->progs.process_fork,
    };

    for (unsigned i = 0; i < SENSOR_PROGRAM_COUNT; i++) {
        struct bpf_prog_info info = {0};
        __u32 size = sizeof(info);
        int fd = bpf_program__fd(programs[i]);

        ret_missed[i] = fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.recursion_misses : 0;
    }
}

bool muster_sensor_account(struct muster_sensor *sensor, muster_sensor_tell_gap tell, void *context)
{
    uint64_t missed[SENSOR_PROGRAM_COUNT], now_ns = sensor_now_ns();

    missed_runs(sensor, missed);
    return intake_account(&sensor->intake, missed, now_ns, tell, context);
}

void muster_sensor_counts(const struct muster_sensor *sensor, struct muster_sensor_counts *ret_counts)
{
    intake_counts(&sensor->intake, ret_counts);
}

void muster_sensor_buffer(const struct muster_sensor *sensor, struct muster_sensor_buffer *ret_buffer)
{
    struct muster_record oldest;

    *ret_buffer = (struct muster_sensor_buffer){
        .size_bytes = sensor->intake.ring.size_bytes,
        .used_bytes = ring_used(&sensor->intake.ring),
    };
    if (ring_oldest(&sensor->intake.ring, &oldest, sizeof(oldest)))
        ret_buffer->oldest_ns = oldest.time_ns;
}

void muster_sensor_detach(struct muster_sensor *sensor)
{
    /* In reverse: the exit of a start that was reported is reported too. */
    for (size_t i = SENSOR_PROGRAM_COUNT; i-- > 0;) {
        bpf_link__destroy(sensor->links[i]);
        sensor->links[i] = NULL;
    }
    /* A program that had begun when its link went may still be running. Tracepoints run within an
     * RCU read-side section, and this waits for all of those (membarrier(2): since Linux 4.14 the
     * global command is synchronize_rcu). */
    (void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

void muster_sensor_close(struct muster_sensor *sensor)
{
    if (!sensor)
        return;
    muster_sensor_detach(sensor);
    if (sensor->wake_fd >= 0)
        close(sensor->wake_fd);
    if (sensor->cpus)
        munmap(sensor->cpus, sensor->cpus_bytes);
    ring_deinit(&sensor->intake.ring);
    intake_deinit(&sensor->intake);
    if (sensor->programs)
        muster_bpf__destroy(sensor->programs);
    free(sensor);
}
