/* SPDX-License-Identifier: Apache-2.0 */
/* intake.h */
#include "intake.h"

#include <string.h>

void intake_init(struct intake *intake, struct sensor_control *control, struct sensor_cpu *cpus, uint32_t cpu_count,
                 uint64_t now_ns)
{
    intake->control = control;
    intake->missed_checked_ns = now_ns;
    account_init(&intake->account, control, cpus, cpu_count);
}

static void record_refused(struct intake *intake, const void *bytes, uint32_t size_bytes)
{
    const struct muster_record *record = bytes;

    if (size_bytes >= sizeof(*record) && muster_event_is_numbered(record->type) && record->type <= SENSOR_PROGRAM_COUNT)
        intake->account.invalid[record->type - 1]++;
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
            record_refused(intake, bytes, size_bytes);
            continue;
        }
        account_read(&intake->account, record->sequence);
        *ret_position = intake->ring.position;
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
    ring_ack(&intake->ring, position);
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

static void missed_account(struct intake *intake, const uint64_t missed[SENSOR_PROGRAM_COUNT], uint64_t now_ns,
                           muster_sensor_tell tell, void *context)
{
    uint64_t since[SENSOR_PROGRAM_COUNT];
    struct muster_gap gap;

    for (unsigned i = 0; i < SENSOR_PROGRAM_COUNT; i++) {
        since[i] = missed[i] - intake->missed_told[i];
        intake->missed_told[i] = missed[i];
    }
    account_missed(&intake->account, since, intake->missed_checked_ns, now_ns, &gap);
    intake->missed_checked_ns = now_ns;
    if (gap.count > 0)
        tell(context, &gap.record);
}

static bool settle(struct intake *intake, uint64_t now_ns, muster_sensor_tell tell, void *context)
{
    struct muster_gap gap;

    account_flip(&intake->account);
    if (!account_settle(&intake->account, &intake->ring, now_ns, &gap))
        return false;
    if (gap.count > 0)
        tell(context, &gap.record);
    return true;
}

static uint64_t numbers_given(const struct intake *intake)
{
    return __atomic_load_n(&intake->control->sequence, __ATOMIC_SEQ_CST) & SENSOR_SEQUENCE_MASK;
}

bool intake_account(struct intake *intake, const uint64_t missed[SENSOR_PROGRAM_COUNT], uint64_t now_ns,
                    muster_sensor_tell tell, void *context)
{
    missed_account(intake, missed, now_ns, tell, context);
    /* Where a generation was flipped earlier, the first settles that one, the second what came since. */
    if (settle(intake, now_ns, tell, context))
        (void)settle(intake, now_ns, tell, context);
    return intake->account.settled_sequence == numbers_given(intake);
}

void intake_counts(const struct intake *intake, struct muster_sensor_counts *ret_counts)
{
    const struct account *account = &intake->account;
    uint64_t missed = account->dropped[MUSTER_CAUSE_PROGRAM_MISSED];

    *ret_counts = (struct muster_sensor_counts){.read = account->read, .filtered = account->filtered};
    ret_counts->produced = numbers_given(intake) + missed;
    memcpy(ret_counts->dropped, account->dropped, sizeof(ret_counts->dropped));
    memcpy(ret_counts->told, account->dropped, sizeof(ret_counts->told));
}
