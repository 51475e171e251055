/* SPDX-License-Identifier: Apache-2.0 */
/* account.h: what the sink has and has not, and how the next agent goes on there. */
#include <string.h>

#include "account.h"
#include "account_internal.h"
#include "muster/record.h"

/* A gap has a position of its own, behind what was read before it and in front of what comes after: each gap that was
 * told moves positions on by so much. So does each concluded event. */
#define GAP_POSITION_BYTES 8U

/* ---- the journal --------------------------------------------------------------------------------- */

void account_commit(struct account *account)
{
    struct journal_state state = {
        .serial = account->serial,
        .position = account->position,
        .acknowledged = account->acknowledged,
        .skeletons = account->skeletons_acknowledged,
        .before = account->acknowledged_before,
        .after = account->acknowledged_after,
        .gaps_acknowledged = account->gaps_acknowledged,
        .settled_sequence = account->settled_sequence,
        .generation = account->flipped ? account->flipped_generation : account_generation(account),
        .filtered = account->filtered,
        .missed_checked_ns = account->missed_checked_ns,
        .gaps_made = account->gaps_made,
        .flags =
            (account->baseline_acknowledged ? JOURNAL_BASELINE_TOLD : 0U) | (account->end_told ? JOURNAL_END_TOLD : 0U),
    };

    if (!account->journal)
        return;
    memcpy(state.dropped, account->dropped, sizeof(account->dropped));
    memcpy(state.missed, account->missed, sizeof(state.missed));
    journal_commit(account->journal, &state);
    account->serial = state.serial;
}

void account_journal_begin(struct journal *journal, uint64_t now_ns)
{
    const struct journal_state state = {.missed_checked_ns = now_ns};

    journal_init(journal, &state);
}

static void state_take(struct account *account, const struct journal_state *state)
{
    account->serial = state->serial;
    account->position = state->position;
    account->acknowledged = state->acknowledged;
    account->skeletons_acknowledged = state->skeletons;
    account->acknowledged_before = account->read_before = state->before;
    account->acknowledged_after = account->read_after = state->after;
    account->gaps_acknowledged = account->gaps_told = state->gaps_acknowledged;
    account->settled_sequence = state->settled_sequence;
    account->filtered = state->filtered;
    account->missed_checked_ns = state->missed_checked_ns;
    account->gaps_made = state->gaps_made;
    account->baseline_told = account->baseline_acknowledged = state->flags & JOURNAL_BASELINE_TOLD;
    memcpy(account->dropped, state->dropped, sizeof(account->dropped));
    memcpy(account->missed, state->missed, sizeof(account->missed));
    memcpy(account->gaps, account->journal->gaps, sizeof(account->gaps));
}

/* ---- opening ------------------------------------------------------------------------------------- */

/* Positions only grow, so differences are right even after 2^64 bytes. */
static bool state_is_possible(const struct journal_state *state, const struct journal *journal, uint64_t word,
                              const struct ring *ring)
{
    uint64_t consumer = *ring->consumer_position;
    uint64_t producer = __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE);
    uint64_t given = word & SENSOR_SEQUENCE_MASK;
    bool flipped = word >> 63 != state->generation;

    return state->generation <= 1 && state->settled_sequence <= given &&
           (!flipped || (journal->flip >= state->settled_sequence && journal->flip <= given)) &&
           state->position - consumer <= producer - consumer && producer - consumer <= ring->size_bytes &&
           state->gaps_made - state->gaps_acknowledged <= JOURNAL_GAPS;
}

bool account_can_open(const struct journal *journal, uint64_t word, const struct ring *ring,
                      struct journal_state *ret_state)
{
    return journal_recover(journal, ret_state) && state_is_possible(ret_state, journal, word, ring);
}

static void flip_take(struct account *account, const struct journal_state *state, uint64_t word)
{
    account->flipped = word >> 63 != state->generation;
    if (account->flipped) {
        account->flipped_sequence = account->journal->flip;
        account->flipped_generation = (uint32_t)state->generation;
    } else {
        /* The agent may have died while it did this, after its commit. Nobody writes there before the next flip. */
        account_slots_clear(account, (uint32_t)(1 - state->generation));
    }
}

/* The records that are in the ring still, though their numbers are settled. */
static uint64_t settled_in_ring(const struct ring *ring, uint64_t settled_sequence)
{
    uint64_t end = __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE), count = 0;
    struct ring walk = ring_between(ring, ring->position, &end);
    const struct muster_record *record;
    const void *bytes;
    uint32_t size_bytes;

    while ((bytes = ring_next(&walk, &size_bytes)) != NULL)
        count += muster_record_validate(bytes, size_bytes, &record) == MUSTER_OK && record->sequence != 0 &&
                 record->sequence <= settled_sequence;
    return count;
}

bool account_open(struct account *account, struct journal *journal, struct sensor_control *control,
                  struct sensor_cpu *cpus, uint32_t cpu_count, struct ring *ring)
{
    uint64_t word = __atomic_load_n(&control->sequence, __ATOMIC_SEQ_CST);
    struct journal_state state;

    if (!account_can_open(journal, word, ring, &state))
        return false;
    account_init(account, control, cpus, cpu_count);
    account->journal = journal;
    state_take(account, &state);
    flip_take(account, &state, word);
    /* What was committed was the sink's, so this only finishes what the dead agent began. */
    ring_ack(ring, state.position);
    ring->position = state.position;
    account->reread = settled_in_ring(ring, state.settled_sequence);
    account_commit(account); /* what an earlier agent ended is not ended any more */
    return true;
}

/* ---- acknowledging ------------------------------------------------------------------------------- */

uint64_t account_position(const struct account *account, uint64_t ring_position)
{
    return ring_position + GAP_POSITION_BYTES * (account->gaps_told + account->marks_told);
}

static void record_acknowledged(struct account *account, const void *bytes, uint32_t size_bytes)
{
    const struct muster_record *record = bytes;

    /* Where none was refused, all were valid when they were read. */
    if (__atomic_load_n(&account->refused, __ATOMIC_RELAXED) != 0 &&
        muster_record_validate(bytes, size_bytes, &record) != MUSTER_OK) {
        __atomic_fetch_sub(&account->refused, 1, __ATOMIC_RELAXED);
        account_refused_count(account, bytes, size_bytes, &account->acknowledged_before, &account->acknowledged_after);
        return;
    }
    account->acknowledged++;
    account->skeletons_acknowledged += (record->flags & MUSTER_RECORD_SKELETON) != 0;
    if (record->sequence <= account->settled_sequence)
        return;
    if (account_is_after(account, record->sequence))
        account->acknowledged_after.valid++;
    else
        account->acknowledged_before.valid++;
}

/* Counts what was acknowledged, where it stands: the ring is what the next agent would read. */
static void records_acknowledged(struct account *account, const struct ring *ring, uint64_t position)
{
    struct ring walk = ring_between(ring, account->position, &position);
    const void *bytes;
    uint32_t size_bytes;

    while ((bytes = ring_next(&walk, &size_bytes)) != NULL)
        record_acknowledged(account, bytes, size_bytes);
}

/* Those that are told together stand one behind the other. */
static void marks_ack(struct account *account, uint64_t position)
{
    uint64_t count = account->marks_told - account->marks_base;
    uint64_t reached = position > account->marks_begin ? (position - account->marks_begin) / GAP_POSITION_BYTES : 0;

    account->marks_acknowledged = account->marks_base + (reached < count ? reached : count);
}

void account_ack(struct account *account, const struct ring *ring, uint64_t position)
{
    while (account->gaps_acknowledged != account->gaps_told &&
           account->gap_positions[account->gaps_acknowledged % JOURNAL_GAPS] <= position)
        account->gaps_acknowledged++;
    marks_ack(account, position);
    position -= GAP_POSITION_BYTES * (account->gaps_acknowledged + account->marks_acknowledged);
    if (account->journal)
        records_acknowledged(account, ring, position);
    account->position = position;
    account->baseline_acknowledged = account->baseline_told;
    account_commit(account);
    ring_ack(ring, position); /* after it: what the kernel may overwrite is committed */
}

const struct muster_gap *account_gap_next(struct account *account, uint64_t ring_position, uint64_t *ret_position)
{
    const struct muster_gap *gap = &account->gaps[account->gaps_told % JOURNAL_GAPS];

    if (account->gaps_told == account->gaps_made)
        return NULL;
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        account->told[cause] += gap->causes[cause];
    /* Its position is there before it can be acknowledged. */
    account->gap_positions[account->gaps_told % JOURNAL_GAPS] =
        account_position(account, ring_position) + GAP_POSITION_BYTES;
    account->gaps_told++;
    *ret_position = account_position(account, ring_position);
    return gap;
}

void account_gap_unread(struct account *account)
{
    const struct muster_gap *gap = &account->gaps[--account->gaps_told % JOURNAL_GAPS];

    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        account->told[cause] -= gap->causes[cause];
}

void account_mark_next(struct account *account, uint64_t ring_position, uint64_t *ret_position)
{
    if (account->marks_acknowledged == account->marks_told) {
        account->marks_base = account->marks_told;
        account->marks_begin = account_position(account, ring_position);
    }
    account->marks_told++;
    *ret_position = account_position(account, ring_position);
}

void account_mark_unread(struct account *account)
{
    account->marks_told--;
}

/* Whatever is acknowledged next stands behind it. */
void account_baseline_told(struct account *account)
{
    account->baseline_told = true;
}

void account_end_told(struct account *account)
{
    account->end_told = true;
    account_commit(account);
}
