/* SPDX-License-Identifier: Apache-2.0 */
/* account.h */
#include "account.h"

#include <string.h>

#define GAP_VALID MUSTER_FIELD_BIT(MUSTER_FIELD_SEQUENCE_RANGE)

void account_init(struct account *account, struct sensor_control *control, struct sensor_cpu *cpus, uint32_t cpu_count)
{
    memset(account, 0, sizeof(*account));
    account->control = control;
    account->cpus = cpus;
    account->cpu_count = cpu_count;
}

static uint64_t *read_counter(struct account *account, uint64_t sequence)
{
    return account->flipped && sequence > account->flipped_sequence ? &account->read_after : &account->read_before;
}

void account_read(struct account *account, uint64_t sequence)
{
    ++*read_counter(account, sequence);
    account->read++;
}

void account_unread(struct account *account, uint64_t sequence)
{
    --*read_counter(account, sequence);
    account->read--;
}

static uint64_t loss_count(const struct sensor_loss *loss)
{
    uint64_t count = 0;

    for (unsigned cause = 0; cause < SENSOR_CAUSE_COUNT; cause++)
        count += __atomic_load_n(&loss->causes[cause], __ATOMIC_RELAXED);
    return count;
}

bool account_has_losses(const struct account *account)
{
    for (uint32_t cpu = 0; cpu < account->cpu_count; cpu++)
        for (unsigned program = 0; program < SENSOR_PROGRAM_COUNT; program++) {
            const struct sensor_slot *slot = &account->cpus[cpu].programs[program];

            if (loss_count(&slot->losses[0]) || loss_count(&slot->losses[1]))
                return true;
        }
    return false;
}

void account_flip(struct account *account)
{
    uint64_t before;

    if (account->flipped)
        return;
    before = __atomic_fetch_xor(&account->control->sequence, SENSOR_GENERATION_BIT, __ATOMIC_SEQ_CST);
    account->flipped_sequence = before & SENSOR_SEQUENCE_MASK;
    account->flipped_generation = (uint32_t)(before >> 63);
    account->flipped = true;
    account->drained = false;
}

bool account_programs_done(const struct account *account, uint64_t sequence)
{
    for (uint32_t cpu = 0; cpu < account->cpu_count; cpu++)
        for (unsigned program = 0; program < SENSOR_PROGRAM_COUNT; program++) {
            const struct sensor_slot *slot = &account->cpus[cpu].programs[program];
            uint64_t bound = __atomic_load_n(&slot->in_flight, __ATOMIC_SEQ_CST);

            if (bound != 0 && bound <= sequence)
                return false;
        }
    return true;
}

static void gap_begin(struct muster_gap *gap)
{
    memset(gap, 0, sizeof(*gap));
    gap->record.size_bytes = sizeof(*gap);
    gap->record.type = MUSTER_EVENT_GAP;
    gap->record.version = MUSTER_RECORD_VERSION;
    gap->record.fixed_bytes = sizeof(*gap);
    gap->stage = MUSTER_STAGE_KERNEL_RING;
}

static void gap_widen(struct muster_gap *gap, const struct sensor_loss *loss)
{
    if (gap->first_sequence == 0 || loss->first_sequence < gap->first_sequence)
        gap->first_sequence = loss->first_sequence;
    if (loss->last_sequence > gap->last_sequence)
        gap->last_sequence = loss->last_sequence;
    if (gap->start_ns == 0 || loss->first_time_ns < gap->start_ns)
        gap->start_ns = loss->first_time_ns;
    if (loss->last_time_ns > gap->end_ns)
        gap->end_ns = loss->last_time_ns;
}

static void gap_add(struct account *account, struct muster_gap *gap, unsigned program, unsigned cause, uint64_t count)
{
    gap->count += count;
    gap->causes[cause] += count;
    gap->types[program] += count;
    account->dropped[cause] += count;
}

/* Moves the losses of the flipped generation from the slots to the gap. Nothing writes them now. Returns how many
 * numbers of it a filter left out. */
static uint64_t slots_collect(struct account *account, struct muster_gap *gap)
{
    uint64_t filtered = 0;

    for (uint32_t cpu = 0; cpu < account->cpu_count; cpu++)
        for (unsigned program = 0; program < SENSOR_PROGRAM_COUNT; program++) {
            struct sensor_slot *slot = &account->cpus[cpu].programs[program];
            struct sensor_loss *loss = &slot->losses[account->flipped_generation];

            filtered += slot->filtered[account->flipped_generation];
            slot->filtered[account->flipped_generation] = 0;
            if (loss_count(loss) == 0)
                continue;
            gap_widen(gap, loss);
            for (unsigned cause = 0; cause < SENSOR_CAUSE_COUNT; cause++)
                gap_add(account, gap, program, cause, loss->causes[cause]);
            memset(loss, 0, sizeof(*loss));
        }
    return filtered;
}

/* What is missing beyond what the slots say: refused records, and what nothing explains. */
static void remainder_collect(struct account *account, uint64_t filtered, struct muster_gap *gap)
{
    uint64_t numbers = account->flipped_sequence - account->settled_sequence;
    uint64_t known = account->read_before + filtered;
    uint64_t missing = numbers > known ? numbers - known : 0;

    for (unsigned program = 0; program < SENSOR_PROGRAM_COUNT && gap->count < missing; program++) {
        uint64_t count = account->invalid[program];

        if (count > missing - gap->count)
            count = missing - gap->count;
        gap_add(account, gap, program, MUSTER_CAUSE_RECORD_INVALID, count);
        account->invalid[program] -= count;
    }
    if (gap->count < missing)
        gap_add(account, gap, MUSTER_EVENT_PROCESS_START - 1, MUSTER_CAUSE_UNEXPLAINED, missing - gap->count);
    if (gap->count > 0 && (gap->causes[MUSTER_CAUSE_RECORD_INVALID] || gap->causes[MUSTER_CAUSE_UNEXPLAINED])) {
        gap->first_sequence = account->settled_sequence + 1;
        gap->last_sequence = account->flipped_sequence;
    }
}

bool account_settle(struct account *account, const struct ring *ring, uint64_t now_ns, struct muster_gap *ret_gap)
{
    uint64_t filtered;

    if (!account->flipped)
        return false;
    if (!account->drained) {
        if (!account_programs_done(account, account->flipped_sequence))
            return false;
        account->drained = true;
        account->drained_position = __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE);
    }
    /* Positions only grow, so a difference tells which is ahead even after 2^64 bytes. */
    if ((int64_t)(ring->position - account->drained_position) < 0)
        return false;
    gap_begin(ret_gap);
    filtered = slots_collect(account, ret_gap);
    account->filtered += filtered;
    remainder_collect(account, filtered, ret_gap);
    if (ret_gap->end_ns == 0)
        ret_gap->start_ns = ret_gap->end_ns = now_ns;
    ret_gap->record.valid = GAP_VALID;
    ret_gap->record.time_ns = ret_gap->end_ns;
    account->settled_sequence = account->flipped_sequence;
    account->read_before = account->read_after;
    account->read_after = 0;
    account->flipped = false;
    return true;
}

void account_missed(struct account *account, const uint64_t missed[SENSOR_PROGRAM_COUNT], uint64_t since_ns,
                    uint64_t now_ns, struct muster_gap *ret_gap)
{
    gap_begin(ret_gap);
    for (unsigned program = 0; program < SENSOR_PROGRAM_COUNT; program++)
        gap_add(account, ret_gap, program, MUSTER_CAUSE_PROGRAM_MISSED, missed[program]);
    ret_gap->start_ns = since_ns;
    ret_gap->end_ns = now_ns;
    ret_gap->record.time_ns = now_ns;
}
