/* SPDX-License-Identifier: Apache-2.0 */
/* units.h */
#include "units.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* The number at the beginning of `text`; strtoull alone would take signs and spaces too. */
static bool number_parse(const char *text, uint64_t *ret_number, const char **ret_rest)
{
    char *end;
    unsigned long long number;

    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    number = strtoull(text, &end, 10);
    if (errno)
        return false;
    *ret_number = number;
    *ret_rest = end;
    return true;
}

static bool unit_apply(const struct unit *units, size_t count, const char *text, uint64_t *ret)
{
    uint64_t number;
    const char *rest;

    if (!number_parse(text, &number, &rest))
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(rest, units[i].name) == 0)
            return !__builtin_mul_overflow(number, units[i].factor, &number) && (*ret = number, true);
    return false;
}

bool size_parse(const char *text, uint64_t *ret_bytes)
{
    static const struct unit units[] = {{"", 1}, {"K", 1ULL << 10}, {"M", 1ULL << 20}, {"G", 1ULL << 30}};

    return unit_apply(units, sizeof(units) / sizeof(*units), text, ret_bytes);
}

bool time_parse(const char *text, uint64_t *ret_ms)
{
    static const struct unit units[] = {{"", 1000},   {"ms", 1},      {"s", 1000},
                                        {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

    return unit_apply(units, sizeof(units) / sizeof(*units), text, ret_ms);
}
