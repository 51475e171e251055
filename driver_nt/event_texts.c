/* SPDX-License-Identifier: Apache-2.0 */
/* event_texts.h */
#include "driver_nt/event_texts.h"

#include "muster/text_utf16.h"
#include "platform/platform.h"

/* A counted string of the kernel, of which a terminator is never expected, and what it takes in WTF-8. */
struct source {
    enum muster_field field;
    const uint16_t *units; /* NULL: there is none */
    size_t units_bytes;
    size_t text_bytes;
    bool malformed; /* half a unit, or a length without a buffer */
};

static struct source source_of(enum muster_field field, const UNICODE_STRING *string)
{
    struct source source = {.field = field};

    if (string == NULL)
        return source;
    source.units = (const uint16_t *)string->Buffer;
    source.units_bytes = string->Length;
    if (field == MUSTER_FIELD_EXECUTABLE) {
        const size_t prefix = muster_image_path_prefix_bytes(source.units, source.units_bytes);
        if (prefix != 0)
            source.units += prefix / sizeof *source.units;
        source.units_bytes -= prefix;
    }
    source.malformed = muster_utf16_wtf8_size(source.units, source.units_bytes, &source.text_bytes) != MUSTER_OK;
    if (source.units == NULL && !source.malformed)
        source.units = u""; /* an empty string may have no buffer */
    return source;
}

static bool is_usable(const struct source *source)
{
    return source->units != NULL && !source->malformed;
}

static void add_text(struct event_texts *texts, enum muster_field field, const char *bytes, size_t size)
{
    texts->texts[texts->count++] = muster_text_whole(field, bytes, (uint32_t)size);
}

/* Converts behind what was converted before; returns what is left of the room. */
static char *add_source(struct event_texts *texts, const struct source *source, char *room)
{
    size_t size = 0;

    if (!is_usable(source))
        return room;
    if (muster_utf16_to_wtf8(source->units, source->units_bytes, room, source->text_bytes, &size) == MUSTER_OK)
        add_text(texts, source->field, room, size);
    return room + size;
}

/* Where the converted texts go; NULL where there is no memory. */
static char *room_for(struct event_texts *texts, size_t bytes)
{
    if (bytes <= sizeof texts->small)
        return texts->small;
    texts->pool = muster_platform_allocate(bytes);
    texts->pool_bytes = bytes;
    return texts->pool;
}

static void note_missing(const struct event_texts *texts, struct muster_process_start *start,
                         const struct source *sources, size_t count)
{
    uint64_t there = 0;

    for (size_t i = 0; i < texts->count; i++)
        there |= MUSTER_FIELD_BIT(texts->texts[i].field);
    for (size_t i = 0; i < count; i++) {
        const uint64_t bit = MUSTER_FIELD_BIT(sources[i].field);
        if ((there & bit) != 0)
            continue;
        start->record.unavailable |= bit;
        if (sources[i].units != NULL || sources[i].malformed)
            start->record.flags |= MUSTER_RECORD_SKELETON;
    }
}

static void image_flags_fill(struct muster_process_start *start, const PS_CREATE_NOTIFY_INFO *info)
{
    if (info->ImageFileName == NULL)
        return;
    start->image_flags = info->FileOpenNameAvailable ? MUSTER_IMAGE_OPENED_NAME : 0;
    start->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_IMAGE_FLAGS);
}

void event_texts_init(struct event_texts *texts, struct muster_process_start *start, const PS_CREATE_NOTIFY_INFO *info,
                      PEPROCESS process)
{
    const struct source sources[] = {source_of(MUSTER_FIELD_EXECUTABLE, info->ImageFileName),
                                     source_of(MUSTER_FIELD_COMMAND_LINE, info->CommandLine)};
    char *room;
    size_t bytes = 0;

    texts->count = 0;
    texts->pool = NULL;
    image_flags_fill(start, info);
    for (size_t i = 0; i < 2; i++)
        bytes += is_usable(&sources[i]) ? sources[i].text_bytes : 0;
    room = room_for(texts, bytes);
    for (size_t i = 0; i < 2 && room != NULL; i++)
        room = add_source(texts, &sources[i], room);
    note_missing(texts, start, sources, 2);

    bytes = token_user_sid(process, texts->user_sid);
    if (bytes != 0)
        add_text(texts, MUSTER_FIELD_USER_SID, texts->user_sid, bytes);
    else
        start->record.unavailable |= MUSTER_FIELD_BIT(MUSTER_FIELD_USER_SID);
}

void event_texts_deinit(struct event_texts *texts)
{
    if (texts->pool != NULL)
        muster_platform_free(texts->pool, texts->pool_bytes);
}
