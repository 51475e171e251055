/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile.h: the comparison. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "kept_internal.h"
#include "muster/identity.h"
#include "proc_process.h"
#include "reconcile.h"
#include "sensor_internal.h"

#define EVERY_NS   1000000000ULL
#define PAUSE_MOST (60 * EVERY_NS) /* where it has to be done again and again */

/* What may be missing from the stream: a start that the list has, or the exit of one that it has not. */
struct candidate {
    struct identity identity;
    struct muster_process_start *found; /* NULL: an exit */
    struct known_slot *slot;            /* NULL: not known */
    bool execed;
    bool dropped;
};

struct comparison {
    struct muster_sensor *sensor;
    struct reconcile *reconcile;
    struct window window;
    struct candidate *candidates;
    size_t count;
    size_t capacity;
    uint8_t *found; /* a bit for each slot of the known */
};

/* ---- identities ---------------------------------------------------------------------------------- */

static int identity_compare(const void *a, const void *b)
{
    const struct identity *left = a, *right = b;
    uint64_t left_ticks = left->start_ns / MUSTER_TICK_NS_LINUX, right_ticks = right->start_ns / MUSTER_TICK_NS_LINUX;

    if (left->pid != right->pid)
        return left->pid < right->pid ? -1 : 1;
    return left_ticks < right_ticks ? -1 : left_ticks > right_ticks;
}

static struct identity identity_of(const struct muster_process *process)
{
    return (struct identity){.start_ns = process->start_ns, .pid = process->pid};
}

static bool candidate_add(struct comparison *comparison, const struct candidate *candidate)
{
    if (comparison->count == comparison->capacity) {
        size_t capacity = comparison->capacity ? 2 * comparison->capacity : 64;
        struct candidate *candidates = realloc(comparison->candidates, capacity * sizeof(*candidates));

        if (!candidates)
            return false;
        comparison->candidates = candidates;
        comparison->capacity = capacity;
    }
    comparison->candidates[comparison->count++] = *candidate;
    return true;
}

/* ---- starts -------------------------------------------------------------------------------------- */

static bool has_changed(const struct reconcile *reconcile, const struct muster_process *process)
{
    struct identity identity = identity_of(process);

    return reconcile->changed_count > 0 &&
           bsearch(&identity, reconcile->changed, reconcile->changed_count, sizeof(identity), identity_compare) != NULL;
}

/* It runs something else than what its last start said. */
static bool image_differs(uint32_t told, uint32_t found)
{
    return !(told & KNOWN_EXECED) || (told & KNOWN_IMAGE && found & KNOWN_IMAGE && (told ^ found) & KNOWN_IMAGE);
}

/* Whether the stream should have told of a process that is not known. */
static bool is_news(const struct comparison *comparison, const struct muster_process_start *start, bool execed)
{
    const struct reconcile *reconcile = comparison->reconcile;
    uint64_t begun_ns = start->process.start_ns;

    if (!execed && !reconcile->forks)
        return false;
    return reconcile->known.head->all_told || begun_ns >= comparison->sensor->attached_ns;
}

/* Where some had no slot, who is not known may have been told. */
static bool is_left_out(struct reconcile *reconcile, const struct muster_process_start *start, uint32_t word)
{
    if (reconcile->known.left_out == 0)
        return false;
    reconcile->again |= !known_put(&reconcile->known, start->process.pid, start->process.start_ns, word);
    return true;
}

static bool start_compare(struct comparison *comparison, struct muster_process_start *start)
{
    struct reconcile *reconcile = comparison->reconcile;
    bool execed = !(start->record.flags & FOUND_FORKED), unsure = start->record.flags & FOUND_UNSURE;
    struct known_slot *slot = known_find(&reconcile->known, start->process.pid, start->process.start_ns);
    uint32_t word = known_word_of(start, execed);
    struct candidate candidate = {
        .identity = identity_of(&start->process), .found = start, .slot = slot, .execed = execed};

    if (slot)
        comparison->found[(slot - reconcile->known.slots) / 8] |= (uint8_t)(1U << (slot - reconcile->known.slots) % 8);
    if (slot ? !execed || !image_differs(slot->word, word) : !is_news(comparison, start, execed))
        return true;
    if (has_changed(reconcile, &start->process))
        return true; /* what was read since the look is newer */
    /* Its program has not run yet, so its record may come; if the exec fails, a later look finds it. */
    if (unsure || reconcile->changed_lost) {
        reconcile->again = true;
        return true;
    }
    found_complete(start);
    if ((reconcile->filter && !muster_filter_wants(reconcile->filter, &start->record)) ||
        (!slot && is_left_out(reconcile, start, word)))
        return true;
    return candidate_add(comparison, &candidate);
}

static bool starts_compare(struct comparison *comparison)
{
    const struct stash *stash = &comparison->reconcile->iterator.stash;
    struct muster_process_start *start;
    size_t at = 0;

    while ((start = stash_next(stash, &at)) != NULL)
        if (!start_compare(comparison, start))
            return false;
    return true;
}

/* ---- exits --------------------------------------------------------------------------------------- */

static bool exits_compare(struct comparison *comparison)
{
    struct reconcile *reconcile = comparison->reconcile;

    for (uint32_t i = 0; i < reconcile->known.used; i++) {
        struct known_slot *slot = &reconcile->known.slots[i];
        struct candidate candidate = {.identity = {slot->start_ns, slot->pid}, .slot = slot};
        enum proc_life life;

        if ((slot->word & KNOWN_STATE) != KNOWN_ALIVE || comparison->found[i / 8] >> i % 8 & 1)
            continue;
        life = proc_life(slot->pid, slot->start_ns);
        reconcile->again |= life == PROC_ENDING; /* its exit may not have been told by the kernel yet */
        if (life == PROC_GONE && !candidate_add(comparison, &candidate))
            return false;
    }
    return true;
}

/* ---- what the ring has --------------------------------------------------------------------------- */

static void candidate_drop(struct comparison *comparison, const struct muster_record *record)
{
    struct identity identity = identity_of(&((const struct muster_process_fork *)(const void *)record)->process);
    struct candidate *candidate = bsearch(&identity, comparison->candidates, comparison->count,
                                          sizeof(*comparison->candidates), identity_compare);

    if (!candidate)
        return;
    /* A start stands in front of an exit that is still to be read, and an exit behind every start. */
    if (!candidate->found && record->type != MUSTER_EVENT_PROCESS_EXIT)
        comparison->reconcile->again = true;
    if (!candidate->found || record->type == MUSTER_EVENT_PROCESS_START ||
        (record->type == MUSTER_EVENT_PROCESS_FORK && !candidate->execed))
        candidate->dropped = true;
}

/* Every record up to now that was not read. What is concluded rests on a look at a process that its programs had done
 * with; so all they had to say stands in front of that. */
static void ring_compare(struct comparison *comparison)
{
    struct ring ring = comparison->sensor->intake.ring;
    uint64_t end = __atomic_load_n(ring.producer_position, __ATOMIC_ACQUIRE);
    const struct muster_record *record;
    uint32_t size_bytes;
    const void *bytes;

    while (ring.position < end) {
        bytes = ring_next(&ring, &size_bytes);
        if (!bytes)
            sched_yield(); /* another processor is about to be done with it */
        else if (muster_record_validate(bytes, size_bytes, &record) == MUSTER_OK &&
                 record->type <= MUSTER_EVENT_PROCESS_FORK)
            candidate_drop(comparison, record);
    }
}

/* ---- telling ------------------------------------------------------------------------------------- */

/* What was lost since is not told yet, so its time is not known. */
static bool more_was_lost(const struct muster_sensor *sensor)
{
    bool missed = false;

    for (unsigned i = 0; i < SENSOR_PROGRAM_COUNT; i++)
        missed |= program_misses(sensor->side.program_fds[i]) != sensor->intake.account.missed[i];
    return missed || account_has_losses(&sensor->intake.account);
}

static struct window window_of(const struct comparison *comparison, const struct candidate *candidate)
{
    struct window window = comparison->window;

    /* With a filter an exec may have ended what was wanted, and then the exit was left out: at any time. */
    if ((!candidate->found && comparison->reconcile->filter) || window.start_ns < candidate->identity.start_ns)
        window.start_ns = candidate->identity.start_ns;
    if (window.end_ns < window.start_ns)
        window.end_ns = sensor_now_ns();
    return window;
}

static void record_conclude(struct muster_record *record, enum muster_event_type type, const struct window *window)
{
    record->type = (uint16_t)type;
    record->flags = MUSTER_RECORD_SYNTHETIC;
    record->time_ns = window->end_ns;
    record->valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_WINDOW);
}

static bool start_tell(struct comparison *comparison, const struct candidate *candidate, muster_sensor_tell_gap tell,
                       void *context)
{
    struct known *known = &comparison->reconcile->known;
    struct window window = window_of(comparison, candidate);
    struct muster_process_start *start = candidate->found;
    uint32_t before = candidate->slot ? candidate->slot->word : KNOWN_FREE;
    uint32_t word = (known_word_of(start, candidate->execed) & ~KNOWN_STATE) | KNOWN_START_TOLD;

    start->window_start_ns = window.start_ns;
    start->window_end_ns = window.end_ns;
    record_conclude(&start->record, candidate->execed ? MUSTER_EVENT_PROCESS_START : MUSTER_EVENT_PROCESS_RUNNING,
                    &window);
    /* One without a slot would be told again and again. */
    if (!known_put(known, candidate->identity.pid, candidate->identity.start_ns, word))
        return true;
    if (intake_conclude(&comparison->sensor->intake, &start->record, tell, context)) {
        comparison->reconcile->counts.starts++;
        return true;
    }
    if (candidate->slot)
        (void)known_put(known, candidate->identity.pid, candidate->identity.start_ns, before);
    else
        known_remove(known, candidate->identity.pid, candidate->identity.start_ns);
    return false;
}

static bool exit_tell(struct comparison *comparison, const struct candidate *candidate, muster_sensor_tell_gap tell,
                      void *context)
{
    struct window window = window_of(comparison, candidate);
    uint32_t before = candidate->slot->word;
    struct muster_process_exit exit = {
        .record = {.size_bytes = sizeof(exit),
                   .version = MUSTER_RECORD_VERSION,
                   .fixed_bytes = sizeof(exit),
                   .valid = MUSTER_FIELD_BIT(MUSTER_FIELD_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_START)},
        .process = {.pid = candidate->identity.pid, .start_ns = candidate->identity.start_ns},
        .window_start_ns = window.start_ns,
        .window_end_ns = window.end_ns,
    };

    record_conclude(&exit.record, MUSTER_EVENT_PROCESS_EXIT, &window);
    candidate->slot->word = (before & ~KNOWN_STATE) | KNOWN_EXIT_TOLD;
    if (intake_conclude(&comparison->sensor->intake, &exit.record, tell, context)) {
        comparison->reconcile->counts.exits++;
        return true;
    }
    candidate->slot->word = before;
    return false;
}

/* Exits first: a pid may have been used again. */
static bool candidates_tell(struct comparison *comparison, muster_sensor_tell_gap tell, void *context)
{
    for (unsigned starts = 0; starts < 2; starts++)
        for (size_t i = 0; i < comparison->count; i++) {
            const struct candidate *candidate = &comparison->candidates[i];

            if (candidate->dropped || (candidate->found != NULL) != (starts == 1))
                continue;
            comparison->reconcile->telling = true;
            if (!(starts ? start_tell : exit_tell)(comparison, candidate, tell, context))
                return false;
        }
    return true;
}

/* ---- turns --------------------------------------------------------------------------------------- */

/* False where it has to be done again: no memory, or the output takes nothing. */
static bool compare(struct comparison *comparison, muster_sensor_tell_gap tell, void *context)
{
    struct reconcile *reconcile = comparison->reconcile;
    bool was_left_out = reconcile->known.left_out > 0;

    comparison->found = calloc(reconcile->known.capacity / 8 + 1, 1);
    qsort(reconcile->changed, reconcile->changed_count, sizeof(*reconcile->changed), identity_compare);
    if (!comparison->found || !starts_compare(comparison) || !exits_compare(comparison))
        return false;
    if (was_left_out && !reconcile->again)
        reconcile->known.left_out = 0;
    if (comparison->count > 1)
        qsort(comparison->candidates, comparison->count, sizeof(*comparison->candidates), identity_compare);
    ring_compare(comparison);
    if (more_was_lost(comparison->sensor))
        comparison->window.end_ns = sensor_now_ns();
    return candidates_tell(comparison, tell, context);
}

static void look_end(struct muster_sensor *sensor, enum iterator_state state, muster_sensor_tell_gap tell,
                     void *context)
{
    struct reconcile *reconcile = &sensor->reconcile;
    const struct known_head *head = reconcile->known.head;
    struct comparison comparison = {
        .sensor = sensor, .reconcile = reconcile, .window = {head->due_start_ns, head->due_end_ns}};

    reconcile->looking = false;
    (void)iterator_end(&reconcile->iterator);
    if (state == ITERATOR_FAILED || !compare(&comparison, tell, context))
        reconcile->again = true;
    free(comparison.found);
    free(comparison.candidates);
    free(reconcile->iterator.stash.bytes);
    reconcile->iterator.stash = (struct stash){0};
    reconcile->changed_count = 0;
    reconcile->counts.looks++;
}

static void look_begin(struct muster_sensor *sensor)
{
    struct reconcile *reconcile = &sensor->reconcile;

    if (reconcile->iterator.child > 0 && waitpid(reconcile->iterator.child, NULL, WNOHANG) == 0)
        return; /* one that cannot be ended still waits for somebody's page */
    reconcile->begun_ns = sensor_now_ns();
    reconcile->again = reconcile->changed_lost = false;
    reconcile->later = (struct window){0};
    reconcile->looking = iterator_begin(&reconcile->iterator, sensor->side.iterator_fd, sensor->side.iterator_ring_fd);
}

/* All that was told has reached the output: what was lost up to then is not due any more. */
static void told_end(struct reconcile *reconcile)
{
    struct known_head *head = reconcile->known.head;

    known_confirm(&reconcile->known);
    reconcile->telling = false;
    reconcile->pause_ns = !reconcile->again                  ? EVERY_NS
                          : reconcile->pause_ns < PAUSE_MOST ? 2 * reconcile->pause_ns
                                                             : PAUSE_MOST;
    if (reconcile->again)
        return;
    head->due_end_ns = 0;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    head->due_start_ns = reconcile->later.start_ns;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    head->due_end_ns = reconcile->later.end_ns;
}

/* Not before all that an earlier agent has read is read again: the known may be ahead of the output. */
static bool is_due(const struct muster_sensor *sensor)
{
    const struct reconcile *reconcile = &sensor->reconcile;

    return reconcile->known.head->due_end_ns != 0 &&
           (int64_t)(sensor->intake.ring.position - reconcile->ready_position) >= 0 &&
           (reconcile->begun_ns == 0 || sensor_now_ns() - reconcile->begun_ns >= reconcile->pause_ns);
}

bool muster_sensor_reconcile(struct muster_sensor *sensor, muster_sensor_tell_gap tell, void *context)
{
    struct reconcile *reconcile = &sensor->reconcile;
    enum iterator_state state;

    if (!reconcile->able)
        return false;
    if (reconcile->looking) {
        state = iterator_step(&reconcile->iterator);
        if (state == ITERATOR_RUNNING)
            return true;
        look_end(sensor, state, tell, context);
        if (!reconcile->telling)
            told_end(reconcile);
        return false;
    }
    if (reconcile->telling) {
        if (intake_is_concluded(&sensor->intake))
            told_end(reconcile);
    } else if (is_due(sensor)) {
        look_begin(sensor);
    }
    return reconcile->looking;
}
