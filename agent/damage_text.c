/* SPDX-License-Identifier: Apache-2.0 */
/* damage_text.h */
#include "damage_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "muster/record.h"
#include "utc_text.h"

MUSTER_PRINTF(2, 3)
static void add(char text[DAMAGE_TEXT_BYTES], const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text + used, DAMAGE_TEXT_BYTES - used, format, arguments);
    va_end(arguments);
}

uint64_t damage_count(const struct muster_capture_damage *damage)
{
    uint64_t count = 0;

    for (unsigned i = 0; damage->counted && i < MUSTER_EVENT_NUMBERED_COUNT; i++)
        count += damage->types[i];
    return count;
}

/* "frame 3", "frames 3 to 5" */
static void add_frames(char *text, const struct muster_capture_damage *damage)
{
    if (damage->first_frame == damage->last_frame)
        add(text, "frame %" PRIu64, damage->first_frame);
    else
        add(text, "frames %" PRIu64 " to %" PRIu64, damage->first_frame, damage->last_frame);
}

/* "bytes 10 to 19 (frame 3)" */
static void add_place(char *text, const struct muster_capture_damage *damage)
{
    add(text, "bytes %" PRIu64 " to %" PRIu64, damage->offset_bytes, damage->offset_bytes + damage->size_bytes - 1);
    if (!damage->frames_known)
        return;
    add(text, " (");
    add_frames(text, damage);
    add(text, ")");
}

static void add_cut(char *text, const struct muster_capture_damage *damage)
{
    add(text, "it ends at byte %" PRIu64 " without its end", damage->offset_bytes);
    if (damage->counted)
        add(text, "; no event came behind that");
    else
        add(text, ": it was cut, or muster was killed; what came behind that is not known");
}

static void add_what(char *text, const struct muster_capture_damage *damage)
{
    switch (damage->kind) {
    case MUSTER_CAPTURE_CHANGED:
        add_place(text, damage);
        add(text, damage->frames_known ? " are not as they were written" : " do not belong there");
        break;
    case MUSTER_CAPTURE_MISSING:
        add_frames(text, damage);
        add(text, damage->first_frame == damage->last_frame ? " is missing" : " are missing");
        break;
    case MUSTER_CAPTURE_DOUBLED:
        add_place(text, damage);
        add(text, " are there once more, or too late");
        break;
    case MUSTER_CAPTURE_MOVED:
        add_place(text, damage);
        add(text, " are out of their place");
        break;
    case MUSTER_CAPTURE_FOREIGN:
        add_place(text, damage);
        add(text, " are of a capture of which the beginning is not here, and cannot be read");
        break;
    case MUSTER_CAPTURE_REWRITTEN:
        add_place(text, damage);
        add(text, " do not follow from what stands before them: one of both was written by somebody else");
        break;
    case MUSTER_CAPTURE_LATER:
        add_place(text, damage);
        add(text, " are of a later version of muster, and cannot be read");
        break;
    default:
        add_cut(text, damage);
        break;
    }
}

static void add_types(char *text, const struct muster_capture_damage *damage)
{
    const char *separator = "";

    for (unsigned i = 0; i < MUSTER_EVENT_NUMBERED_COUNT; i++)
        if (damage->types[i] != 0) {
            add(text, "%s%s %" PRIu64, separator, muster_event_type_name(i + 1), damage->types[i]);
            separator = ", ";
        }
}

static void add_times(char *text, const struct muster_capture_damage *damage)
{
    char from[UTC_TEXT_BYTES], to[UTC_TEXT_BYTES];

    if (damage->start_ns != 0 && damage->end_ns != 0)
        add(text, ", between %s and %s", utc_text(damage->start_ns, from), utc_text(damage->end_ns, to));
    else if (damage->start_ns != 0)
        add(text, ", after %s", utc_text(damage->start_ns, from));
    else if (damage->end_ns != 0)
        add(text, ", before %s", utc_text(damage->end_ns, to));
}

static void add_loss(char *text, const struct muster_capture_damage *damage)
{
    uint64_t count = damage_count(damage);

    if (!damage->counted) {
        if (damage->kind != MUSTER_CAPTURE_CUT)
            add(text, "; how many events are lost is not known");
        return;
    }
    if (count == 0) {
        if (damage->record_count > 0)
            add(text, "; %" PRIu64 " records without a number are lost", damage->record_count);
        return;
    }
    add(text, "; %" PRIu64 " %s lost (", count, count == 1 ? "event is" : "events are");
    add_types(text, damage);
    if (damage->range_known && damage->first_sequence == damage->last_sequence)
        add(text, "; number %" PRIu64, damage->first_sequence);
    else if (damage->range_known)
        add(text, "; numbers %" PRIu64 " to %" PRIu64, damage->first_sequence, damage->last_sequence);
    add(text, ")");
    add_times(text, damage);
}

const char *damage_text(const struct muster_capture_damage *damage, char text[DAMAGE_TEXT_BYTES])
{
    text[0] = '\0';
    add_what(text, damage);
    add_loss(text, damage);
    return text;
}
