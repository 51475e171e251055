/* SPDX-License-Identifier: Apache-2.0 */
/* intake.h */
#include "intake.h"

#include <string.h>

void intake_init(struct intake *intake, struct sensor_control *control, struct sensor_cpu *cpus, uint32_t cpu_count,
                 uint64_t now_ns)
{
    intake->control = control;
    pthread_mutex_init(&intake->lock, NULL);
    account_init(&intake->account, control, cpus, cpu_count);
    intake->account.missed_checked_ns = now_ns;
}

bool intake_open(struct intake *intake, struct journal *journal, struct sensor_control *control,
                 struct sensor_cpu *cpus, uint32_t cpu_count)
{
    if (!account_open(&intake->account, journal, control, cpus, cpu_count, &intake->ring))
        return false;
    pthread_mutex_init(&intake->lock, NULL);
    intake->control = control;
    intake->delivered_before = intake->account.acknowledged;
    intake->degraded_before = intake->account.skeletons_acknowledged;
    return true;
}

void intake_deinit(struct intake *intake)
{
    pthread_mutex_destroy(&intake->lock);
}

const struct muster_record *intake_next(struct intake *intake, uint64_t *ret_position)
{
    const struct muster_record *record;
    const void *bytes;
    uint32_t size_bytes;

    for (;;) {
        intake->last_position = intake->ring.position;
        bytes = ring_next(&intake->ring, &size_bytes);
        if (!bytes)
            return NULL;
        if (muster_record_validate(bytes, size_bytes, &record) != MUSTER_OK) {
            account_refused(&intake->account, bytes, size_bytes);
            continue;
        }
        account_read(&intake->account, record->sequence);
        *ret_position = account_position(&intake->account, intake->ring.position);
        return record;
    }
}

void intake_unread(struct intake *intake, const struct muster_record *record)
{
    account_unread(&intake->account, record->sequence);
    intake->ring.position = intake->last_position;
}

void intake_ack(struct intake *intake, uint64_t position)
{
    pthread_mutex_lock(&intake->lock);
    account_ack(&intake->account, &intake->ring, position);
    pthread_mutex_unlock(&intake->lock);
}

bool intake_arm(struct intake *intake, bool quiet)
{
    uint64_t *wake_at = &intake->control->wake_at;
    uint64_t distance = quiet ? 1 : intake->ring.size_bytes / 4;

    __atomic_store_n(wake_at, intake->ring.position + distance, __ATOMIC_SEQ_CST);
    if (!quiet || !ring_has_more(&intake->ring))
        return true;
    __atomic_store_n(wake_at, SENSOR_AWAKE, __ATOMIC_SEQ_CST);
    return false;
}

static bool settle(struct intake *intake, uint64_t now_ns)
{
    struct muster_gap gap;
    bool settled;

    pthread_mutex_lock(&intake->lock);
    account_flip(&intake->account);
    settled = account_settle(&intake->account, &intake->ring, now_ns, &gap);
    pthread_mutex_unlock(&intake->lock);
    return settled;
}

static void missed_account(struct intake *intake, const uint64_t missed[SENSOR_PROGRAM_COUNT], uint64_t now_ns)
{
    struct muster_gap gap;

    pthread_mutex_lock(&intake->lock);
    account_missed(&intake->account, missed, now_ns, &gap);
    pthread_mutex_unlock(&intake->lock);
}

static const struct muster_gap *gap_next(struct intake *intake, uint64_t *ret_position)
{
    const struct muster_gap *gap;

    pthread_mutex_lock(&intake->lock);
    gap = account_gap_next(&intake->account, intake->ring.position, ret_position);
    pthread_mutex_unlock(&intake->lock);
    return gap;
}

/* False where one was not taken: it waits for the next time. */
static bool gaps_tell(struct intake *intake, muster_sensor_tell_gap tell, void *context)
{
    const struct muster_gap *gap;
    uint64_t position;

    while ((gap = gap_next(intake, &position)) != NULL) {
        if (tell(context, &gap->record, position))
            continue;
        pthread_mutex_lock(&intake->lock);
        account_gap_unread(&intake->account);
        pthread_mutex_unlock(&intake->lock);
        return false;
    }
    return true;
}

bool intake_conclude(struct intake *intake, const struct muster_record *record, muster_sensor_tell_gap tell,
                     void *context)
{
    uint64_t position;
    bool told;

    pthread_mutex_lock(&intake->lock);
    account_mark_next(&intake->account, intake->ring.position, &position);
    pthread_mutex_unlock(&intake->lock);
    told = tell(context, record, position);
    if (!told) {
        pthread_mutex_lock(&intake->lock);
        account_mark_unread(&intake->account);
        pthread_mutex_unlock(&intake->lock);
    }
    return told;
}

bool intake_is_concluded(struct intake *intake)
{
    bool concluded;

    pthread_mutex_lock(&intake->lock);
    concluded = intake->account.marks_acknowledged == intake->account.marks_told;
    pthread_mutex_unlock(&intake->lock);
    return concluded;
}

static uint64_t numbers_given(const struct intake *intake)
{
    return __atomic_load_n(&intake->control->sequence, __ATOMIC_SEQ_CST) & SENSOR_SEQUENCE_MASK;
}

bool intake_rest_is_read(const struct intake *intake)
{
    return (int64_t)(intake->ring.position - intake->leaving_position) >= 0;
}

/* Settled numbers may stand in the ring still, from an agent that died: those are to be read, too. */
static bool is_accounted(const struct intake *intake)
{
    uint64_t settled = intake->account.settled_sequence;

    if (!intake->leaving)
        return settled == numbers_given(intake);
    return settled >= intake->leaving_sequence && intake_rest_is_read(intake);
}

bool intake_account(struct intake *intake, const uint64_t missed[SENSOR_PROGRAM_COUNT], uint64_t now_ns,
                    muster_sensor_tell_gap tell, void *context)
{
    missed_account(intake, missed, now_ns);
    /* Where a generation was flipped earlier, the first settles that one, the second what came since. */
    if (settle(intake, now_ns))
        (void)settle(intake, now_ns);
    return gaps_tell(intake, tell, context) && is_accounted(intake);
}

void intake_leave(struct intake *intake)
{
    intake->leaving = true;
    intake->leaving_sequence = numbers_given(intake);
    intake->leaving_position = __atomic_load_n(intake->ring.producer_position, __ATOMIC_ACQUIRE);
}

void intake_baseline_tell(struct intake *intake)
{
    pthread_mutex_lock(&intake->lock);
    account_baseline_told(&intake->account);
    pthread_mutex_unlock(&intake->lock);
}

void intake_end_tell(struct intake *intake)
{
    pthread_mutex_lock(&intake->lock);
    account_end_told(&intake->account);
    pthread_mutex_unlock(&intake->lock);
}

bool intake_baseline_told(struct intake *intake)
{
    return intake->account.baseline_told;
}

void intake_counts(const struct intake *intake, struct muster_sensor_counts *ret_counts)
{
    const struct account *account = &intake->account;
    uint64_t given = numbers_given(intake);

    *ret_counts = (struct muster_sensor_counts){
        .produced = given + account->dropped[MUSTER_CAUSE_PROGRAM_MISSED],
        .delivered_before = intake->delivered_before,
        .filtered = account->filtered,
        .degraded = intake->degraded_before,
        .held = account_held(account, given),
        .read = account->read,
    };
    memcpy(ret_counts->dropped, account->dropped, sizeof(ret_counts->dropped));
    memcpy(ret_counts->told, account->told, sizeof(ret_counts->told));
}
