/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict on an epoch, between epoch_judge.c, epoch_numbers.c and epoch_text.c. */
#ifndef MUSTER_EPOCH_JUDGE_H
#define MUSTER_EPOCH_JUDGE_H

#include "epoch_account.h"

struct judgement {
    struct epoch_account *account;
    struct verify_findings *findings;
    bool stopped;       /* the last ledger is sensor-stopped, and all stands before it */
    uint64_t lowest;    /* number that was read; 0: none */
    uint64_t highest;   /* that was read, or is in a gap */
    uint64_t last;      /* that was given, as far as is known */
    uint64_t untold;    /* numbered losses that the ledger has, and gaps do not tell of, but something else explains */
    uint64_t left;      /* missing numbers that no gap has */
    uint64_t skip;      /* of those, the lowest, which are explained and not told; */
    uint64_t told_left; /* and of the rest so many are told one by one */
};

/* Which numbers are missing. Settled, and gaps in order. */
void epoch_numbers_judge(struct judgement *judgement);

/* How many numbers had been given by the last ledger. */
uint64_t epoch_numbers_given(const struct epoch_account *account);

/* Sums and differences that stay at the ends of what there is room for. */
static inline uint64_t add_most(uint64_t one, uint64_t other)
{
    return __builtin_add_overflow(one, other, &one) ? UINT64_MAX : one;
}

static inline uint64_t less(uint64_t one, uint64_t other)
{
    return one > other ? one - other : 0;
}

static inline struct verify_finding finding_of(const struct judgement *judgement, const char *what)
{
    return (struct verify_finding){.what = what, .has_epoch = true, .epoch = judgement->account->epoch};
}

/* Pieces of what is told. Each returns `text`. */
#define EPOCH_TEXT_BYTES 256
const char *epoch_text_numbers(uint64_t first, uint64_t last, char text[EPOCH_TEXT_BYTES]);  /* "numbers 3 to 5 are" */
const char *epoch_text_times(uint64_t from_ns, uint64_t to_ns, char text[EPOCH_TEXT_BYTES]); /* ", after A" */
const char *epoch_text_causes(uint32_t causes, char text[EPOCH_TEXT_BYTES]); /* "ring_full, class_shed" */

#endif
