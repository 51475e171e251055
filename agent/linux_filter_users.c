/* SPDX-License-Identifier: Apache-2.0 */
/* filter_users.h */
#include "filter_users.h"

#include <pwd.h>
#include <stdlib.h>

/* A number needs no name: many users of containers have none here. (uid_t)-1 is nobody's. */
static bool number_parse(const char *text, uint32_t *ret_number)
{
    unsigned long long number = 0;
    const char *at = text;

    for (; *at >= '0' && *at <= '9'; at++)
        if ((number = number * 10 + (unsigned)(*at - '0')) >= UINT32_MAX)
            return false;
    if (at == text || *at)
        return false;
    *ret_number = (uint32_t)number;
    return true;
}

bool filter_user_add(struct muster_filter_part *part, const char *user, enum muster_filter_refusal *ret_refusal)
{
    const struct passwd *entry;
    uint32_t number;

    if (!number_parse(user, &number)) {
        entry = getpwnam(user);
        if (!entry)
            return false;
        number = entry->pw_uid;
    }
    *ret_refusal = muster_filter_add_number(&part->users, number);
    return true;
}
