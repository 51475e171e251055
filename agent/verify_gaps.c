/* SPDX-License-Identifier: Apache-2.0 */
/* verify_gaps.h */
#include "verify_gaps.h"

#include <stdlib.h>

void verify_gaps_deinit(struct verify_gaps *gaps)
{
    free(gaps->gaps);
    *gaps = (struct verify_gaps){0};
}

void verify_gaps_add(struct verify_gaps *gaps, const struct told_gap *gap)
{
    size_t wanted = gaps->capacity ? gaps->capacity * 2 : 16;
    struct told_gap *grown;

    if (gaps->count == gaps->capacity) {
        grown = wanted <= VERIFY_GAPS_MAX ? realloc(gaps->gaps, wanted * sizeof(*grown)) : NULL;
        if (!grown) {
            gaps->given_up = true;
            return;
        }
        gaps->gaps = grown;
        gaps->capacity = wanted;
    }
    gaps->gaps[gaps->count++] = *gap;
}

static int gaps_compare(const void *one, const void *other)
{
    const struct told_gap *a = one, *b = other;

    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    return a->last < b->last ? -1 : a->last > b->last;
}

void verify_gaps_sort(struct verify_gaps *gaps)
{
    if (gaps->count > 1)
        qsort(gaps->gaps, gaps->count, sizeof(*gaps->gaps), gaps_compare);
}

/* ---- those that a number may be given to: a heap, the range that ends first on top ------------------------- */

struct open_gap {
    const struct told_gap *gap;
    uint64_t wanted; /* so many more */
};

struct open_gaps {
    struct open_gap *heap;
    size_t count;
};

static bool ends_before(const struct open_gap *one, const struct open_gap *other)
{
    return one->gap->last < other->gap->last;
}

static void swap(struct open_gap *one, struct open_gap *other)
{
    struct open_gap kept = *one;

    *one = *other;
    *other = kept;
}

static void open_push(struct open_gaps *open, const struct told_gap *gap)
{
    size_t at = open->count++;

    open->heap[at] = (struct open_gap){.gap = gap, .wanted = gap->count};
    for (; at > 0 && ends_before(&open->heap[at], &open->heap[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&open->heap[at], &open->heap[(at - 1) / 2]);
}

static void open_pop(struct open_gaps *open)
{
    size_t at = 0;

    open->heap[0] = open->heap[--open->count];
    for (;;) {
        size_t least = at;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < open->count; child++)
            if (ends_before(&open->heap[child], &open->heap[least]))
                least = child;
        if (least == at)
            return;
        swap(&open->heap[at], &open->heap[least]);
        at = least;
    }
}

/* ---- matching -------------------------------------------------------------------------------------------------- */

struct matching {
    const struct verify_gaps *gaps;
    const struct verify_match *match;
    struct open_gaps open;
    size_t next; /* gap */
};

/* Those whose ranges end before `number`, and those that have as many as they say. */
static void open_clean(struct matching *matching, uint64_t number)
{
    struct open_gaps *open = &matching->open;

    while (open->count > 0 && (open->heap[0].wanted == 0 || open->heap[0].gap->last < number)) {
        if (open->heap[0].wanted > 0)
            matching->match->excess(matching->match->context, open->heap[0].gap, open->heap[0].wanted);
        open_pop(open);
    }
}

/* Gives some numbers at the beginning of the hole to a gap, or to none. Returns how many. */
static uint64_t hole_give(struct matching *matching, const struct sequence_run *hole)
{
    const struct verify_gaps *gaps = matching->gaps;
    struct sequence_run some = *hole;
    struct open_gap *top;

    while (matching->next < gaps->count && gaps->gaps[matching->next].first <= hole->first)
        open_push(&matching->open, &gaps->gaps[matching->next++]);
    open_clean(matching, hole->first);
    if (matching->next < gaps->count && gaps->gaps[matching->next].first <= hole->last)
        some.last = gaps->gaps[matching->next].first - 1;
    if (matching->open.count == 0) {
        matching->match->left(matching->match->context, &some);
        return some.last - some.first + 1;
    }
    top = &matching->open.heap[0];
    if (some.last > top->gap->last)
        some.last = top->gap->last;
    if (some.last - some.first >= top->wanted)
        some.last = some.first + top->wanted - 1;
    top->wanted -= some.last - some.first + 1;
    return some.last - some.first + 1;
}

bool verify_gaps_match(const struct verify_gaps *gaps, const struct sequence_set *seen, uint64_t last,
                       const struct verify_match *match)
{
    struct matching matching = {.gaps = gaps, .match = match};
    struct sequence_cursor cursor = {0};
    struct sequence_run hole;

    matching.open.heap = malloc((gaps->count + 1) * sizeof(*matching.open.heap));
    if (!matching.open.heap)
        return false;
    while (matching.next < gaps->count && gaps->gaps[matching.next].first == 0)
        matching.next++; /* without a range */
    while (sequence_set_next_hole(seen, last, &cursor, &hole))
        for (uint64_t left = hole.last - hole.first + 1, given; left > 0; left -= given, hole.first += given)
            given = hole_give(&matching, &hole);
    for (; matching.next < gaps->count; matching.next++)
        open_push(&matching.open, &gaps->gaps[matching.next]);
    for (; matching.open.count > 0; open_pop(&matching.open))
        if (matching.open.heap[0].wanted > 0)
            match->excess(match->context, matching.open.heap[0].gap, matching.open.heap[0].wanted);
    free(matching.open.heap);
    return true;
}
