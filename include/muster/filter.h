/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which processes' events are wanted. One struct without pointers, so that the same bytes are what the
 * agent parses into (agent/filter_options.h), what the BPF programs find in their read-only data, and what
 * decides about a record in the agent (core/filter.c).
 *
 * An event is wanted where, for each part that has values, one of them fits, and where nothing that is excluded fits.
 * What an event does not say about its process decides nothing: rather shown than hidden.
 *
 * What the filter leaves out keeps its number, and is counted as `filtered`.
 */
#ifndef MUSTER_FILTER_H
#define MUSTER_FILTER_H

#include "muster/wire.h"

#define MUSTER_FILTER_VALUES_MAX 16 /* of each part, and as many that are excluded */
#define MUSTER_FILTER_WORDS      8
#define MUSTER_FILTER_TEXT_MAX   63  /* bytes of a name, without its star */
#define MUSTER_FILTER_CGROUP_MAX 127 /* of a name in a cgroup's path as much is looked at */

struct muster_filter_numbers {
    uint32_t count;
    uint32_t values[MUSTER_FILTER_VALUES_MAX];
};

/*
 * A text, or the beginning or end of one. It is compared as words, with a mask, and without a branch for
 * each byte: the verifier would follow both ways of each.
 */
struct muster_filter_text {
    uint64_t value[MUSTER_FILTER_WORDS]; /* little-endian, as the bytes stand */
    uint64_t mask[MUSTER_FILTER_WORDS];  /* an exact text's has its terminator */
    uint32_t at_end;                     /* to be compared with this many last bytes; 0: with the first ones */
    uint32_t reserved;
};

struct muster_filter_texts {
    uint32_t count;
    uint32_t reserved;
    struct muster_filter_text values[MUSTER_FILTER_VALUES_MAX];
};

struct muster_filter_part {
    struct muster_filter_numbers pids;
    struct muster_filter_numbers parents; /* pid of the direct parent */
    struct muster_filter_numbers users;   /* effective */
    uint32_t reserved;
    struct muster_filter_texts names;     /* last component of the executable, else name of the first thread */
    struct muster_filter_texts user_sids; /* Windows, instead of users */
    /* Linux: compared with each name in the path of the process's cgroup in the unified hierarchy: with what stands
     * behind its last '-' or '@', without ".scope" or ".service". So a container's id or name is what its tools show.
     */
    struct muster_filter_texts containers;
};

/* All zeros: everything is wanted. */
struct muster_filter {
    struct muster_filter_part include;
    struct muster_filter_part exclude;
    uint32_t active;    /* whether anything stands above */
    uint32_t fold_case; /* texts stand above in lower case, and are compared without regard to ASCII case */
};

/* The compiler may not assume that what the loader writes into read-only data is what it saw. */
typedef const volatile struct muster_filter_numbers muster_filter_numbers_read;
typedef const volatile struct muster_filter_text muster_filter_text_read;

static inline int muster_filter_has_number(muster_filter_numbers_read *numbers, uint32_t number)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < MUSTER_FILTER_VALUES_MAX && i < numbers->count; i++)
        found |= numbers->values[i] == number;
    return (int)found;
}

/* In a BPF program the words would else all stand on its stack at once, which has 512 bytes. */
#ifdef __bpf__
#define MUSTER_FILTER_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define MUSTER_FILTER_ROLLED
#endif

/* `words`: the bytes to look at, and zeros behind them. */
static inline int muster_filter_text_fits(muster_filter_text_read *text, const uint64_t words[MUSTER_FILTER_WORDS])
{
    uint64_t difference = 0;

    MUSTER_FILTER_ROLLED
    for (uint32_t i = 0; i < MUSTER_FILTER_WORDS; i++)
        difference |= (words[i] & text->mask[i]) ^ text->value[i];
    return difference == 0;
}

#ifdef __cplusplus
extern "C" {
#endif

/* Adds `text`, of which one star at its beginning or end stands for anything. 0; or why not. */
enum muster_filter_refusal {
    MUSTER_FILTER_TAKEN = 0,
    MUSTER_FILTER_FULL,     /* MUSTER_FILTER_VALUES_MAX are there */
    MUSTER_FILTER_EMPTY,    /* nothing to compare with */
    MUSTER_FILTER_TOO_LONG, /* over MUSTER_FILTER_TEXT_MAX */
    MUSTER_FILTER_STAR,     /* a star elsewhere, or a second one */
};
enum muster_filter_refusal muster_filter_add_text(struct muster_filter_texts *texts, const char *text);
enum muster_filter_refusal muster_filter_add_number(struct muster_filter_numbers *numbers, uint32_t number);

/* Whether a process event's record (valid) is wanted, by what it says itself. Events that are not of one process are.
 */
int muster_filter_wants(const struct muster_filter *filter, const struct muster_record *record);

#ifdef __cplusplus
}
#endif

#endif
