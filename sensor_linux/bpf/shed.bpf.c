/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* shed.h: the rows. Two CPUs that want one place at once may mix two rows: it is a summary, not an account. */
#include "shed.h"

#define HASH_FACTOR 0x9e3779b97f4a7c15ULL

struct shed_key {
    __u64 words[2];
};

static __always_inline __u64 row_total(const struct sensor_shed_row *row)
{
    return row->counts[0] + row->counts[1] + row->counts[2];
}

static __always_inline void row_count(struct sensor_shed_row *rows, const struct shed_key *key, const char *name,
                                      __u32 program)
{
    __u32 begin = ((key->words[0] ^ key->words[1]) * HASH_FACTOR >> 60) * SENSOR_SHED_WAYS;
    __u32 least = 0, found = 0;
    __u64 least_total = ~0ULL;
    struct sensor_shed_row *row;

    for (__u32 way = 0; way < SENSOR_SHED_WAYS && !found; way++) {
        row = &rows[(begin + way) & (SENSOR_SHED_ROWS - 1)];
        found = row->key[0] == key->words[0] && row->key[1] == key->words[1];
        if (found || row_total(row) < least_total) {
            least = way;
            least_total = row_total(row);
        }
    }
    row = &rows[(begin + least) & (SENSOR_SHED_ROWS - 1)];
    if (!found) {
        row->key[0] = key->words[0];
        row->key[1] = key->words[1];
        row->counts[0] = row->counts[1] = row->counts[2] = 0;
        __builtin_memcpy(row->name, name, sizeof(row->name));
    }
    if (program < SENSOR_PROGRAM_COUNT)
        __sync_fetch_and_add(&row->counts[program], 1);
}

int shed_count(struct shed_who *who, __u32 program)
{
    struct shed_key key;

    if (!who)
        return 0;
    key.words[0] = who->parent[0];
    key.words[1] = who->parent[1];
    row_count(control.shed_parents, &key, who->parent_name, program);
    key.words[0] = who->name_words[0];
    key.words[1] = who->name_words[1];
    row_count(control.shed_names, &key, who->name, program);
    return 0;
}

MUSTER_STATIC_ASSERT(SENSOR_SHED_SETS == 16, "the four bits of row_count");
