/* SPDX-License-Identifier: Apache-2.0 */
/* epoch_judge.h: pieces of what is told. */
#include <inttypes.h>
#include <stdio.h>

#include "epoch_judge.h"
#include "utc_text.h"

const char *epoch_text_numbers(uint64_t first, uint64_t last, char text[EPOCH_TEXT_BYTES])
{
    if (first == last)
        snprintf(text, EPOCH_TEXT_BYTES, "number %" PRIu64 " is", first);
    else
        snprintf(text, EPOCH_TEXT_BYTES, "numbers %" PRIu64 " to %" PRIu64 " are", first, last);
    return text;
}

const char *epoch_text_times(uint64_t from_ns, uint64_t to_ns, char text[EPOCH_TEXT_BYTES])
{
    char from[UTC_TEXT_BYTES], to[UTC_TEXT_BYTES];

    text[0] = '\0';
    if (from_ns != 0 && to_ns != 0)
        snprintf(text, EPOCH_TEXT_BYTES, ", between %s and %s", utc_text(from_ns, from), utc_text(to_ns, to));
    else if (from_ns != 0)
        snprintf(text, EPOCH_TEXT_BYTES, ", after %s", utc_text(from_ns, from));
    else if (to_ns != 0)
        snprintf(text, EPOCH_TEXT_BYTES, ", before %s", utc_text(to_ns, to));
    return text;
}

const char *epoch_text_causes(uint32_t causes, char text[EPOCH_TEXT_BYTES])
{
    size_t used = 0;

    text[0] = '\0';
    for (unsigned cause = 0; cause < VERIFY_CAUSES; cause++)
        if ((causes & 1U << cause) && used < EPOCH_TEXT_BYTES)
            used += (size_t)snprintf(text + used, EPOCH_TEXT_BYTES - used, "%s%s", used ? ", " : "",
                                     verify_cause_name(cause));
    return text;
}
