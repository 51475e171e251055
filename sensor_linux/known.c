/* SPDX-License-Identifier: Apache-2.0 */
/* known.h. Open addressing with linear probing; what is removed is closed up, so there are no graves. */
#include "known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "muster/identity.h"
#include "muster/record.h"

#define INDEX_LEAST    1024U
#define CAPACITY_LEAST 4096U
#define CAPACITY_MOST  131072U

static uint32_t number_read(const char *path)
{
    FILE *file = fopen(path, "re");
    unsigned long number = 0;

    if (file && fscanf(file, "%lu", &number) != 1)
        number = 0;
    if (file)
        fclose(file);
    return number > CAPACITY_MOST ? CAPACITY_MOST : (uint32_t)number;
}

uint32_t known_capacity(void)
{
    uint32_t threads = number_read("/proc/sys/kernel/threads-max"), pids = number_read("/proc/sys/kernel/pid_max");
    uint32_t least = threads < pids ? threads : pids;

    return least < CAPACITY_LEAST ? CAPACITY_LEAST : least;
}

/* ---- the index ----------------------------------------------------------------------------------- */

static uint32_t place_of(const struct known *known, uint32_t pid)
{
    return (pid * 0x9e3779b1U >> 8) & (known->index_size - 1);
}

/* In ticks, as in an entity id: /proc has no more. */
static bool is_of(const struct known_slot *slot, uint32_t pid, uint64_t start_ns)
{
    return slot->pid == pid && slot->start_ns / MUSTER_TICK_NS_LINUX == start_ns / MUSTER_TICK_NS_LINUX;
}

/* Where it is, or the empty place where it would be. */
static uint32_t place_find(const struct known *known, uint32_t pid, uint64_t start_ns)
{
    uint32_t place = place_of(known, pid);

    while (known->index[place] != 0 && !is_of(&known->slots[known->index[place] - 1], pid, start_ns))
        place = (place + 1) & (known->index_size - 1);
    return place;
}

static void place_take(struct known *known, uint32_t slot)
{
    known->index[place_find(known, known->slots[slot].pid, known->slots[slot].start_ns)] = slot + 1;
}

/* Moves back what stands behind, where that would not be found any more. */
static void place_empty(struct known *known, uint32_t hole)
{
    uint32_t mask = known->index_size - 1, place = hole;

    for (;;) {
        uint32_t home;

        known->index[hole] = 0;
        do {
            place = (place + 1) & mask;
            if (known->index[place] == 0)
                return;
            home = place_of(known, known->slots[known->index[place] - 1].pid);
        } while (((place - home) & mask) < ((place - hole) & mask));
        known->index[hole] = known->index[place];
        hole = place;
    }
}

static bool index_make(struct known *known, uint32_t size)
{
    uint32_t *index = calloc(size, sizeof(*index));

    if (!index)
        return false;
    free(known->index);
    known->index = index;
    known->index_size = size;
    for (uint32_t slot = 0; slot < known->used; slot++)
        if ((known->slots[slot].word & KNOWN_STATE) != KNOWN_FREE)
            place_take(known, slot);
    return true;
}

/* ---- slots --------------------------------------------------------------------------------------- */

static void word_store(struct known_slot *slot, uint32_t word)
{
    __atomic_store_n(&slot->word, word, __ATOMIC_RELEASE);
}

static void slot_free(struct known *known, uint32_t slot)
{
    word_store(&known->slots[slot], KNOWN_FREE);
    known->slots[slot].start_ns = known->free_first;
    known->free_first = slot + 1;
}

static bool slot_take(struct known *known, uint32_t *ret_slot)
{
    if (known->free_first != 0) {
        *ret_slot = known->free_first - 1;
        known->free_first = (uint32_t)known->slots[*ret_slot].start_ns;
        return true;
    }
    if (known->used == known->capacity)
        return false;
    *ret_slot = known->used++;
    return true;
}

struct known_slot *known_find(const struct known *known, uint32_t pid, uint64_t start_ns)
{
    uint32_t slot = known->index[place_find(known, pid, start_ns)];

    return slot ? &known->slots[slot - 1] : NULL;
}

struct known_slot *known_put(struct known *known, uint32_t pid, uint64_t start_ns, uint32_t word)
{
    struct known_slot *slot = known_find(known, pid, start_ns);
    uint32_t number;

    if (slot) {
        word_store(slot, word);
        return slot;
    }
    if ((2 * (known->count + 1) > known->index_size && !index_make(known, 2 * known->index_size)) ||
        !slot_take(known, &number)) {
        known->left_out++;
        return NULL;
    }
    slot = &known->slots[number];
    slot->start_ns = start_ns;
    slot->pid = pid;
    word_store(slot, word);
    place_take(known, number);
    known->count++;
    return slot;
}

void known_remove(struct known *known, uint32_t pid, uint64_t start_ns)
{
    uint32_t place = place_find(known, pid, start_ns), slot = known->index[place];

    if (slot == 0)
        return;
    place_empty(known, place);
    slot_free(known, slot - 1);
    known->count--;
}

/* ---- life ---------------------------------------------------------------------------------------- */

static bool known_begin(struct known *known, void *memory, size_t size_bytes)
{
    *known = (struct known){.head = memory,
                            .slots = (struct known_slot *)memory + KNOWN_HEAD_SLOTS,
                            .capacity = (uint32_t)(size_bytes / sizeof(struct known_slot) - KNOWN_HEAD_SLOTS)};
    return index_make(known, INDEX_LEAST);
}

bool known_make(struct known *known, uint32_t capacity)
{
    size_t bytes = (capacity + KNOWN_HEAD_SLOTS) * sizeof(struct known_slot);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return false;
    if (known_begin(known, memory, bytes)) {
        known->own_bytes = bytes;
        return true;
    }
    munmap(memory, bytes);
    known->head = NULL;
    return false;
}

/* What was told and not taken is told again: a start that is not known is concluded anew, and so is the exit of one
 * that is. */
static void slot_open(struct known *known, uint32_t number)
{
    struct known_slot *slot = &known->slots[number];
    uint32_t state = slot->word & KNOWN_STATE;

    if (state == KNOWN_EXIT_TOLD)
        word_store(slot, (slot->word & ~KNOWN_STATE) | KNOWN_ALIVE);
    if (state == KNOWN_START_TOLD || state == KNOWN_FREE)
        slot_free(known, number);
    else
        known->count++;
}

bool known_open(struct known *known, void *memory, size_t size_bytes)
{
    uint32_t size = INDEX_LEAST;

    if (size_bytes <= sizeof(struct known_head) || !known_begin(known, memory, size_bytes))
        return false;
    known->used = known->capacity;
    while (known->used > 0 && (known->slots[known->used - 1].word & KNOWN_STATE) == KNOWN_FREE)
        known->used--;
    for (uint32_t slot = known->used; slot-- > 0;)
        slot_open(known, slot);
    while (size < 2 * (known->count + 1))
        size *= 2;
    return index_make(known, size);
}

void known_deinit(struct known *known)
{
    free(known->index);
    if (known->own_bytes)
        munmap(known->head, known->own_bytes);
    *known = (struct known){0};
}

void known_confirm(struct known *known)
{
    for (uint32_t i = 0; i < known->used; i++) {
        struct known_slot *slot = &known->slots[i];

        if ((slot->word & KNOWN_STATE) == KNOWN_START_TOLD)
            word_store(slot, (slot->word & ~KNOWN_STATE) | KNOWN_ALIVE);
        else if ((slot->word & KNOWN_STATE) == KNOWN_EXIT_TOLD)
            known_remove(known, slot->pid, slot->start_ns);
    }
}

/* ---- records ------------------------------------------------------------------------------------- */

uint32_t known_word_of(const struct muster_process_start *start, bool execed)
{
    uint64_t mixed = (start->image_inode ^ (uint64_t)start->image_device << 32) * 0x9e3779b97f4a7c15ULL;
    uint32_t image = (uint32_t)(mixed >> 32) & KNOWN_IMAGE;

    if (!muster_record_has(&start->record, MUSTER_FIELD_IMAGE_INODE) ||
        !muster_record_has(&start->record, MUSTER_FIELD_IMAGE_DEVICE))
        image = 0;
    else if (image == 0)
        image = 8;
    return KNOWN_ALIVE | (execed ? KNOWN_EXECED | image : 0);
}

void known_apply(struct known *known, const struct muster_record *record)
{
    const struct muster_process_fork *event = (const void *)record; /* the common beginning */

    if (record->type > MUSTER_EVENT_PROCESS_FORK || !muster_record_has(record, MUSTER_FIELD_PID) ||
        !muster_record_has(record, MUSTER_FIELD_START))
        return;
    if (record->type == MUSTER_EVENT_PROCESS_EXIT)
        known_remove(known, event->process.pid, event->process.start_ns);
    else if (record->type == MUSTER_EVENT_PROCESS_START)
        (void)known_put(known, event->process.pid, event->process.start_ns, known_word_of((const void *)record, true));
    else if (!known_find(known, event->process.pid, event->process.start_ns))
        (void)known_put(known, event->process.pid, event->process.start_ns, KNOWN_ALIVE);
}
