/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_agent.h: muster/sensor.h over the simulated kernel side (sim_kernel.h). What is read, accounted for and
 * acknowledged is sensor_linux/intake.c, account.c and ring.c, as they are, on plain memory; this file has the place of
 * sensor.c, which loads and maps.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "muster/sensor.h"
#include "sensor_linux/intake.h"
#include "sim_agent.h"
#include "sim_journal.h"
#include "sim_kernel.h"
#include "sim_points.h"
#include "sim_scheduler.h"

#define EPOCH 0x5eed5eed5eed5eedULL

struct muster_sensor {
    struct intake intake;
    bool forks;
};

static struct {
    const struct plan *plan;
    struct muster_sensor *open;
    bool faults;
} sensors;

void agent_sensor_begin(const struct plan *plan, bool faults)
{
    memset(&sensors, 0, sizeof(sensors));
    sensors.plan = plan;
    sensors.faults = faults;
}

struct intake *agent_intake(void)
{
    return sensors.open ? &sensors.open->intake : NULL;
}

static bool fails(struct muster_sensor_error *ret_error, enum plan_open_fault fault)
{
    if (sensors.plan->open_fault != fault || !sensors.faults)
        return false;
    *ret_error =
        (struct muster_sensor_error){.what = "cannot do it", .advice = "choose another seed", .reason = "planned"};
    return true;
}

/* Where the kernel side is kept, the last agent's journal says where to go on. */
static bool side_take(struct muster_sensor *sensor)
{
    struct intake *intake = &sensor->intake;

    if (!sensors.plan->kept) {
        intake_init(intake, kernel_control(), kernel_cpus(), kernel_cpu_count(), sim_now_ns());
        return true;
    }
    if (!intake_open(intake, kernel_journal(), kernel_control(), kernel_cpus(), kernel_cpu_count()))
        sim_fail("what the last agent has left cannot be taken over");
    truth_sensor_opened(kernel_ring()->consumer_position, intake_baseline_told(intake));
    return true;
}

bool muster_sensor_open(const struct muster_sensor_options *options, struct muster_sensor **ret_sensor,
                        struct muster_sensor_error *ret_error)
{
    struct sim_ring *ring = kernel_ring();
    struct muster_sensor *sensor;

    if (fails(ret_error, OPEN_SENSOR_FAILS))
        return false;
    sensor = calloc(1, sizeof(*sensor));
    if (!sensor) {
        *ret_error = (struct muster_sensor_error){.what = "cannot start", .advice = "", .reason = "out of memory"};
        return false;
    }
    sensor->forks = options->forks;
    sensor->intake.ring = (struct ring){
        .consumer_position = &ring->consumer_position,
        .producer_position = &ring->producer_position,
        .data = ring->data,
        .size_bytes = ring->size_bytes,
        .position = ring->consumer_position,
    };
    if (!side_take(sensor)) {
        free(sensor);
        return false;
    }
    kernel_wakes(agent_records_wake);
    sensors.open = sensor;
    *ret_sensor = sensor;
    return true;
}

bool muster_sensor_attach(struct muster_sensor *sensor, struct muster_sensor_error *ret_error)
{
    if (fails(ret_error, OPEN_ATTACH_FAILS))
        return false;
    if (!sensors.plan->kept)
        kernel_attach(sensor->forks);
    sim_point();
    return true;
}

uint64_t muster_sensor_epoch(const struct muster_sensor *sensor)
{
    (void)sensor;
    return EPOCH;
}

int64_t muster_sensor_clock_offset(struct muster_sensor *sensor, int64_t measured_ns)
{
    int64_t *kept = kernel_clock_offset();

    (void)sensor;
    if (!sensors.plan->kept)
        return measured_ns;
    if (*kept == 0 || llabs(*kept - measured_ns) > (int64_t)NS_PER_MS)
        *kept = measured_ns;
    return *kept;
}

bool muster_sensor_accounts(const struct muster_sensor *sensor)
{
    (void)sensor;
    return true;
}

bool muster_sensor_reconcile(struct muster_sensor *sensor, muster_sensor_tell_gap tell, void *context)
{
    (void)sensor;
    (void)tell;
    (void)context;
    return false; /* there are no processes here */
}

void muster_sensor_known(const struct muster_sensor *sensor, struct muster_sensor_known *ret_known)
{
    (void)sensor;
    *ret_known = (struct muster_sensor_known){0};
}

bool muster_sensor_baseline_told(struct muster_sensor *sensor)
{
    return intake_baseline_told(&sensor->intake);
}

void muster_sensor_end_tell(struct muster_sensor *sensor)
{
    intake_end_tell(&sensor->intake);
}

/* ---- baseline ------------------------------------------------------------------------------------------------- */

static bool running_tell(unsigned index, muster_sensor_tell tell, void *context)
{
    const bool wanted = sensors.plan->filter == FILTER_NONE || index % 2 == 0;
    const struct muster_process_start running = {
        .record =
            {
                .size_bytes = sizeof(struct muster_process_start),
                .type = MUSTER_EVENT_PROCESS_RUNNING,
                .version = MUSTER_RECORD_VERSION,
                .time_ns = sim_now_ns(),
                .valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_USER),
                .fixed_bytes = sizeof(struct muster_process_start),
            },
        .process = {.pid = SIM_BASELINE_FIRST + index, .user_id = wanted ? SIM_USER_WANTED : SIM_USER_UNWANTED},
    };

    truth_baseline(running.process.pid, wanted);
    if (tell(context, &running.record))
        return true;
    truth_baseline_not(wanted);
    return false;
}

bool muster_sensor_baseline(struct muster_sensor *sensor, muster_sensor_tell tell, void *context,
                            struct muster_sensor_error *ret_error)
{
    if (fails(ret_error, OPEN_BASELINE_FAILS))
        return false;
    for (unsigned i = 0; i < sensors.plan->baseline_count; i++)
        if (!running_tell(i, tell, context))
            return true;
    truth_baseline_whole();
    intake_baseline_tell(&sensor->intake);
    return true;
}

/* ---- what outlives it ----------------------------------------------------------------------------------------- */

void __real_journal_commit(struct journal *journal, struct journal_state *state);
void __wrap_journal_commit(struct journal *journal, struct journal_state *state);

/* Nothing of what comes next has been done yet. */
void __wrap_journal_commit(struct journal *journal, struct journal_state *state)
{
    __real_journal_commit(journal, state);
    agent_comes_to(CRASH_FROM_COMMIT);
    sim_point();
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

const struct muster_record *muster_sensor_next(struct muster_sensor *sensor, uint64_t *ret_position)
{
    const struct muster_record *record = intake_next(&sensor->intake, ret_position);

    if (record)
        journal_note("read", record->sequence, *ret_position);
    return record;
}

void muster_sensor_unread(struct muster_sensor *sensor, const struct muster_record *record)
{
    coverage.unread++;
    journal_note("given back", record->sequence, 0);
    intake_unread(&sensor->intake, record);
}

void muster_sensor_ack(struct muster_sensor *sensor, uint64_t position)
{
    sim_point();
    agent_comes_to(CRASH_FROM_ACK);
    intake_ack(&sensor->intake, position);
    truth_acknowledged(kernel_ring()->consumer_position);
    sim_point();
}

intptr_t muster_sensor_wake_handle(const struct muster_sensor *sensor)
{
    (void)sensor;
    return 0;
}

bool muster_sensor_arm(struct muster_sensor *sensor, bool quiet)
{
    sim_point();
    agent_records_forget();
    return intake_arm(&sensor->intake, quiet);
}

bool muster_sensor_alive(const struct muster_sensor *sensor, struct muster_sensor_error *ret_error)
{
    (void)sensor;
    (void)ret_error;
    return true;
}

bool muster_sensor_filters(void)
{
    return sensors.plan->filter != FILTER_IN_AGENT;
}

bool muster_sensor_has_losses(const struct muster_sensor *sensor)
{
    return account_has_losses(&sensor->intake.account);
}

bool muster_sensor_account(struct muster_sensor *sensor, muster_sensor_tell_gap tell, void *context)
{
    uint64_t missed[SENSOR_PROGRAM_COUNT];

    agent_comes_to(CRASH_FROM_ACCOUNT);
    for (unsigned i = 0; i < SENSOR_PROGRAM_COUNT; i++) {
        sim_point();
        missed[i] = kernel_missed(i);
    }
    return intake_account(&sensor->intake, missed, sim_now_ns(), tell, context);
}

void muster_sensor_counts(const struct muster_sensor *sensor, struct muster_sensor_counts *ret_counts)
{
    intake_counts(&sensor->intake, ret_counts);
}

void muster_sensor_shed(const struct muster_sensor *sensor, struct muster_sensor_shed *ret_shed)
{
    (void)sensor;
    *ret_shed = (struct muster_sensor_shed){0};
}

void muster_sensor_buffer(const struct muster_sensor *sensor, struct muster_sensor_buffer *ret_buffer)
{
    struct sim_ring *ring = kernel_ring();
    struct muster_record oldest;

    ring->used_peak_bytes = ring->producer_position - ring->consumer_position;
    *ret_buffer = (struct muster_sensor_buffer){
        .size_bytes = sensor->intake.ring.size_bytes,
        .used_bytes = ring_used(&sensor->intake.ring),
    };
    if (ret_buffer->used_bytes > ring->used_peak_bytes)
        sim_fail("the ring is said to have %zu bytes, and had %llu at the most", (size_t)ret_buffer->used_bytes,
                 (unsigned long long)ring->used_peak_bytes);
    if (ring_oldest(&sensor->intake.ring, &oldest, sizeof(oldest)))
        ret_buffer->oldest_ns = oldest.time_ns;
}

void muster_sensor_detach(struct muster_sensor *sensor)
{
    truth_leaving();
    if (sensors.plan->kept)
        intake_leave(&sensor->intake);
    else
        kernel_detach();
}

void muster_sensor_close(struct muster_sensor *sensor)
{
    if (!sensor)
        return;
    if (!sensors.plan->kept)
        muster_sensor_detach(sensor);
    kernel_wakes(NULL);
    sensors.open = NULL;
    intake_deinit(&sensor->intake);
    free(sensor);
}
