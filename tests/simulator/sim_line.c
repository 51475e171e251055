/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_line.h: a strict JSON reader by recursive descent. Each scalar is looked at with the keys that lead to it. Text
 * is not unescaped: what the simulator puts into events needs no escapes.
 */
#include "sim_line.h"

#include <string.h>

#define DEPTH_MOST 8

struct key {
    const char *bytes;
    size_t size_bytes;
};

struct reader {
    const char *at;
    const char *end;
    struct key keys[DEPTH_MOST];
    unsigned depth;
    struct line *line;
    bool unknown; /* a name that should be known */
};

static bool value_read(struct reader *reader);

static bool take(struct reader *reader, char byte)
{
    if (reader->at == reader->end || *reader->at != byte)
        return false;
    reader->at++;
    return true;
}

static bool key_is(const struct reader *reader, unsigned depth, const char *name)
{
    const struct key *key = &reader->keys[depth];

    return depth < reader->depth && key->size_bytes == strlen(name) && memcmp(key->bytes, name, key->size_bytes) == 0;
}

static bool path_is(const struct reader *reader, const char *first, const char *second)
{
    return reader->depth == 2 && key_is(reader, 0, first) && key_is(reader, 1, second);
}

static const char *const cause_names[LINE_CAUSE_COUNT] = {
    "ring_full",      "class_shed",     "queue_full",       "allocation_failed", "irql_refused",
    "program_missed", "record_invalid", "record_too_large", "unexplained",
};
static const char *const type_names[LINE_TYPE_COUNT] = {"start", "exit", "fork", "message"};

static void named_set(struct reader *reader, const char *const *names, unsigned count, uint64_t *numbers,
                      uint64_t number)
{
    for (unsigned i = 0; i < count; i++)
        if (key_is(reader, reader->depth - 1, names[i])) {
            numbers[i] = number;
            return;
        }
    reader->unknown = true;
}

static void loss_number(struct reader *reader, uint64_t number)
{
    struct line *line = reader->line;

    line->has_loss = true;
    if (reader->depth == 4 && key_is(reader, 2, "causes"))
        named_set(reader, cause_names, LINE_CAUSE_COUNT, line->causes, number);
    else if (reader->depth == 4 && key_is(reader, 2, "types"))
        named_set(reader, type_names, LINE_TYPE_COUNT, line->types, number);
    else if (key_is(reader, 2, "count"))
        line->loss_count = number;
    else if (key_is(reader, 2, "first_sequence"))
        line->first_sequence = number;
    else if (key_is(reader, 2, "last_sequence")) {
        line->last_sequence = number;
        line->has_range = true;
    }
}

static void ledger_number(struct reader *reader, uint64_t number)
{
    struct line *line = reader->line;

    line->has_ledger = true;
    if (reader->depth == 4 && key_is(reader, 2, "dropped"))
        named_set(reader, cause_names, LINE_CAUSE_COUNT, line->dropped, number);
    else if (key_is(reader, 2, "produced"))
        line->produced = number;
    else if (key_is(reader, 2, "delivered"))
        line->delivered = number;
    else if (key_is(reader, 2, "filtered"))
        line->filtered = number;
    else if (key_is(reader, 2, "held"))
        line->held = number;
    else if (key_is(reader, 2, "degraded"))
        line->degraded = number;
}

static void number_found(struct reader *reader, uint64_t number)
{
    struct line *line = reader->line;

    if (path_is(reader, "event", "sequence")) {
        line->sequence = number;
        line->has_sequence = true;
    } else if (path_is(reader, "process", "pid")) {
        line->pid = number;
        line->has_pid = true;
    } else if (reader->depth >= 3 && key_is(reader, 0, "muster") && key_is(reader, 1, "loss")) {
        loss_number(reader, number);
    } else if (reader->depth >= 3 && key_is(reader, 0, "muster") && key_is(reader, 1, "ledger")) {
        ledger_number(reader, number);
    }
}

static void copy_text(char *destination, size_t capacity, const char *bytes, size_t size_bytes)
{
    if (size_bytes >= capacity)
        size_bytes = capacity - 1;
    memcpy(destination, bytes, size_bytes);
    destination[size_bytes] = '\0';
}

static void text_found(struct reader *reader, const char *bytes, size_t size_bytes)
{
    struct line *line = reader->line;

    if (path_is(reader, "event", "action"))
        copy_text(line->action, sizeof(line->action), bytes, size_bytes);
    else if (path_is(reader, "agent", "ephemeral_id"))
        copy_text(line->epoch, sizeof(line->epoch), bytes, size_bytes);
    else if (path_is(reader, "process", "executable"))
        copy_text(line->executable, sizeof(line->executable), bytes, size_bytes);
    else if (path_is(reader, "process", "args")) {
        line->arg_count++;
        line->arg_bytes += size_bytes;
        line->arg_first = size_bytes ? bytes[0] : '\0';
        line->arg_last = size_bytes ? bytes[size_bytes - 1] : '\0';
    }
}

static bool string_read(struct reader *reader, struct key *ret_text)
{
    const char *begin;

    if (!take(reader, '"'))
        return false;
    for (begin = reader->at; reader->at < reader->end; reader->at++) {
        unsigned char byte = (unsigned char)*reader->at;

        if (byte == '"') {
            *ret_text = (struct key){begin, (size_t)(reader->at - begin)};
            reader->at++;
            return true;
        }
        if (byte < 0x20 || (byte == '\\' && ++reader->at == reader->end))
            return false;
    }
    return false;
}

static bool number_read(struct reader *reader)
{
    const char *begin = reader->at;
    uint64_t number = 0;

    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        number = number * 10 + (uint64_t)(*reader->at++ - '0');
    if (reader->at == begin || (*begin == '0' && reader->at - begin > 1))
        return false;
    number_found(reader, number);
    return true;
}

static bool word_read(struct reader *reader, const char *word)
{
    const size_t size_bytes = strlen(word);

    if ((size_t)(reader->end - reader->at) < size_bytes || memcmp(reader->at, word, size_bytes) != 0)
        return false;
    reader->at += size_bytes;
    if (path_is(reader, "muster", "skeleton") && word[0] == 't')
        reader->line->is_skeleton = true;
    return true;
}

static bool object_read(struct reader *reader)
{
    if (!take(reader, '{') || reader->depth == DEPTH_MOST)
        return false;
    if (take(reader, '}'))
        return true;
    reader->depth++;
    do {
        if (!string_read(reader, &reader->keys[reader->depth - 1]) || !take(reader, ':') || !value_read(reader))
            return false;
    } while (take(reader, ','));
    reader->depth--;
    return take(reader, '}');
}

static bool array_read(struct reader *reader)
{
    if (!take(reader, '['))
        return false;
    if (take(reader, ']'))
        return true;
    do {
        if (!value_read(reader))
            return false;
    } while (take(reader, ','));
    return take(reader, ']');
}

static bool value_read(struct reader *reader)
{
    struct key text;

    if (reader->at == reader->end)
        return false;
    switch (*reader->at) {
    case '{':
        return object_read(reader);
    case '[':
        return array_read(reader);
    case '"':
        if (!string_read(reader, &text))
            return false;
        text_found(reader, text.bytes, text.size_bytes);
        return true;
    case 't':
        return word_read(reader, "true");
    case 'f':
        return word_read(reader, "false");
    default:
        return number_read(reader);
    }
}

bool line_parse(struct line *ret_line, const char *bytes, size_t size_bytes)
{
    struct reader reader = {.at = bytes, .end = bytes + size_bytes, .line = ret_line};

    memset(ret_line, 0, sizeof(*ret_line));
    return object_read(&reader) && reader.at == reader.end && !reader.unknown;
}
