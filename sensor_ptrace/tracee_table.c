/* SPDX-License-Identifier: Apache-2.0 */
/* tracee_table.h */
#include "tracee_table.h"

#include <stdlib.h>

struct tracee *tracee_find(const struct tracee_table *table, uint32_t pid)
{
    struct tracee *tracee = table->buckets[pid % TRACEE_BUCKETS];

    while (tracee && tracee->pid != pid)
        tracee = tracee->next;
    return tracee;
}

struct tracee *tracee_add(struct tracee_table *table, uint32_t pid)
{
    struct tracee **bucket = &table->buckets[pid % TRACEE_BUCKETS];
    struct tracee *tracee = calloc(1, sizeof(*tracee));

    if (!tracee)
        return NULL;
    tracee->pid = pid;
    tracee->next = *bucket;
    *bucket = tracee;
    table->count++;
    return tracee;
}

void tracee_remove(struct tracee_table *table, uint32_t pid)
{
    struct tracee **place = &table->buckets[pid % TRACEE_BUCKETS];
    struct tracee *tracee;

    while (*place && (*place)->pid != pid)
        place = &(*place)->next;
    tracee = *place;
    if (!tracee)
        return;
    *place = tracee->next;
    table->count--;
    free(tracee);
}

void tracee_table_deinit(struct tracee_table *table)
{
    for (size_t i = 0; i < TRACEE_BUCKETS; i++)
        while (table->buckets[i])
            tracee_remove(table, table->buckets[i]->pid);
}
