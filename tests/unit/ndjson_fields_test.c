/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NDJSON and the table of fields: each field's bit gives the member with its name, and nothing else; each form, at its
 * extremes. What is expected of a form is written out here; the names of capabilities are the kernel's own.
 */
#include "unit/sink_fixture.h"

#include <linux/capability.h>
#include <stdio.h>

#include "unit/json_checker.h"

/* ---- the table, and the members of a line ---------------------------------------------------------- */

struct field {
    const char *symbol;
    unsigned number;
    const char *form;
    const char *name;
    unsigned type; /* of an event that may have it */
    size_t place;
    size_t width;
};

#define SCALAR(type, event, symbol, number, member, form, name)                                                        \
    {#symbol, number, #form, name, event, offsetof(struct type, member), sizeof(((struct type *)0)->member)},
#define PROCESS_FIELD(symbol, number, member, form, name, ...)                                                         \
    SCALAR(muster_process_fork, MUSTER_EVENT_PROCESS_FORK, symbol, number, member, form, name)
#define START_FIELD(symbol, number, member, form, name, ...)                                                           \
    SCALAR(muster_process_start, MUSTER_EVENT_PROCESS_START, symbol, number, member, form, name)
#define EXIT_FIELD(symbol, number, member, form, name, ...)                                                            \
    SCALAR(muster_process_exit, MUSTER_EVENT_PROCESS_EXIT, symbol, number, member, form, name)
#define GAP_FIELD(symbol, number, member, form, name, ...)                                                             \
    SCALAR(muster_gap, MUSTER_EVENT_GAP, symbol, number, member, form, name)
#define TEXT_FIELD(symbol, number, member, form, name, ...)                                                            \
    {#symbol, number, #form, name, MUSTER_EVENT_PROCESS_START, 0, 0},

/* clang-format off */
static const struct field fields[] = {
    MUSTER_PROCESS_FIELDS(PROCESS_FIELD)
    MUSTER_START_FIELDS(START_FIELD)
    MUSTER_EXIT_FIELDS(EXIT_FIELD)
    MUSTER_WINDOW_FIELDS(START_FIELD)
    MUSTER_WINDOW_FIELDS(EXIT_FIELD)
    MUSTER_GAP_FIELDS(GAP_FIELD)
    MUSTER_TEXT_FIELDS(TEXT_FIELD)
};
/* clang-format on */

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

enum { MEMBERS_MAX = 64, NAME_MAX_BYTES = 80 };

/* The dotted names of a line: of each value that is no object, or an empty one. */
struct names {
    char name[MEMBERS_MAX][NAME_MAX_BYTES];
    size_t count;
};

static void add_names(struct names *names, struct checker *at, const char *prefix)
{
    assert_true(checker_take(at, '{'));
    do {
        struct checker key = *at;
        assert_true(checker_string(at, NULL, NULL) && checker_take(at, ':'));
        char name[NAME_MAX_BYTES];
        const int key_bytes = (int)(at->at - key.at) - 3;
        assert_true(snprintf(name, sizeof(name), "%s%s%.*s", prefix, prefix[0] == 0 ? "" : ".", key_bytes, key.at + 1) <
                    (int)sizeof(name));
        if (*at->at == '{' && at->at[1] != '}') {
            add_names(names, at, name);
        } else {
            assert_true(checker_value(at, 0) && names->count < MEMBERS_MAX);
            memcpy(names->name[names->count++], name, sizeof(name));
        }
    } while (checker_take(at, ','));
    assert_true(checker_take(at, '}'));
}

static struct names names_of(const struct fixture_sink *fixture)
{
    static struct names names;
    struct checker at = {fixture->target.bytes, fixture->target.bytes + fixture->target.size};
    names.count = 0;
    assert_true(checker_is_json_line(fixture->target.bytes, fixture->target.size));
    add_names(&names, &at, "");
    return names;
}

static bool has_name(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->name[i], name) == 0)
            return true;
    return false;
}

static void assert_names(const struct names *names, const struct names *base, const char *const *more)
{
    size_t expected_count = base->count;
    for (size_t i = 0; i < base->count; i++)
        if (!has_name(names, base->name[i]))
            fail_msg("%s is not there", base->name[i]);
    for (; *more != NULL; more++, expected_count++)
        if (!has_name(names, *more))
            fail_msg("%s is not there", *more);
    for (size_t i = 0; i < names->count && names->count != expected_count; i++)
        print_message("  %s\n", names->name[i]);
    assert_int_equal(names->count, expected_count);
}

/* The text of the value with a dotted name; "" where there is none. */
static const char *value_of(const struct fixture_sink *fixture, const char *name)
{
    static char text[8192];
    char path[NAME_MAX_BYTES];
    struct checker begin;
    text[0] = 0;
    (void)snprintf(path, sizeof(path), "%s", name);
    for (char *dot = path; (dot = strchr(dot, '.')) != NULL;)
        *dot = '/';
    if (!checker_find(fixture->target.bytes, fixture->target.size, path, &begin))
        return text;
    struct checker end = begin;
    assert_true(checker_value(&end, 0));
    assert_true((size_t)(end.at - begin.at) < sizeof(text));
    memcpy(text, begin.at, (size_t)(end.at - begin.at));
    text[end.at - begin.at] = 0;
    return text;
}

/* ---- records with one field --------------------------------------------------------------------------- */

union any_record {
    struct muster_record record;
    struct muster_process_start start;
    struct muster_process_exit exit;
    struct muster_process_fork fork;
    struct muster_gap gap;
};

/* Nothing is valid. All else is 1: no value may be read that is not. */
static union any_record record_of(unsigned type)
{
    union any_record any;
    memset(&any, 1, sizeof(any));
    any.record = (struct muster_record){.type = (uint16_t)type, .time_ns = FIXTURE_BASE};
    switch (type) {
    case MUSTER_EVENT_PROCESS_EXIT:
        any.record.fixed_bytes = sizeof(any.exit);
        any.exit.reserved = 0;
        break;
    case MUSTER_EVENT_PROCESS_FORK:
        any.record.fixed_bytes = sizeof(any.fork);
        break;
    case MUSTER_EVENT_GAP:
        any.gap = fixture_gap();
        any.gap.record.valid = 0;
        break;
    default:
        any.record.fixed_bytes = sizeof(any.start);
        any.start.reserved = any.start.reserved_end = 0;
        break;
    }
    return any;
}

static void set_scalar(union any_record *any, const struct field *field, uint64_t value)
{
    any->record.valid |= MUSTER_FIELD_BIT(field->number);
    memcpy((char *)any + field->place, &value, field->width);
}

static void write_with(struct fixture_sink *fixture, const struct field *field, uint64_t value)
{
    union any_record any = record_of(field->type);
    const struct muster_text text = FIXTURE_TEXT(field->number, "/a/b");
    const bool is_text = field->number >= MUSTER_FIELD_FIRST_TEXT;
    if (!is_text)
        set_scalar(&any, field, value);
    (void)fixture_line(fixture, fixture_encode(&any.record, &text, is_text ? 1 : 0));
}

static void write_without(struct fixture_sink *fixture, unsigned type, uint64_t unavailable)
{
    union any_record any = record_of(type);
    any.record.unavailable = unavailable;
    (void)fixture_line(fixture, fixture_encode(&any.record, NULL, 0));
}

static const struct field *field_of(unsigned number)
{
    const struct field *field = fields;
    while (field->number != number)
        field++;
    return field;
}

/* What follows from one field beside its own member. */
static const char *other_name_of(unsigned number)
{
    switch (number) {
    case MUSTER_FIELD_USER:
    case MUSTER_FIELD_USER_SID:
        return "user.id";
    case MUSTER_FIELD_EXECUTABLE:
        return "process.name";
    case MUSTER_FIELD_PARENT_EXECUTABLE:
        return "process.parent.name";
    case MUSTER_FIELD_ARGS:
        return "process.command_line";
    case MUSTER_FIELD_EXIT_SIGNAL:
        return "process.exit_code";
    case MUSTER_FIELD_SEQUENCE_RANGE:
        return "muster.loss.first_sequence";
    case MUSTER_FIELD_WINDOW:
        return "event.start";
    default:
        return NULL;
    }
}

/* The end of a range of which the beginning is there already. */
static uint64_t least_of(unsigned number)
{
    return number == MUSTER_FIELD_SEQUENCE_RANGE ? 120 : number == MUSTER_FIELD_WINDOW ? 1ULL << 60 : 1;
}

static void test_a_bit_gives_its_member_and_no_other(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct field *field = &fields[i];
        char major[NAME_MAX_BYTES], minor[NAME_MAX_BYTES];
        (void)snprintf(major, sizeof(major), "%s.major", field->name);
        (void)snprintf(minor, sizeof(minor), "%s.minor", field->name);
        const bool is_terminal = strcmp(field->form, "TTY") == 0;
        const char *const more[] = {is_terminal ? major : field->name,
                                    is_terminal ? minor : other_name_of(field->number), NULL};
        write_without(&fixture, field->type, 0);
        const struct names base = names_of(&fixture);
        assert_false(has_name(&base, more[0]));
        write_with(&fixture, field, least_of(field->number));
        const struct names names = names_of(&fixture);
        assert_names(&names, &base, more);
    }
    fixture_close(&fixture);
}

static void test_what_is_not_available_is_named(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        char expected[NAME_MAX_BYTES];
        write_without(&fixture, fields[i].type, 0);
        const struct names base = names_of(&fixture);
        write_without(&fixture, fields[i].type, MUSTER_FIELD_BIT(fields[i].number));
        const struct names names = names_of(&fixture);
        assert_names(&names, &base, (const char *const[]){"muster.unavailable", NULL});
        (void)snprintf(expected, sizeof(expected), "[\"%s\"]", fields[i].name);
        assert_string_equal(value_of(&fixture, "muster.unavailable"), expected);
    }
    /* Bits of a later version have no name here. */
    write_without(&fixture, MUSTER_EVENT_PROCESS_START, 1ULL << 63 | 1ULL << 47);
    assert_string_equal(value_of(&fixture, "muster.unavailable"), "");
    fixture_close(&fixture);
}

/* One value for each name: no object is called like a member, so no line can have a key twice. */
static void test_no_name_is_an_object_of_another(void **state)
{
    (void)state;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        for (size_t j = 0; j < FIELD_COUNT; j++) {
            const size_t size = strlen(fields[i].name);
            assert_false(strncmp(fields[i].name, fields[j].name, size) == 0 && fields[j].name[size] == '.');
        }
    }
}

/* ---- forms ---------------------------------------------------------------------------------------------- */

static void test_values(void **state)
{
    (void)state;
    static const struct {
        unsigned field;
        uint64_t value;
        const char *expected;
    } values[] = {
        {MUSTER_FIELD_PROCESS_GROUP, 0, "0"},
        {MUSTER_FIELD_PROCESS_GROUP, UINT32_MAX, "4294967295"},
        {MUSTER_FIELD_NAMESPACE_PID, 99999999, "99999999"},
        {MUSTER_FIELD_NAMESPACE_PID, 100000000, "100000000"},
        {MUSTER_FIELD_PEAK_RSS, 0, "0"},
        {MUSTER_FIELD_PEAK_RSS, UINT64_MAX, "18446744073709551615"},
        {MUSTER_FIELD_EXIT_SIGNAL, 255, "255"},
        {MUSTER_FIELD_LOGIN_USER, 0, "\"0\""},
        {MUSTER_FIELD_LOGIN_USER, UINT32_MAX, "\"4294967295\""},
        {MUSTER_FIELD_CGROUP, UINT64_MAX, "\"18446744073709551615\""},
        {MUSTER_FIELD_IMAGE_INODE, 10000000000000000000ULL, "\"10000000000000000000\""},
        {MUSTER_FIELD_ELEVATED, 0, "false"},
        {MUSTER_FIELD_ELEVATED, 1, "true"},
        {MUSTER_FIELD_LOGON_ID, 0, "\"0x0\""},
        {MUSTER_FIELD_LOGON_ID, 0x10, "\"0x10\""},
        {MUSTER_FIELD_LOGON_ID, UINT64_MAX, "\"0xffffffffffffffff\""},
        {MUSTER_FIELD_IMAGE_DEVICE, 8U << 20 | 1, "\"8:1\""},
        {MUSTER_FIELD_IMAGE_DEVICE, 0, "\"0:0\""},
        {MUSTER_FIELD_IMAGE_DEVICE, UINT32_MAX, "\"4095:1048575\""},
        {MUSTER_FIELD_TTY, 136U << 20 | 1, "{\"major\":136,\"minor\":1}"},
        {MUSTER_FIELD_TTY, 4U << 20 | 64, "{\"major\":4,\"minor\":64}"},
        {MUSTER_FIELD_TTY, UINT32_MAX, "{\"major\":4095,\"minor\":1048575}"},
        {MUSTER_FIELD_IMAGE_MODIFIED, 0, "\"1970-01-01T00:00:00.000000000Z\""},
        {MUSTER_FIELD_IMAGE_MODIFIED, 951782399999999999ULL, "\"2000-02-28T23:59:59.999999999Z\""},
        {MUSTER_FIELD_IMAGE_MODIFIED, 951782400000000000ULL, "\"2000-02-29T00:00:00.000000000Z\""},
        {MUSTER_FIELD_IMAGE_MODIFIED, UINT64_MAX, "\"2554-07-21T23:34:33.709551615Z\""},
        {MUSTER_FIELD_START, FIXTURE_BASE, "\"2026-08-20T10:00:00.000000000Z\""},
        {MUSTER_FIELD_INTEGRITY, 0x3000, "\"high\""},
        {MUSTER_FIELD_INTEGRITY, UINT32_MAX, "\"0xffffffff\""},
        {MUSTER_FIELD_IMAGE_FLAGS, 0, ""},
        {MUSTER_FIELD_IMAGE_FLAGS, 32, ""},
        {MUSTER_FIELD_IMAGE_FLAGS, MUSTER_IMAGE_SETUID, "[\"setuid\"]"},
        {MUSTER_FIELD_IMAGE_FLAGS, MUSTER_IMAGE_SETGID, "[\"setgid\"]"},
        {MUSTER_FIELD_IMAGE_FLAGS, UINT32_MAX, "[\"deleted\",\"memfd\",\"setuid\",\"setgid\",\"opened_name\"]"},
        {MUSTER_FIELD_CAPABILITIES_EFFECTIVE, 0, "[]"},
        {MUSTER_FIELD_CAPABILITIES_PERMITTED, 1ULL << 21 | 1, "[\"CAP_CHOWN\",\"CAP_SYS_ADMIN\"]"},
        {MUSTER_FIELD_CAPABILITIES_PERMITTED, 1ULL << 41 | 1ULL << 63, "[\"CAP_41\",\"CAP_63\"]"},
        {MUSTER_FIELD_CGROUP_PATH, 0, "\"/a/b\""},
        {MUSTER_FIELD_INTERPRETER, 0, "\"/a/b\""},
        {MUSTER_FIELD_ARGS, 0, "[\"/a/b\"]"},
    };
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    /* Twice, since what came before may have left something behind. */
    for (size_t i = 0; i < 2 * sizeof(values) / sizeof(values[0]); i++) {
        const size_t at = i / 2 * 7 % (sizeof(values) / sizeof(values[0]));
        const struct field *field = field_of(values[at].field);
        write_with(&fixture, field, values[at].value);
        assert_string_equal(value_of(&fixture, field->name), values[at].expected);
    }
    fixture_close(&fixture);
}

#define CAPABILITY(name)                                                                                               \
    {                                                                                                                  \
        CAP_##name, "CAP_" #name                                                                                       \
    }

static const struct {
    unsigned number;
    const char *name;
} capabilities[] = {
    CAPABILITY(CHOWN),
    CAPABILITY(DAC_OVERRIDE),
    CAPABILITY(DAC_READ_SEARCH),
    CAPABILITY(FOWNER),
    CAPABILITY(FSETID),
    CAPABILITY(KILL),
    CAPABILITY(SETGID),
    CAPABILITY(SETUID),
    CAPABILITY(SETPCAP),
    CAPABILITY(LINUX_IMMUTABLE),
    CAPABILITY(NET_BIND_SERVICE),
    CAPABILITY(NET_BROADCAST),
    CAPABILITY(NET_ADMIN),
    CAPABILITY(NET_RAW),
    CAPABILITY(IPC_LOCK),
    CAPABILITY(IPC_OWNER),
    CAPABILITY(SYS_MODULE),
    CAPABILITY(SYS_RAWIO),
    CAPABILITY(SYS_CHROOT),
    CAPABILITY(SYS_PTRACE),
    CAPABILITY(SYS_PACCT),
    CAPABILITY(SYS_ADMIN),
    CAPABILITY(SYS_BOOT),
    CAPABILITY(SYS_NICE),
    CAPABILITY(SYS_RESOURCE),
    CAPABILITY(SYS_TIME),
    CAPABILITY(SYS_TTY_CONFIG),
    CAPABILITY(MKNOD),
    CAPABILITY(LEASE),
    CAPABILITY(AUDIT_WRITE),
    CAPABILITY(AUDIT_CONTROL),
    CAPABILITY(SETFCAP),
    CAPABILITY(MAC_OVERRIDE),
    CAPABILITY(MAC_ADMIN),
    CAPABILITY(SYSLOG),
    CAPABILITY(WAKE_ALARM),
    CAPABILITY(BLOCK_SUSPEND),
    CAPABILITY(AUDIT_READ),
    CAPABILITY(PERFMON),
    CAPABILITY(BPF),
    CAPABILITY(CHECKPOINT_RESTORE),
};

static void expected_capabilities(char *out, size_t room, uint64_t set)
{
    size_t size = (size_t)snprintf(out, room, "[");
    for (unsigned number = 0; number < 64; number++) {
        if ((set >> number & 1) == 0)
            continue;
        const char *comma = size == 1 ? "" : ",";
        size_t known = 0;
        while (known < sizeof(capabilities) / sizeof(capabilities[0]) && capabilities[known].number != number)
            known++;
        if (known < sizeof(capabilities) / sizeof(capabilities[0]))
            size += (size_t)snprintf(out + size, room - size, "%s\"%s\"", comma, capabilities[known].name);
        else
            size += (size_t)snprintf(out + size, room - size, "%s\"CAP_%u\"", comma, number);
    }
    (void)snprintf(out + size, room - size, "]");
}

static void assert_capabilities(struct fixture_sink *fixture, uint64_t effective, uint64_t permitted)
{
    static char expected[8192];
    union any_record any = record_of(MUSTER_EVENT_PROCESS_RUNNING);
    set_scalar(&any, field_of(MUSTER_FIELD_CAPABILITIES_EFFECTIVE), effective);
    set_scalar(&any, field_of(MUSTER_FIELD_CAPABILITIES_PERMITTED), permitted);
    (void)fixture_line(fixture, fixture_encode(&any.record, NULL, 0));
    assert_true(checker_is_json_line(fixture->target.bytes, fixture->target.size));
    expected_capabilities(expected, sizeof(expected), effective);
    assert_string_equal(value_of(fixture, "process.thread.capabilities.effective"), expected);
    expected_capabilities(expected, sizeof(expected), permitted);
    assert_string_equal(value_of(fixture, "process.thread.capabilities.permitted"), expected);
}

static void test_capabilities(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    uint64_t random = 88172645463325252ULL;
    for (unsigned number = 0; number < 64; number++)
        assert_capabilities(&fixture, 1ULL << number, ~(1ULL << number));
    for (unsigned i = 0; i < 2000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        assert_capabilities(&fixture, random & UINT64_MAX >> i % 64, i % 3 == 0 ? 0 : random);
    }
    assert_capabilities(&fixture, UINT64_MAX, UINT64_MAX);
    fixture_close(&fixture);
}

/* ---- lines of many shapes ----------------------------------------------------------------------------- */

static void assert_shape(struct fixture_sink *fixture, uint64_t valid, unsigned type, unsigned turn)
{
    union any_record any = record_of(type);
    any.record.valid = valid;
    any.record.flags = turn % 4 * MUSTER_RECORD_SKELETON;
    any.record.sequence = turn / 4 % 2;
    (void)fixture_line(fixture, fixture_encode(&any.record, NULL, 0));
    const struct names names = names_of(fixture);
    for (unsigned number = 0; number <= MUSTER_FIELD_REAL_GROUP; number++) {
        const bool is_there = (valid & MUSTER_FIELD_BIT(number)) != 0;
        assert_int_equal(has_name(&names, field_of(number)->name), is_there);
    }
    const uint64_t child = MUSTER_FIELD_BIT(MUSTER_FIELD_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_START);
    const uint64_t parent = MUSTER_FIELD_BIT(MUSTER_FIELD_PARENT_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_PARENT_START);
    assert_int_equal(has_name(&names, "process.entity_id"), (valid & child) == child);
    assert_int_equal(has_name(&names, "process.parent.entity_id"), (valid & parent) == parent);
    assert_int_equal(has_name(&names, "user.id"), (valid & MUSTER_FIELD_BIT(MUSTER_FIELD_USER)) != 0);
    assert_int_equal(has_name(&names, "process.end"), type == MUSTER_EVENT_PROCESS_EXIT && turn / 2 % 2 == 0);
    assert_int_equal(has_name(&names, "muster.skeleton"), turn % 2);
    assert_int_equal(has_name(&names, "muster.synthetic"), turn / 2 % 2);
    assert_int_equal(has_name(&names, "event.sequence"), turn / 4 % 2 == 1 && turn / 2 % 2 == 0);
}

/* More than are remembered, and back to those that were pushed out. */
static void test_every_shape_of_a_process(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    for (unsigned i = 0; i < 2048; i++) {
        assert_shape(&fixture, i * 677U & (FIXTURE_PROCESS_FIELDS), MUSTER_EVENT_PROCESS_FORK, i);
        assert_shape(&fixture, i & (FIXTURE_PROCESS_FIELDS), MUSTER_EVENT_PROCESS_EXIT, i >> 5);
        assert_shape(&fixture, FIXTURE_PROCESS_FIELDS, MUSTER_EVENT_PROCESS_START, i);
    }
    fixture_close(&fixture);
}

/* ---- two fields, one name ------------------------------------------------------------------------------ */

static void test_of_two_with_one_name_the_nearer_is_told(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    struct muster_process_start start = fixture_start();
    const struct muster_text texts[] = {
        FIXTURE_TEXT(MUSTER_FIELD_ARGS, "a\0b c\0"),
        FIXTURE_TEXT(MUSTER_FIELD_COMMAND_LINE, "a \"b c\""),
        FIXTURE_TEXT(MUSTER_FIELD_USER_SID, "S-1-5-18"),
    };
    (void)fixture_line(&fixture, fixture_encode(&start.record, texts, 3));
    assert_true(checker_is_json_line(fixture.target.bytes, fixture.target.size));
    assert_string_equal(value_of(&fixture, "process.args"), "[\"a\",\"b c\"]");
    assert_string_equal(value_of(&fixture, "process.command_line"), "\"a \\\"b c\\\"\"");
    assert_string_equal(value_of(&fixture, "process.user"), "{\"id\":\"S-1-5-18\"}");
    assert_string_equal(value_of(&fixture, "user"), "{\"id\":\"S-1-5-18\"}");
    struct muster_process_exit exit = fixture_exit();
    exit.record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_EXIT_SIGNAL);
    exit.exit_signal = 9;
    (void)fixture_line(&fixture, fixture_encode(&exit.record, NULL, 0));
    assert_true(checker_is_json_line(fixture.target.bytes, fixture.target.size));
    assert_string_equal(value_of(&fixture, "process.exit_code"), "137");
    fixture_close(&fixture);
}

/* As a kernel fills them, in one line. */
static void test_a_whole_start(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    struct muster_process_start start = fixture_start();
    start.record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_IMAGE_MODIFIED + 1) - MUSTER_FIELD_BIT(MUSTER_FIELD_LOGIN_USER);
    start.image_flags = MUSTER_IMAGE_SETUID;
    start.capabilities_effective = 1ULL << CAP_NET_RAW;
    start.cgroup_id = 7421;
    start.image_inode = 1835291;
    start.image_modified_ns = 1700000000123456789ULL;
    start.image_device = 259U << 20 | 2;
    start.login_user_id = 1000;
    start.process_group_id = 4241;
    start.tty_device = 136U << 20 | 3;
    start.pid_namespace = 4026531836U;
    start.mount_namespace = 4026531841U;
    start.namespace_pid = 17;
    const struct muster_text texts[] = {
        FIXTURE_TEXT(MUSTER_FIELD_SCRIPT, "./run"),
        FIXTURE_TEXT(MUSTER_FIELD_THREAD_NAME, "run"),
        FIXTURE_TEXT(MUSTER_FIELD_CGROUP_PATH, "/user.slice"),
        FIXTURE_TEXT(MUSTER_FIELD_INTERPRETER, "/bin/sh"),
    };
    (void)fixture_line(&fixture, fixture_encode(&start.record, texts, 4));
    assert_true(checker_is_json_line(fixture.target.bytes, fixture.target.size));
    assert_string_equal(value_of(&fixture, "process.thread"),
                        "{\"id\":4242,\"name\":\"run\",\"capabilities\":{\"effective\":[\"CAP_NET_RAW\"],"
                        "\"permitted\":[]}}");
    assert_string_equal(value_of(&fixture, "process.tty"), "{\"char_device\":{\"major\":136,\"minor\":3}}");
    assert_string_equal(value_of(&fixture, "process.group_leader"), "{\"pid\":4241}");
    assert_string_equal(value_of(&fixture, "process.vpid"), "17");
    assert_string_equal(value_of(&fixture, "muster"),
                        "{\"image\":[\"setuid\"],\"script\":\"./run\",\"interpreter\":\"/bin/sh\","
                        "\"login_user\":{\"id\":\"1000\"},\"cgroup\":{\"id\":\"7421\",\"path\":\"/user.slice\"},"
                        "\"namespace\":{\"pid\":4026531836,\"mount\":4026531841},\"executable\":{\"inode\":\"1835291\","
                        "\"device\":\"259:2\",\"mtime\":\"2023-11-14T22:13:20.123456789Z\"}}");
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bit_gives_its_member_and_no_other),
        cmocka_unit_test(test_what_is_not_available_is_named),
        cmocka_unit_test(test_no_name_is_an_object_of_another),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_every_shape_of_a_process),
        cmocka_unit_test(test_of_two_with_one_name_the_nearer_is_told),
        cmocka_unit_test(test_a_whole_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
