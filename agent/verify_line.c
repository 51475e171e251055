/* SPDX-License-Identifier: Apache-2.0 */
/* verify_lines.h: what a line says. Strict: muster writes each member once, and numbers as numbers. */
#include <string.h>

#include "json_scan.h"
#include "muster/record.h"
#include "utc_text.h"
#include "verify_lines.h"

/* A member that is looked for; .found where it is there. */
struct member {
    const char *key;
    struct json_value value;
    bool found;
};

/* False where one of them is there twice: JSON does not say which one holds. */
static bool members_pick(const struct json_value *object, struct member *members, size_t count)
{
    struct json_cursor cursor = {0};
    struct json_value key, value;

    while (json_scan_next(object, &cursor, &key, &value))
        for (size_t i = 0; i < count; i++) {
            if (!json_scan_is(&key, members[i].key))
                continue;
            if (members[i].found)
                return false;
            members[i].value = value;
            members[i].found = true;
        }
    return true;
}

static bool number_of(const struct member *member, uint64_t *ret_number)
{
    return member->found && json_scan_number(&member->value, ret_number);
}

static bool time_of(const struct member *member, uint64_t *ret_ns)
{
    return member->found && member->value.size_bytes > 2 && member->value.bytes[0] == '"' &&
           utc_parse(member->value.bytes + 1, member->value.size_bytes - 2, ret_ns);
}

/* 16 hexadecimal digits. */
static bool epoch_of(const struct member *member, uint64_t *ret_epoch)
{
    uint64_t epoch = 0;

    if (!member->found || member->value.size_bytes != 18 || member->value.bytes[0] != '"')
        return false;
    for (size_t i = 1; i < 17; i++) {
        char digit = member->value.bytes[i];

        if (!((digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f')))
            return false;
        epoch = epoch << 4 | (uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    *ret_epoch = epoch;
    return true;
}

/* Counts by name. */
static bool causes_read(const struct member *member, uint64_t causes[VERIFY_CAUSES])
{
    struct json_cursor cursor = {0};
    struct json_value key, value;
    uint64_t count;

    memset(causes, 0, VERIFY_CAUSES * sizeof(*causes));
    if (!member->found || member->value.bytes[0] != '{')
        return false;
    while (json_scan_next(&member->value, &cursor, &key, &value)) {
        unsigned cause = verify_cause(key.bytes + 1, key.size_bytes - 2);

        if (!json_scan_number(&value, &count) || __builtin_add_overflow(causes[cause], count, &causes[cause]))
            return false;
    }
    return true;
}

static bool ledger_read(const struct json_value *object, struct verify_event *event)
{
    struct member members[] = {{.key = "epoch"},    {.key = "produced"}, {.key = "delivered"},
                               {.key = "filtered"}, {.key = "held"},     {.key = "dropped"}};
    struct verify_ledger *ledger = &event->ledger;
    uint64_t epoch;

    return members_pick(object, members, 6) && epoch_of(&members[0], &epoch) && epoch == event->epoch &&
           number_of(&members[1], &ledger->produced) && number_of(&members[2], &ledger->delivered) &&
           number_of(&members[3], &ledger->filtered) && number_of(&members[4], &ledger->held) &&
           causes_read(&members[5], ledger->dropped);
}

static bool gap_is_sound(const struct verify_gap *gap)
{
    uint64_t sum = 0;

    for (unsigned cause = 0; cause < VERIFY_CAUSES; cause++)
        if (__builtin_add_overflow(sum, gap->causes[cause], &sum))
            return false;
    if (gap->count == 0 || sum != gap->count)
        return false;
    return !gap->has_range || (gap->first != 0 && gap->first <= gap->last && gap->count - 1 <= gap->last - gap->first);
}

static bool loss_read(const struct json_value *object, const struct member *start, const struct member *end,
                      struct verify_event *event)
{
    struct member members[] = {
        {.key = "count"}, {.key = "first_sequence"}, {.key = "last_sequence"}, {.key = "stage"}, {.key = "causes"}};
    struct verify_gap *gap = &event->gap;

    *gap = (struct verify_gap){0};
    if (!members_pick(object, members, 5) || !number_of(&members[0], &gap->count) ||
        !causes_read(&members[4], gap->causes) || members[1].found != members[2].found)
        return false;
    gap->has_range = members[1].found;
    if (gap->has_range && (!number_of(&members[1], &gap->first) || !number_of(&members[2], &gap->last)))
        return false;
    gap->is_placed = !members[3].found || !json_scan_is(&members[3].value, muster_stage_name(MUSTER_STAGE_CAPTURE));
    if ((start->found && !time_of(start, &gap->start_ns)) || (end->found && !time_of(end, &gap->end_ns)))
        return false;
    return gap_is_sound(gap);
}

enum { EVENT_ACTION, EVENT_SEQUENCE, EVENT_MODULE, EVENT_START, EVENT_END, EVENT_MEMBERS };
enum { LINE_TIME, LINE_EVENT, LINE_AGENT, LINE_MUSTER, LINE_MEMBERS };

/* Of muster's own object: "ledger" or "loss". */
static bool own_find(const struct member *line, const char *key, struct json_value *ret_value)
{
    struct member member = {.key = key};

    if (!line[LINE_MUSTER].found || line[LINE_MUSTER].value.bytes[0] != '{' ||
        !members_pick(&line[LINE_MUSTER].value, &member, 1) || !member.found || member.value.bytes[0] != '{')
        return false;
    *ret_value = member.value;
    return true;
}

static bool kind_is_numbered(const struct json_value *action)
{
    for (unsigned type = 1; type <= MUSTER_EVENT_TYPE_COUNT; type++)
        if (muster_event_is_numbered(type) && json_scan_is(action, muster_event_action(type)))
            return true;
    return false;
}

/* Concluded and not seen, so never numbered. */
static bool is_concluded(const struct member *line)
{
    struct member member = {.key = "synthetic"};

    return line[LINE_MUSTER].found && line[LINE_MUSTER].value.bytes[0] == '{' &&
           members_pick(&line[LINE_MUSTER].value, &member, 1) && member.found && member.value.bytes[0] == 't';
}

static const char *kind_read(const struct member *line, const struct member *members, struct verify_event *event)
{
    static const struct {
        enum muster_event_type type;
        enum verify_kind kind;
    } kinds[] = {{MUSTER_EVENT_PROCESS_RUNNING, VERIFY_OTHER},
                 {MUSTER_EVENT_GAP, VERIFY_GAP},
                 {MUSTER_EVENT_SENSOR_STARTED, VERIFY_STARTED},
                 {MUSTER_EVENT_STATUS, VERIFY_STATUS},
                 {MUSTER_EVENT_SENSOR_STOPPED, VERIFY_STOPPED}};
    const struct json_value *action = &members[EVENT_ACTION].value;
    struct json_value own;
    size_t i = 0;

    /* What has a number is numbered, also where a later version has a name for it that is not known here. */
    if (members[EVENT_SEQUENCE].found || (kind_is_numbered(action) && !is_concluded(line))) {
        event->kind = VERIFY_NUMBERED;
        return number_of(&members[EVENT_SEQUENCE], &event->sequence) && event->sequence != 0 ? NULL : "no number";
    }
    event->kind = VERIFY_OTHER;
    if (kind_is_numbered(action))
        return NULL;
    while (i < sizeof(kinds) / sizeof(*kinds) && !json_scan_is(action, muster_event_action(kinds[i].type)))
        i++;
    if (i < sizeof(kinds) / sizeof(*kinds))
        event->kind = kinds[i].kind;
    if (event->kind == VERIFY_OTHER)
        return NULL;
    if (event->kind == VERIFY_GAP)
        return own_find(line, "loss", &own) && loss_read(&own, &members[EVENT_START], &members[EVENT_END], event)
                   ? NULL
                   : "its loss does not add up";
    return own_find(line, "ledger", &own) && ledger_read(&own, event) ? NULL : "its ledger is not whole";
}

static bool is_blank(const char *bytes, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++)
        if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r')
            return false;
    return true;
}

enum verify_line verify_line_read(const char *bytes, size_t size_bytes, struct verify_event *ret_event,
                                  const char **ret_why)
{
    struct member line[LINE_MEMBERS] = {{.key = "@timestamp"}, {.key = "event"}, {.key = "agent"}, {.key = "muster"}};
    struct member members[EVENT_MEMBERS] = {
        {.key = "action"}, {.key = "sequence"}, {.key = "module"}, {.key = "start"}, {.key = "end"}};
    struct member agent = {.key = "ephemeral_id"};
    struct verify_event event = {.digest = verify_digest(bytes, size_bytes)};
    struct json_value object;

    if (is_blank(bytes, size_bytes))
        return VERIFY_LINE_FOREIGN;
    *ret_why = "it is no JSON object";
    if (!json_scan_object(bytes, size_bytes, &object))
        return VERIFY_LINE_BAD;
    *ret_why = "a member is there twice";
    if (!members_pick(&object, line, LINE_MEMBERS))
        return VERIFY_LINE_BAD;
    if (!line[LINE_EVENT].found || line[LINE_EVENT].value.bytes[0] != '{')
        return VERIFY_LINE_FOREIGN;
    if (!members_pick(&line[LINE_EVENT].value, members, EVENT_MEMBERS))
        return VERIFY_LINE_BAD;
    if (!members[EVENT_MODULE].found || !json_scan_is(&members[EVENT_MODULE].value, "muster"))
        return VERIFY_LINE_FOREIGN;
    *ret_why = "it does not say when, what or of which epoch";
    if (!members[EVENT_ACTION].found || !time_of(&line[LINE_TIME], &event.time_ns) || !line[LINE_AGENT].found ||
        line[LINE_AGENT].value.bytes[0] != '{' || !members_pick(&line[LINE_AGENT].value, &agent, 1) ||
        !epoch_of(&agent, &event.epoch))
        return VERIFY_LINE_BAD;
    *ret_why = kind_read(line, members, &event);
    if (*ret_why)
        return VERIFY_LINE_BAD;
    *ret_event = event;
    return VERIFY_LINE_EVENT;
}
