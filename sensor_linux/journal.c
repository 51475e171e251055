/* SPDX-License-Identifier: Apache-2.0 */
/* journal.h. Every store is a release: neither compiler nor processor may move one before another. */
#include "journal.h"

#include <string.h>

#define STATE_WORDS (sizeof(struct journal_state) / sizeof(uint64_t))

static void word_store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* FNV-1a, by word. */
static uint64_t state_checksum(const struct journal_state *state)
{
    const uint64_t *words = (const uint64_t *)state;
    uint64_t sum = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < STATE_WORDS - 1; i++)
        sum = (sum ^ words[i]) * 0x100000001b3ULL;
    return sum;
}

static bool state_is_whole(const struct journal_state *state)
{
    return state->serial != 0 && state->checksum == state_checksum(state);
}

void journal_commit(struct journal *journal, struct journal_state *state)
{
    struct journal_state *copy;
    const uint64_t *from = (const uint64_t *)state;
    uint64_t *to;

    state->serial++;
    state->checksum = state_checksum(state);
    copy = &journal->copies[state->serial & 1];
    to = (uint64_t *)copy;
    word_store(&copy->serial, 0);
    for (size_t i = 1; i < STATE_WORDS; i++)
        word_store(&to[i], from[i]);
    word_store(&copy->serial, state->serial);
}

void journal_init(struct journal *journal, const struct journal_state *state)
{
    struct journal_state first = *state;

    first.serial = 0;
    journal_commit(journal, &first);
}

bool journal_recover(const struct journal *journal, struct journal_state *ret_state)
{
    const struct journal_state *newest = NULL;

    for (unsigned i = 0; i < 2; i++)
        if (state_is_whole(&journal->copies[i]) && (!newest || journal->copies[i].serial > newest->serial))
            newest = &journal->copies[i];
    if (newest)
        *ret_state = *newest;
    return newest != NULL;
}

void journal_flip_write(struct journal *journal, uint64_t last_sequence)
{
    word_store(&journal->flip, last_sequence);
}

void journal_gap_write(struct journal *journal, uint64_t number, const struct muster_gap *gap)
{
    memcpy(&journal->gaps[number % JOURNAL_GAPS], gap, sizeof(*gap));
    __atomic_thread_fence(__ATOMIC_RELEASE);
}
