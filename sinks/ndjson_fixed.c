/* SPDX-License-Identifier: Apache-2.0 */
/* The NDJSON sink: values that are the same on every line of a type. They are written into its shapes. */
#include "ndjson_internal.h"

static const struct ndjson_event events[MUSTER_EVENT_TYPE_COUNT + 1] = {
    [MUSTER_EVENT_PROCESS_START] = {"event", "process", "start", "1"},
    [MUSTER_EVENT_PROCESS_EXIT] = {"event", "process", "end", "5"},
    [MUSTER_EVENT_PROCESS_FORK] = {"event", "process", "start", NULL},
    [MUSTER_EVENT_MESSAGE] = {"event", "process", "info", NULL},
    [MUSTER_EVENT_GAP] = {"event", "host", "info", "255"},
    [MUSTER_EVENT_STATUS] = {"metric", "host", "info", NULL},
    [MUSTER_EVENT_PROCESS_RUNNING] = {"state", "process", "info", NULL},
    [MUSTER_EVENT_SENSOR_STARTED] = {"event", "host", "info", "4"},
    [MUSTER_EVENT_SENSOR_STOPPED] = {"event", "host", "info", "4"},
};

static const char *string_at(const void *structure, const struct ndjson_member *member)
{
    return *(const char *const *)(const void *)((const char *)structure + member->place);
}

static const char *word(const struct ndjson_sink *ndjson, unsigned type, const struct ndjson_member *member)
{
    (void)ndjson;
    (void)type;
    return member->word;
}

static const char *stream_word(const struct ndjson_sink *ndjson, unsigned type, const struct ndjson_member *member)
{
    (void)type;
    return string_at(ndjson->sink.stream, member);
}

static const char *event_word(const struct ndjson_sink *ndjson, unsigned type, const struct ndjson_member *member)
{
    (void)ndjson;
    return string_at(&events[type], member);
}

static const char *event_action(const struct ndjson_sink *ndjson, unsigned type, const struct ndjson_member *member)
{
    (void)ndjson;
    (void)member;
    return muster_event_action(type);
}

static const char *boot_id(const struct ndjson_sink *ndjson, unsigned type, const struct ndjson_member *member)
{
    (void)type;
    (void)member;
    return ndjson->sink.stream->boot_id_valid ? ndjson->boot_id : NULL;
}

static const char *stream_epoch(const struct ndjson_sink *ndjson, unsigned type, const struct ndjson_member *member)
{
    (void)type;
    (void)member;
    return ndjson->epoch;
}

const struct ndjson_form ndjson_word = {"\"", "\"", .fixed = word};
const struct ndjson_form ndjson_stream_word = {"\"", "\"", .fixed = stream_word};
const struct ndjson_form ndjson_event_word = {"\"", "\"", .fixed = event_word};
const struct ndjson_form ndjson_event_words = {"[\"", "\"]", .fixed = event_word};
const struct ndjson_form ndjson_event_action = {"\"", "\"", .fixed = event_action};
const struct ndjson_form ndjson_boot_id = {"\"", "\"", .fixed = boot_id};
const struct ndjson_form ndjson_stream_epoch = {"\"", "\"", .fixed = stream_epoch};
const struct ndjson_form ndjson_bare_word = {"", "", .fixed = word};

static void write_hex(char *out, uint64_t value, unsigned digit_count)
{
    for (unsigned i = digit_count; i-- > 0; value >>= 4)
        out[i] = "0123456789abcdef"[value & 15];
}

void ndjson_fixed_init(struct ndjson_sink *ndjson)
{
    const struct muster_stream *stream = ndjson->sink.stream;
    char *out = ndjson->boot_id;
    for (unsigned i = 0; i < sizeof(stream->boot_id); i++, out += 2) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        write_hex(out, stream->boot_id[i], 2);
    }
    write_hex(ndjson->epoch, stream->epoch, 16);
}
