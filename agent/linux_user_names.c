/* SPDX-License-Identifier: Apache-2.0 */
/* user_names.h: a small direct-mapped cache in front of getpwuid(3), which may ask a network. */
#include "user_names.h"

#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CACHE_SIZE 64

struct cached_name {
    bool known;
    uint32_t user_id;
    char name[33]; /* empty: it has none */
};

static struct cached_name cache[CACHE_SIZE];

const char *user_name_of(uint32_t user_id)
{
    struct cached_name *entry = &cache[user_id % CACHE_SIZE];

    if (!entry->known || entry->user_id != user_id) {
        const struct passwd *user = getpwuid(user_id);

        entry->known = true;
        entry->user_id = user_id;
        snprintf(entry->name, sizeof(entry->name), "%s", user ? user->pw_name : "");
    }
    return entry->name[0] ? entry->name : NULL;
}
