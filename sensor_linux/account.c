/* SPDX-License-Identifier: Apache-2.0 */
/* account.h: reading, generations and what was lost. account_lease.c has the rest. */
#include "account.h"

#include <string.h>

#include "account_internal.h"
#include "muster/record.h"

#define GAP_VALID MUSTER_FIELD_BIT(MUSTER_FIELD_SEQUENCE_RANGE)

void account_init(struct account *account, struct sensor_control *control, struct sensor_cpu *cpus, uint32_t cpu_count)
{
    memset(account, 0, sizeof(*account));
    account->control = control;
    account->cpus = cpus;
    account->cpu_count = cpu_count;
}

bool account_is_after(const struct account *account, uint64_t sequence)
{
    return account->flipped && sequence > account->flipped_sequence;
}

static void read_count(struct account *account, uint64_t sequence, uint64_t one)
{
    if (sequence <= account->settled_sequence)
        account->reread -= one;
    else if (account_is_after(account, sequence))
        account->read_after.valid += one;
    else
        account->read_before.valid += one;
    account->read += one;
}

void account_read(struct account *account, uint64_t sequence)
{
    read_count(account, sequence, 1);
}

void account_unread(struct account *account, uint64_t sequence)
{
    read_count(account, sequence, (uint64_t)-1);
}

void account_refused_count(const struct account *account, const void *bytes, uint32_t size_bytes,
                           struct journal_numbers *before, struct journal_numbers *after)
{
    const struct muster_record *record = bytes;

    if (size_bytes < sizeof(*record) || record->type == 0 || record->type > SENSOR_PROGRAM_COUNT ||
        record->sequence <= account->settled_sequence)
        return;
    (account_is_after(account, record->sequence) ? after : before)->refused[record->type - 1]++;
}

void account_refused(struct account *account, const void *bytes, uint32_t size_bytes)
{
    __atomic_fetch_add(&account->refused, 1, __ATOMIC_RELAXED);
    account_refused_count(account, bytes, size_bytes, &account->read_before, &account->read_after);
}

uint64_t account_held(const struct account *account, uint64_t numbers_given)
{
    uint64_t known = account->settled_sequence + account->read_before.valid + account->read_after.valid;

    return (numbers_given > known ? numbers_given - known : 0) + account->reread;
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

uint32_t account_generation(const struct account *account)
{
    return (uint32_t)(__atomic_load_n(&account->control->sequence, __ATOMIC_SEQ_CST) >> 63);
}

/* Not an exclusive or: the last number has to stand in the journal before it is the last, as nothing else tells it
 * to an agent that comes after this one's death. */
void account_flip(struct account *account)
{
    uint64_t word = __atomic_load_n(&account->control->sequence, __ATOMIC_SEQ_CST);

    if (account->flipped)
        return;
    do {
        if (account->journal)
            journal_flip_write(account->journal, word & SENSOR_SEQUENCE_MASK);
    } while (!__atomic_compare_exchange_n(&account->control->sequence, &word, word ^ SENSOR_GENERATION_BIT, false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    account->flipped_sequence = word & SENSOR_SEQUENCE_MASK;
    account->flipped_generation = (uint32_t)(word >> 63);
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

static void gap_add(struct muster_gap *gap, unsigned program, unsigned cause, uint64_t count)
{
    gap->count += count;
    gap->causes[cause] += count;
    gap->types[program] += count;
}

static const unsigned cause_of[SENSOR_CAUSE_COUNT] = {
    [SENSOR_RING_FULL] = MUSTER_CAUSE_RING_FULL,
    [SENSOR_CLASS_SHED] = MUSTER_CAUSE_CLASS_SHED,
    [SENSOR_SHARE_SHED] = MUSTER_CAUSE_SHARE_SHED,
};

/* What the slots of the flipped generation say. Nothing writes them now. Returns how many numbers of it a filter left
 * out. */
static uint64_t slots_collect(const struct account *account, struct muster_gap *gap)
{
    uint64_t filtered = 0;

    for (uint32_t cpu = 0; cpu < account->cpu_count; cpu++)
        for (unsigned program = 0; program < SENSOR_PROGRAM_COUNT; program++) {
            const struct sensor_slot *slot = &account->cpus[cpu].programs[program];
            const struct sensor_loss *loss = &slot->losses[account->flipped_generation];

            filtered += slot->filtered[account->flipped_generation];
            if (loss_count(loss) == 0)
                continue;
            gap_widen(gap, loss);
            for (unsigned cause = 0; cause < SENSOR_CAUSE_COUNT; cause++)
                gap_add(gap, program, cause_of[cause], loss->causes[cause]);
        }
    return filtered;
}

void account_slots_clear(struct account *account, uint32_t generation)
{
    for (uint32_t cpu = 0; cpu < account->cpu_count; cpu++)
        for (unsigned program = 0; program < SENSOR_PROGRAM_COUNT; program++) {
            struct sensor_slot *slot = &account->cpus[cpu].programs[program];

            slot->filtered[generation] = 0;
            memset(&slot->losses[generation], 0, sizeof(slot->losses[generation]));
        }
}

/* What is missing beyond what the slots say: refused records, and what nothing explains. */
static void remainder_collect(const struct account *account, uint64_t filtered, struct muster_gap *gap)
{
    uint64_t numbers = account->flipped_sequence - account->settled_sequence;
    uint64_t known = account->read_before.valid + filtered;
    uint64_t missing = numbers > known ? numbers - known : 0;

    for (unsigned program = 0; program < SENSOR_PROGRAM_COUNT && gap->count < missing; program++) {
        uint64_t count = account->read_before.refused[program];

        if (count > missing - gap->count)
            count = missing - gap->count;
        gap_add(gap, program, MUSTER_CAUSE_RECORD_INVALID, count);
    }
    if (gap->count < missing)
        gap_add(gap, MUSTER_EVENT_PROCESS_START - 1, MUSTER_CAUSE_UNEXPLAINED, missing - gap->count);
    if (gap->count > 0 && (gap->causes[MUSTER_CAUSE_RECORD_INVALID] || gap->causes[MUSTER_CAUSE_UNEXPLAINED])) {
        gap->first_sequence = account->settled_sequence + 1;
        gap->last_sequence = account->flipped_sequence;
    }
}

/* Room for one more is the caller's to have seen to. */
static void gap_make(struct account *account, const struct muster_gap *gap)
{
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        account->dropped[cause] += gap->causes[cause];
    account->gaps[account->gaps_made % JOURNAL_GAPS] = *gap;
    if (account->journal)
        journal_gap_write(account->journal, account->gaps_made, gap);
    account->gaps_made++;
}

/* Where the sink takes nothing, losses wait in the kernel's slots and become one gap. */
static bool gaps_have_room(const struct account *account)
{
    return account->gaps_made - account->gaps_acknowledged < JOURNAL_GAPS;
}

static bool generation_is_over(struct account *account, const struct ring *ring)
{
    if (!account->drained) {
        if (!account_programs_done(account, account->flipped_sequence))
            return false;
        account->drained = true;
        account->drained_position = __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE);
    }
    /* Positions only grow, so a difference tells which is ahead even after 2^64 bytes. */
    return (int64_t)(ring->position - account->drained_position) >= 0;
}

static void generation_advance(struct account *account)
{
    account->settled_sequence = account->flipped_sequence;
    account->read_before = account->read_after;
    account->read_after = (struct journal_numbers){0};
    account->acknowledged_before = account->acknowledged_after;
    account->acknowledged_after = (struct journal_numbers){0};
    account->flipped = false;
}

/* One commit, and what comes after it the next agent does where this one dies before: so either all of it has
 * happened or nothing. The slots are empty before the next flip. */
bool account_settle(struct account *account, const struct ring *ring, uint64_t now_ns, struct muster_gap *ret_gap)
{
    struct muster_gap gap;
    uint64_t filtered;

    if (!account->flipped || !gaps_have_room(account) || !generation_is_over(account, ring))
        return false;
    gap_begin(&gap);
    filtered = slots_collect(account, &gap);
    remainder_collect(account, filtered, &gap);
    if (gap.end_ns == 0)
        gap.start_ns = gap.end_ns = now_ns;
    gap.record.valid = GAP_VALID;
    gap.record.time_ns = gap.end_ns;
    account->filtered += filtered;
    if (gap.count > 0)
        gap_make(account, &gap);
    generation_advance(account);
    account_commit(account);
    account_slots_clear(account, account->flipped_generation);
    *ret_gap = gap;
    return true;
}

void account_missed(struct account *account, const uint64_t missed[SENSOR_PROGRAM_COUNT], uint64_t now_ns,
                    struct muster_gap *ret_gap)
{
    struct muster_gap gap;

    gap_begin(&gap);
    for (unsigned program = 0; program < SENSOR_PROGRAM_COUNT; program++)
        gap_add(&gap, program, MUSTER_CAUSE_PROGRAM_MISSED, missed[program] - account->missed[program]);
    gap.start_ns = account->missed_checked_ns;
    gap.end_ns = now_ns;
    gap.record.time_ns = now_ns;
    *ret_gap = gap;
    if (gap.count > 0 && !gaps_have_room(account)) {
        ret_gap->count = 0; /* later */
        return;
    }
    account->missed_checked_ns = now_ns;
    if (gap.count == 0)
        return;
    memcpy(account->missed, missed, sizeof(account->missed));
    gap_make(account, &gap);
    account_commit(account);
}
