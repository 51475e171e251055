/* SPDX-License-Identifier: Apache-2.0 */
/* muster/sensor.h on Linux: the sensor's life and its reading side. */
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kept_internal.h"
#include "sensor_internal.h"

#define NS_PER_S       1000000000ULL
#define CLOCK_SLACK_NS 1000000 /* a difference below that is one of measuring */

uint64_t sensor_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static bool wake_fd_open(struct muster_sensor *sensor)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};

    sensor->wake_fd = epoll_create1(EPOLL_CLOEXEC);
    return sensor->wake_fd >= 0 && epoll_ctl(sensor->wake_fd, EPOLL_CTL_ADD, sensor->side.ring_fd, &event) == 0;
}

uint64_t epoch_choose(void)
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

/* A filter that is not the side's own cannot be: another filter is another side. */
static void known_prepare(struct muster_sensor *sensor, bool forks, const struct muster_filter *filter)
{
    struct reconcile *reconcile = &sensor->reconcile;

    reconcile->forks = forks;
    reconcile->filter = filter && filter->active ? filter : NULL;
    reconcile->ready_position = __atomic_load_n(sensor->intake.ring.producer_position, __ATOMIC_ACQUIRE);
    if (in_initial_pid_namespace() && sensor->side.iterator_fd >= 0 && sensor->side.iterator_ring_fd >= 0)
        reconcile_open(reconcile, sensor->side.known_memory, sensor->side.known_bytes);
}

static bool own_side_open(struct muster_sensor *sensor, struct muster_sensor_error *ret_error)
{
    struct kernel_side *side = &sensor->side;

    sensor->epoch = epoch_choose();
    sensor->programs = sensor_load(&sensor->options, ret_error);
    if (!sensor->programs)
        return false;
    if (!kernel_side_of_programs(side, sensor->programs) ||
        !ring_init(&sensor->intake.ring, side->ring_fd, sensor->options.buffer_bytes))
        return sensor_fail(ret_error, errno, "cannot map the sensor's memory");
    intake_init(&sensor->intake, side->control, side->cpus, side->cpu_count, sensor_now_ns());
    sensor->intake_opened = true;
    known_prepare(sensor, sensor->options.forks, sensor->options.filter);
    return true;
}

/* Of a side that this program cannot account for. */
static bool records_open(struct muster_sensor *sensor, struct muster_sensor_error *ret_error)
{
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);

    if (bpf_obj_get_info_by_fd(sensor->side.ring_fd, &info, &size) != 0 ||
        !ring_init(&sensor->intake.ring, sensor->side.ring_fd, info.max_entries))
        return sensor_fail(ret_error, errno, "cannot map the ring of the kernel side that was kept");
    intake_init(&sensor->intake, &sensor->no_control, &sensor->no_cpu, 0, sensor_now_ns());
    sensor->records_only = sensor->intake_opened = true;
    return true;
}

static bool kept_side_take(struct muster_sensor *sensor, const char *folder, struct muster_sensor_error *ret_error)
{
    struct kernel_side *side = &sensor->side;
    struct kept_meta *meta = &side->area->meta;

    if (!kernel_side_open_rest(side, folder, true) || !ring_init(&sensor->intake.ring, side->ring_fd, meta->ring_bytes))
        return sensor_fail(ret_error, errno, "cannot map the kernel side that was kept");
    if (!intake_open(&sensor->intake, &side->area->journal, side->control, side->cpus, side->cpu_count)) {
        ring_deinit(&sensor->intake.ring);
        return records_open(sensor, ret_error); /* muster_kept_list says so of such a one */
    }
    sensor->intake_opened = true;
    if (meta->attached_ns == 0)
        meta->attached_ns = sensor_now_ns(); /* whoever made it died before it could say */
    sensor->attached_ns = meta->attached_ns;
    known_prepare(sensor, meta->forks != 0, sensor->options.filter);
    return true;
}

static bool kept_side_open(struct muster_sensor *sensor, struct muster_sensor_error *ret_error)
{
    char folder[KEPT_FOLDER_BYTES];

    kept_side_folder(sensor->options.kept, sensor->options.kept_epoch, folder);
    if (!kernel_side_open_area(&sensor->side, folder, true))
        return sensor_fail(ret_error, errno, "cannot open the kernel side that was kept");
    sensor->epoch = sensor->side.area->meta.epoch;
    return kept_meta_is_readable(&sensor->side.area->meta) ? kept_side_take(sensor, folder, ret_error)
                                                           : records_open(sensor, ret_error);
}

bool muster_sensor_open(const struct muster_sensor_options *options, struct muster_sensor **ret_sensor,
                        struct muster_sensor_error *ret_error)
{
    struct muster_sensor *sensor = calloc(1, sizeof(*sensor));

    if (!sensor)
        return sensor_fail(ret_error, ENOMEM, "cannot start the sensor");
    sensor->wake_fd = -1;
    sensor->options = *options;
    kernel_side_init(&sensor->side);
    if (!(options->kept ? kept_side_open(sensor, ret_error) : own_side_open(sensor, ret_error)))
        goto failed;
    if (!wake_fd_open(sensor)) {
        sensor_fail(ret_error, errno, "cannot wait for the sensor's ring");
        goto failed;
    }
    *ret_sensor = sensor;
    return true;
failed:
    muster_sensor_close(sensor);
    return false;
}

/* Exits first, and last to go: an exit whose start nobody reported is better than the reverse. */
static bool programs_attach(struct muster_sensor *sensor, struct muster_sensor_error *ret_error)
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

/* A side that is kept records already, or has ended. */
bool muster_sensor_attach(struct muster_sensor *sensor, struct muster_sensor_error *ret_error)
{
    return sensor->options.kept || programs_attach(sensor, ret_error);
}

const struct muster_record *muster_sensor_next(struct muster_sensor *sensor, uint64_t *ret_position)
{
    const struct muster_record *record = intake_next(&sensor->intake, ret_position);

    if (record)
        reconcile_note(&sensor->reconcile, record);
    return record;
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

struct gap_telling {
    struct muster_sensor *sensor;
    muster_sensor_tell_gap tell;
    void *context;
};

static bool gap_tell(void *context, const struct muster_record *record, uint64_t position)
{
    const struct gap_telling *telling = context;

    reconcile_note_gap(&telling->sensor->reconcile, (const void *)record, telling->sensor->attached_ns);
    return telling->tell(telling->context, record, position);
}

bool muster_sensor_account(struct muster_sensor *sensor, muster_sensor_tell_gap tell, void *context)
{
    struct gap_telling telling = {.sensor = sensor, .tell = tell, .context = context};
    uint64_t missed[SENSOR_PROGRAM_COUNT], now_ns = sensor_now_ns();

    if (sensor->records_only)
        return sensor->intake.leaving && intake_rest_is_read(&sensor->intake);
    for (unsigned i = 0; i < SENSOR_PROGRAM_COUNT; i++)
        missed[i] = program_misses(sensor->side.program_fds[i]);
    return intake_account(&sensor->intake, missed, now_ns, gap_tell, &telling);
}

void muster_sensor_counts(const struct muster_sensor *sensor, struct muster_sensor_counts *ret_counts)
{
    intake_counts(&sensor->intake, ret_counts);
    if (sensor->records_only)
        ret_counts->produced = ret_counts->read; /* all that can be said */
}

void muster_sensor_known(const struct muster_sensor *sensor, struct muster_sensor_known *ret_known)
{
    *ret_known = sensor->reconcile.counts;
    ret_known->count = sensor->reconcile.known.count;
    ret_known->capacity = sensor->reconcile.known.capacity;
    ret_known->left_out = sensor->reconcile.known.left_out;
}

void muster_sensor_end_tell(struct muster_sensor *sensor)
{
    intake_end_tell(&sensor->intake);
}

int64_t muster_sensor_clock_offset(struct muster_sensor *sensor, int64_t measured_ns)
{
    int64_t *kept;

    if (!sensor->options.kept || sensor->records_only)
        return measured_ns;
    kept = &sensor->side.area->meta.clock_offset_ns;
    if (*kept == 0 || llabs(*kept - measured_ns) > CLOCK_SLACK_NS)
        *kept = measured_ns;
    return *kept;
}

bool muster_sensor_accounts(const struct muster_sensor *sensor)
{
    return !sensor->records_only;
}

bool muster_sensor_baseline_told(struct muster_sensor *sensor)
{
    return intake_baseline_told(&sensor->intake);
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

void programs_wait(void)
{
    (void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

void muster_sensor_detach(struct muster_sensor *sensor)
{
    if (sensor->options.kept) {
        intake_leave(&sensor->intake);
        return;
    }
    /* In reverse: the exit of a start that was reported is reported too. */
    for (size_t i = SENSOR_PROGRAM_COUNT; i-- > 0;) {
        bpf_link__destroy(sensor->links[i]);
        sensor->links[i] = NULL;
    }
    programs_wait();
}

void muster_sensor_close(struct muster_sensor *sensor)
{
    if (!sensor)
        return;
    if (!sensor->options.kept)
        muster_sensor_detach(sensor);
    if (sensor->wake_fd >= 0)
        close(sensor->wake_fd);
    reconcile_close(&sensor->reconcile);
    if (sensor->intake_opened)
        intake_deinit(&sensor->intake);
    ring_deinit(&sensor->intake.ring);
    kernel_side_deinit(&sensor->side);
    if (sensor->programs)
        muster_bpf__destroy(sensor->programs);
    free(sensor);
}
