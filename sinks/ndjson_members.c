/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of a line, in their order. `first` and `last` have what no row of fields.h tells, and those rows that
 * have a place of their own; every other row follows `first` in its object, in the order of the table. So a new field
 * is a row there, and nothing here.
 */
#include <string.h>

#include "ndjson_internal.h"

#define BIT(symbol)     MUSTER_FIELD_BIT(MUSTER_FIELD_##symbol)
#define TYPE(symbol)    (1U << MUSTER_EVENT_##symbol)
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define FORM(form)      &ndjson_forms[FORM_##form]

/* Where a scalar stands. */
#define AT(type, member) .place = offsetof(struct type, member), .width = sizeof(((struct type *)0)->member)
/* Of each type of process the same. */
#define AT_PROCESS(member) AT(muster_process_fork, process.member)

#define STARTS  (TYPE(PROCESS_START) | TYPE(PROCESS_RUNNING))
#define LEDGERS (TYPE(STATUS) | TYPE(SENSOR_STARTED) | TYPE(SENSOR_STOPPED))

#define SCALAR_ROW(type, symbol, member, form, name)         {(name), FORM(form), BIT(symbol), AT(type, member)},
#define PROCESS_ROW(symbol, number, member, form, name, ...) SCALAR_ROW(muster_process_fork, symbol, member, form, name)
#define START_ROW(symbol, number, member, form, name, ...)   SCALAR_ROW(muster_process_start, symbol, member, form, name)
#define EXIT_ROW(symbol, number, member, form, name, ...)    SCALAR_ROW(muster_process_exit, symbol, member, form, name)
#define GAP_ROW(symbol, number, member, form, name, ...)     SCALAR_ROW(muster_gap, symbol, member, form, name)
#define TEXT_ROW(symbol, number, member, form, name, ...)    {(name), FORM(form), BIT(symbol), .place = (number)},

/* clang-format off */
static const struct ndjson_member rows[] = {
    MUSTER_PROCESS_FIELDS(PROCESS_ROW)
    MUSTER_START_FIELDS(START_ROW)
    MUSTER_EXIT_FIELDS(EXIT_ROW)
    MUSTER_GAP_FIELDS(GAP_ROW)
    MUSTER_TEXT_FIELDS(TEXT_ROW)
};

/* The place of a row. */
#define ROW(symbol) {.fields = BIT(symbol)}

static const struct ndjson_member first[] = {
    {"@timestamp", FORM(TIME), AT(muster_record, time_ns)},
    {"ecs.version", &ndjson_word, .word = "8.11.0"},
    {"event.kind", &ndjson_event_word, .place = offsetof(struct ndjson_event, kind)},
    {"event.category", &ndjson_event_words, .place = offsetof(struct ndjson_event, category)},
    {"event.type", &ndjson_event_words, .place = offsetof(struct ndjson_event, type)},
    {"event.action", .form = &ndjson_event_action},
    {"event.code", &ndjson_event_word, .place = offsetof(struct ndjson_event, code)},
    {"event.sequence", FORM(NUMBER), AT(muster_record, sequence), .traits = TRAIT_NUMBERED},
    {"event.provider", &ndjson_stream_word, .place = offsetof(struct muster_stream, provider)},
    {"event.module", &ndjson_word, .word = "muster"},
    {"event.dataset", &ndjson_word, .word = "muster.process"},
    {"event.start", FORM(TIME), AT(muster_gap, start_ns), .traits = TRAIT_GAP_START},
    {"event.end", FORM(TIME), AT(muster_gap, end_ns), .traits = TRAIT_GAP_END},
    {"event.start", FORM(TIME), BIT(WINDOW), AT(muster_process_start, window_start_ns), .types = STARTS},
    {"event.end", FORM(TIME), BIT(WINDOW), AT(muster_process_start, window_end_ns), .types = STARTS},
    {"event.start", FORM(TIME), BIT(WINDOW), AT(muster_process_exit, window_start_ns), .types = TYPE(PROCESS_EXIT)},
    {"event.end", FORM(TIME), BIT(WINDOW), AT(muster_process_exit, window_end_ns), .types = TYPE(PROCESS_EXIT)},
    {"event.reason", &ndjson_gap_reason, .types = TYPE(GAP)},
    {"host.name", &ndjson_stream_word, .place = offsetof(struct muster_stream, host_name)},
    {"host.id", &ndjson_stream_word, .place = offsetof(struct muster_stream, host_id)},
    {"host.boot.id", .form = &ndjson_boot_id},
    {"host.os.type", &ndjson_stream_word, .place = offsetof(struct muster_stream, os_type)},
    {"host.os.kernel", &ndjson_stream_word, .place = offsetof(struct muster_stream, os_kernel)},
    ROW(PID),
    {"process.entity_id", &ndjson_entity, BIT(PID) | BIT(START), AT_PROCESS(pid),
     .second_place = offsetof(struct muster_process_fork, process.start_ns), .traits = TRAIT_ENTITY},
    ROW(START),
    {"process.name", &ndjson_name, BIT(EXECUTABLE), .traits = TRAIT_NAME},
    ROW(EXECUTABLE),
    ROW(ARGS),
    ROW(ARGS_COUNT),
    /* Linux has arguments, Windows the one string that they are taken from. */
    {"process.command_line", &ndjson_joined_arguments, BIT(ARGS), .traits = TRAIT_ARGUMENTS},
    ROW(COMMAND_LINE),
    ROW(WORKING_DIRECTORY),
    ROW(TID),
    ROW(THREAD_NAME),
    /* A number, or on Windows a security identifier. */
    ROW(USER),
    ROW(USER_SID),
    ROW(REAL_USER),
    ROW(GROUP),
    ROW(REAL_GROUP),
    ROW(SESSION),
    {"user.id", FORM(ID), BIT(USER), AT_PROCESS(user_id)},
    {"user.id", FORM(TEXT), BIT(USER_SID), .place = MUSTER_FIELD_USER_SID},
    {"error.code", &ndjson_word, .word = "EVENTS_LOST", .types = TYPE(GAP)},
    ROW(MESSAGE),
    {"agent.type", &ndjson_word, .word = "muster"},
    {"agent.version", &ndjson_stream_word, .place = offsetof(struct muster_stream, version)},
    {"agent.ephemeral_id", .form = &ndjson_stream_epoch},
    ROW(IMAGE_FLAGS),
    ROW(SCRIPT),
    ROW(INTERPRETER),
    ROW(CREATOR_PID),
    {"muster.creator.entity_id", &ndjson_entity, BIT(CREATOR_PID) | BIT(CREATOR_START),
     AT(muster_process_start, creator_pid),
     .second_place = offsetof(struct muster_process_start, creator_start_ns), .traits = TRAIT_ENTITY},
    ROW(CREATOR_START),
    ROW(CREATOR_TID),
    {"muster.loss.count", FORM(NUMBER), AT(muster_gap, count), .types = TYPE(GAP)},
    {"muster.loss.first_sequence", FORM(NUMBER), BIT(SEQUENCE_RANGE), AT(muster_gap, first_sequence)},
    ROW(SEQUENCE_RANGE),
    {"muster.loss.stage", &ndjson_gap_stage, .traits = TRAIT_STAGE},
    {"muster.loss.causes", &ndjson_counts_by_cause, AT(muster_gap, causes), .types = TYPE(GAP)},
    {"muster.loss.types", &ndjson_counts_by_type, AT(muster_gap, types), .types = TYPE(GAP)},
    {"muster.ledger.epoch", &ndjson_epoch, AT(muster_sensor_status, epoch), .types = LEDGERS},
    {"muster.ledger.produced", FORM(NUMBER), AT(muster_sensor_status, produced), .types = LEDGERS},
    {"muster.ledger.delivered", FORM(NUMBER), AT(muster_sensor_status, delivered), .types = LEDGERS},
    {"muster.ledger.filtered", FORM(NUMBER), AT(muster_sensor_status, filtered), .types = LEDGERS},
    {"muster.ledger.held", FORM(NUMBER), AT(muster_sensor_status, held), .types = LEDGERS},
    {"muster.ledger.degraded", FORM(NUMBER), AT(muster_sensor_status, degraded), .types = LEDGERS},
    {"muster.ledger.dropped", &ndjson_counts_by_cause, AT(muster_sensor_status, dropped), .types = LEDGERS},
};

static const struct ndjson_member last[] = {
    ROW(EXIT_CODE),
    {"process.exit_code", &ndjson_signal_code, BIT(EXIT_SIGNAL), AT(muster_process_exit, exit_signal)},
    {"process.end", FORM(TIME), AT(muster_record, time_ns), .traits = TRAIT_SEEN, .types = TYPE(PROCESS_EXIT)},
    ROW(PARENT_PID),
    {"process.parent.entity_id", &ndjson_entity, BIT(PARENT_PID) | BIT(PARENT_START), AT_PROCESS(parent_pid),
     .second_place = offsetof(struct muster_process_fork, process.parent_start_ns), .traits = TRAIT_ENTITY},
    ROW(PARENT_START),
    ROW(PARENT_EXECUTABLE),
    {"process.parent.name", &ndjson_parent_name, BIT(PARENT_EXECUTABLE), .traits = TRAIT_PARENT_NAME},
    {"muster.skeleton", &ndjson_bare_word, .word = "true", .traits = TRAIT_SKELETON},
    {"muster.synthetic", &ndjson_bare_word, .word = "true", .traits = TRAIT_SYNTHETIC},
    {"muster.unavailable", &ndjson_unavailable, .traits = TRAIT_UNAVAILABLE},
    {"muster.truncated", &ndjson_truncated, .traits = TRAIT_TRUNCATED},
};
/* clang-format on */

MUSTER_STATIC_ASSERT(COUNT_OF(first) + COUNT_OF(last) + COUNT_OF(rows) <= NDJSON_MEMBERS_MAX, "there is room for all");
MUSTER_STATIC_ASSERT(NDJSON_MEMBERS_MAX <= UINT8_MAX, "ndjson_member.successor holds every place");

/* Behind the last one of the innermost object that is there already. */
static void insert(struct ndjson_sink *ndjson, const struct ndjson_member *member)
{
    size_t most = 0;
    unsigned place = ndjson->member_count;
    for (unsigned i = 0; i < ndjson->member_count; i++) {
        size_t shared = ndjson_shared_bytes(ndjson->members[i].name, member->name);
        if (shared != 0 && shared >= most) {
            most = shared;
            place = i + 1;
        }
    }
    memmove(&ndjson->members[place + 1], &ndjson->members[place],
            (ndjson->member_count - place) * sizeof(*ndjson->members));
    ndjson->members[place] = *member;
    ndjson->member_count++;
}

static const struct ndjson_member *row_of(uint64_t field)
{
    const struct ndjson_member *row = rows;
    while (row->fields != field)
        row++;
    return row;
}

static void insert_all(struct ndjson_sink *ndjson, const struct ndjson_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++)
        insert(ndjson, members[i].form == NULL ? row_of(members[i].fields) : &members[i]);
}

static uint64_t rows_in(const struct ndjson_member *members, size_t count)
{
    uint64_t fields = 0;
    for (size_t i = 0; i < count; i++)
        fields |= members[i].form == NULL ? members[i].fields : 0;
    return fields;
}

static void find_successors(struct ndjson_sink *ndjson)
{
    for (unsigned i = 0; i < ndjson->member_count; i++)
        for (unsigned j = i + 1; j < ndjson->member_count && ndjson->members[i].successor == 0; j++)
            if (strcmp(ndjson->members[i].name, ndjson->members[j].name) == 0)
                ndjson->members[i].successor = (uint8_t)j;
}

void ndjson_members_init(struct ndjson_sink *ndjson)
{
    const uint64_t placed = rows_in(first, COUNT_OF(first)) | rows_in(last, COUNT_OF(last));
    insert_all(ndjson, first, COUNT_OF(first));
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if ((rows[i].fields & placed) == 0)
            insert(ndjson, &rows[i]);
    insert_all(ndjson, last, COUNT_OF(last));
    find_successors(ndjson);
}
