/* SPDX-License-Identifier: Apache-2.0 */
/* sequence_set.h */
#include "sequence_set.h"

#include <stdlib.h>
#include <string.h>

#define NEAR_RUNS     16    /* of the last ones: there a number is put in its place at once */
#define WAITING_LEAST 64    /* numbers that wait: as many as there are runs, so that what it costs to put */
#define WAITING_MOST  65536 /* them in their place is little for each; but within these limits */

void sequence_set_deinit(struct sequence_set *set)
{
    free(set->runs);
    free(set->waiting);
    *set = (struct sequence_set){0};
}

static bool runs_grow(struct sequence_set *set, size_t capacity)
{
    size_t limit = set->run_limit ? set->run_limit : SEQUENCE_RUNS_MAX;
    size_t wanted = set->run_capacity ? set->run_capacity * 2 : 64;
    struct sequence_run *runs;

    if (capacity <= set->run_capacity && capacity <= limit)
        return true;
    if (wanted < capacity)
        wanted = capacity;
    if (wanted > limit)
        wanted = limit;
    runs = capacity <= limit ? realloc(set->runs, wanted * sizeof(*runs)) : NULL;
    if (!runs) {
        set->given_up = true;
        return false;
    }
    set->runs = runs;
    set->run_capacity = wanted;
    return true;
}

/* The run behind `index` begins where this one ends now. */
static void runs_join(struct sequence_set *set, size_t index)
{
    struct sequence_run *run = &set->runs[index];

    if (index + 1 == set->run_count || run[1].first != run->last + 1)
        return;
    run->last = run[1].last;
    run->last_ns = run[1].last_ns;
    set->run_count--;
    memmove(run + 1, run + 2, (set->run_count - index - 1) * sizeof(*run));
}

static void run_insert(struct sequence_set *set, size_t index, const struct sequence_run *added)
{
    if (!runs_grow(set, set->run_count + 1))
        return;
    memmove(&set->runs[index + 1], &set->runs[index], (set->run_count - index) * sizeof(*added));
    set->runs[index] = *added;
    set->run_count++;
}

/* Puts a number behind the run `index` - 1, which begins before it, and before the run `index`. */
static void number_place(struct sequence_set *set, size_t index, const struct sequence_run *added)
{
    struct sequence_run *before = index > 0 ? &set->runs[index - 1] : NULL;
    struct sequence_run *behind = index < set->run_count ? &set->runs[index] : NULL;

    if (before && added->first <= before->last) {
        set->doubled_count++;
        return;
    }
    set->count++;
    if (before && added->first == before->last + 1) {
        before->last = added->last;
        before->last_ns = added->last_ns;
        runs_join(set, index - 1);
    } else if (behind && added->last + 1 == behind->first) {
        behind->first = added->first;
        behind->first_ns = added->first_ns;
    } else
        run_insert(set, index, added);
}

static size_t waiting_limit(const struct sequence_set *set)
{
    size_t limit = set->run_count > WAITING_LEAST ? set->run_count : WAITING_LEAST;

    return limit < WAITING_MOST ? limit : WAITING_MOST;
}

static bool waiting_grow(struct sequence_set *set)
{
    size_t wanted = set->waiting_capacity ? set->waiting_capacity * 2 : WAITING_LEAST;
    struct sequence_run *waiting;

    if (set->waiting_count < set->waiting_capacity)
        return true;
    waiting = realloc(set->waiting, wanted * sizeof(*waiting));
    if (!waiting) {
        set->given_up = true;
        return false;
    }
    set->waiting = waiting;
    set->waiting_capacity = wanted;
    return true;
}

static void number_wait(struct sequence_set *set, const struct sequence_run *added)
{
    if (!waiting_grow(set))
        return;
    set->waiting[set->waiting_count++] = *added;
    if (set->waiting_count >= waiting_limit(set))
        sequence_set_settle(set);
}

void sequence_set_add(struct sequence_set *set, uint64_t number, uint64_t time_ns)
{
    const struct sequence_run added = {number, number, time_ns, time_ns};
    size_t index = set->run_count, least = index > NEAR_RUNS ? index - NEAR_RUNS : 0;

    if (set->given_up)
        return;
    while (index > least && set->runs[index - 1].first > number)
        index--;
    if (index > least || index == 0)
        number_place(set, index, &added);
    else
        number_wait(set, &added);
}

static int runs_compare(const void *one, const void *other)
{
    uint64_t a = ((const struct sequence_run *)one)->first, b = ((const struct sequence_run *)other)->first;

    return a < b ? -1 : a > b;
}

/* Behind the last of the merged runs, of which all begin before it. */
static void merge_add(struct sequence_set *set, const struct sequence_run *added)
{
    struct sequence_run *last = set->run_count > 0 ? &set->runs[set->run_count - 1] : NULL;

    if (last && added->first <= last->last) {
        set->doubled_count += added->last - added->first + 1; /* those that wait are single numbers */
        return;
    }
    set->count += added->last - added->first + 1;
    if (last && added->first == last->last + 1) {
        last->last = added->last;
        last->last_ns = added->last_ns;
    } else
        set->runs[set->run_count++] = *added;
}

void sequence_set_settle(struct sequence_set *set)
{
    struct sequence_set merged = {.doubled_count = set->doubled_count, .run_limit = set->run_limit};
    size_t run = 0, waiting = 0;

    if (set->waiting_count == 0 || set->given_up)
        return;
    if (!runs_grow(&merged, set->run_count + set->waiting_count)) {
        set->given_up = true;
        return;
    }
    qsort(set->waiting, set->waiting_count, sizeof(*set->waiting), runs_compare);
    while (run < set->run_count || waiting < set->waiting_count) {
        /* Of equal beginnings the run comes first: the number is in it. */
        if (waiting == set->waiting_count ||
            (run < set->run_count && set->runs[run].first <= set->waiting[waiting].first))
            merge_add(&merged, &set->runs[run++]);
        else
            merge_add(&merged, &set->waiting[waiting++]);
    }
    merged.waiting = set->waiting;
    merged.waiting_capacity = set->waiting_capacity;
    free(set->runs);
    *set = merged;
}

bool sequence_set_next_hole(const struct sequence_set *set, uint64_t last, struct sequence_cursor *cursor,
                            struct sequence_run *ret_hole)
{
    const struct sequence_run *before, *behind;

    if (!cursor->begun) {
        cursor->begun = true;
        cursor->next = 1;
        if (set->run_count > 0 && set->runs[0].first == 1)
            cursor->next = set->runs[cursor->run++].last + 1;
    }
    if (cursor->next > last || cursor->next == 0)
        return false; /* 0: behind the highest number that there can be */
    before = cursor->run > 0 ? &set->runs[cursor->run - 1] : NULL;
    behind = cursor->run < set->run_count ? &set->runs[cursor->run] : NULL;
    *ret_hole = (struct sequence_run){
        .first = cursor->next,
        .last = behind && behind->first <= last ? behind->first - 1 : last,
        .first_ns = before ? before->last_ns : 0,
        .last_ns = behind ? behind->first_ns : 0,
    };
    cursor->next = behind ? behind->last + 1 : 0;
    cursor->run++;
    return true;
}
