/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile.h: what is noted while records are read. reconcile_compare.c has the comparison. */
#include "reconcile.h"

#include <stdlib.h>

#include "muster/record.h"

#define CHANGED_MOST 65536U

void reconcile_open(struct reconcile *reconcile, void *memory, size_t size_bytes)
{
    reconcile->able =
        memory ? known_open(&reconcile->known, memory, size_bytes) : known_make(&reconcile->known, known_capacity());
}

void reconcile_close(struct reconcile *reconcile)
{
    if (reconcile->looking)
        (void)iterator_end(&reconcile->iterator);
    free(reconcile->iterator.stash.bytes);
    free(reconcile->changed);
    if (reconcile->able)
        known_deinit(&reconcile->known);
}

/* Where there is no room for one, nothing can be said of starts in this look. */
static void changed_add(struct reconcile *reconcile, const struct muster_process *process)
{
    if (reconcile->changed_count == reconcile->changed_capacity) {
        size_t capacity = reconcile->changed_capacity ? 2 * reconcile->changed_capacity : 256;
        struct identity *changed =
            capacity > CHANGED_MOST ? NULL : realloc(reconcile->changed, capacity * sizeof(*reconcile->changed));

        if (!changed) {
            reconcile->changed_lost = true;
            return;
        }
        reconcile->changed = changed;
        reconcile->changed_capacity = capacity;
    }
    reconcile->changed[reconcile->changed_count++] =
        (struct identity){.start_ns = process->start_ns, .pid = process->pid};
}

void reconcile_note(struct reconcile *reconcile, const struct muster_record *record)
{
    if (!reconcile->able)
        return;
    known_apply(&reconcile->known, record);
    if (reconcile->looking && (record->type == MUSTER_EVENT_PROCESS_START || record->type == MUSTER_EVENT_PROCESS_EXIT))
        changed_add(reconcile, &((const struct muster_process_fork *)(const void *)record)->process);
}

void reconcile_note_running(struct reconcile *reconcile, const struct muster_process_start *start, bool execed)
{
    if (reconcile->able && (execed || reconcile->forks) &&
        (!reconcile->filter || muster_filter_wants(reconcile->filter, &start->record)))
        (void)known_put(&reconcile->known, start->process.pid, start->process.start_ns, known_word_of(start, execed));
}

void reconcile_note_all(struct reconcile *reconcile)
{
    if (reconcile->able)
        reconcile->known.head->all_told = 1;
}

static void window_widen(uint64_t *start_ns, uint64_t *end_ns, const struct window *by)
{
    if (*end_ns == 0 || by->start_ns < *start_ns)
        *start_ns = by->start_ns;
    if (by->end_ns > *end_ns)
        *end_ns = by->end_ns;
}

/* Before it is told: where the agent dies in between, something is due that was not lost, and not the reverse. */
void reconcile_note_gap(struct reconcile *reconcile, const struct muster_gap *gap, uint64_t attached_ns)
{
    struct window window = {.start_ns = gap->start_ns, .end_ns = gap->end_ns};

    if (!reconcile->able)
        return;
    /* Of these nobody knows when they happened. */
    if (gap->causes[MUSTER_CAUSE_RECORD_INVALID] || gap->causes[MUSTER_CAUSE_UNEXPLAINED])
        window.start_ns = attached_ns;
    window_widen(&reconcile->known.head->due_start_ns, &reconcile->known.head->due_end_ns, &window);
    window_widen(&reconcile->later.start_ns, &reconcile->later.end_ns, &window);
}
