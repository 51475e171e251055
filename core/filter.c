/* SPDX-License-Identifier: Apache-2.0 */
/* muster/filter.h: making a filter, and asking it about a record. Any context. */
#include "muster/filter.h"

#include "muster/record.h"

static uint32_t text_length(const char *text)
{
    uint32_t length = 0;

    while (text[length])
        length++;
    return length;
}

static void byte_set(struct muster_filter_text *text, uint32_t index, unsigned char byte)
{
    const unsigned shift = index % 8 * 8;

    text->value[index / 8] |= (uint64_t)byte << shift;
    text->mask[index / 8] |= (uint64_t)0xff << shift;
}

enum muster_filter_refusal muster_filter_add_text(struct muster_filter_texts *texts, const char *text)
{
    struct muster_filter_text made = {.at_end = 0};
    uint32_t length = text_length(text);
    const bool star_first = length > 0 && text[0] == '*';
    const bool star_last = length > 1 && !star_first && text[length - 1] == '*';

    if (texts->count >= MUSTER_FILTER_VALUES_MAX)
        return MUSTER_FILTER_FULL;
    text += star_first;
    length -= (uint32_t)star_first + (uint32_t)star_last;
    if (length == 0)
        return MUSTER_FILTER_EMPTY;
    if (length > MUSTER_FILTER_TEXT_MAX)
        return MUSTER_FILTER_TOO_LONG;
    for (uint32_t i = 0; i < length; i++) {
        if (text[i] == '*')
            return MUSTER_FILTER_STAR;
        byte_set(&made, i, (unsigned char)text[i]);
    }
    if (!star_last && !star_first)
        byte_set(&made, length, 0);
    if (star_first)
        made.at_end = length;
    texts->values[texts->count++] = made;
    return MUSTER_FILTER_TAKEN;
}

enum muster_filter_refusal muster_filter_add_number(struct muster_filter_numbers *numbers, uint32_t number)
{
    if (numbers->count >= MUSTER_FILTER_VALUES_MAX)
        return MUSTER_FILTER_FULL;
    numbers->values[numbers->count++] = number;
    return MUSTER_FILTER_TAKEN;
}

static unsigned char byte_fold(char byte, bool fold)
{
    return (unsigned char)(fold && byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
}

static void words_of(const char *bytes, uint32_t count, bool fold, uint64_t ret_words[MUSTER_FILTER_WORDS])
{
    for (uint32_t i = 0; i < MUSTER_FILTER_WORDS; i++)
        ret_words[i] = 0;
    for (uint32_t i = 0; i < count && i < MUSTER_FILTER_WORDS * 8; i++)
        ret_words[i / 8] |= (uint64_t)byte_fold(bytes[i], fold) << i % 8 * 8;
}

static bool texts_have(const struct muster_filter_texts *texts, const char *bytes, uint32_t size_bytes, bool fold)
{
    uint64_t head[MUSTER_FILTER_WORDS], tail[MUSTER_FILTER_WORDS];

    words_of(bytes, size_bytes, fold, head);
    for (uint32_t i = 0; i < texts->count; i++) {
        const struct muster_filter_text *text = &texts->values[i];

        if (text->at_end > size_bytes)
            continue;
        if (text->at_end)
            words_of(bytes + size_bytes - text->at_end, text->at_end, fold, tail);
        if (muster_filter_text_fits(text, text->at_end ? tail : head))
            return true;
    }
    return false;
}

/* What a record says about its process. */
struct subject {
    const struct muster_record *record;
    const struct muster_process *process;
    struct muster_text name; /* bytes NULL: none is known */
    struct muster_text user_sid;
    bool fold_case;
};

/* The last component, of a path of Linux or of Windows. */
static void name_shorten(struct muster_text *name, char separator)
{
    uint32_t begin = name->size_bytes;

    while (begin > 0 && name->bytes[begin - 1] != separator)
        begin--;
    name->bytes += begin;
    name->size_bytes -= begin;
}

static void subject_take(struct subject *subject, const struct muster_record *record)
{
    const char separator = record->flags & MUSTER_RECORD_WTF8 ? '\\' : '/';

    *subject = (struct subject){.record = record};
    subject->process = &((const struct muster_process_fork *)(const void *)record)->process;
    if (muster_record_text(record, MUSTER_FIELD_EXECUTABLE, &subject->name))
        name_shorten(&subject->name, separator);
    else
        (void)muster_record_text(record, MUSTER_FIELD_THREAD_NAME, &subject->name);
    (void)muster_record_text(record, MUSTER_FIELD_USER_SID, &subject->user_sid);
}

static bool ends_with(const struct muster_text *text, const char *ending, uint32_t ending_bytes)
{
    if (text->size_bytes <= ending_bytes)
        return false;
    for (uint32_t i = 0; i < ending_bytes; i++)
        if (text->bytes[text->size_bytes - ending_bytes + i] != ending[i])
            return false;
    return true;
}

/* What is compared of a name in a cgroup's path: filter.h says which part. */
static void container_shorten(struct muster_text *name)
{
    uint32_t begin;

    if (ends_with(name, ".scope", 6))
        name->size_bytes -= 6;
    else if (ends_with(name, ".service", 8))
        name->size_bytes -= 8;
    for (begin = name->size_bytes; begin > 0 && name->bytes[begin - 1] != '-' && name->bytes[begin - 1] != '@';)
        begin--;
    name->bytes += begin;
    name->size_bytes -= begin;
}

/* -1: not known, or nothing to compare with. */
static int containers_fit(const struct muster_record *record, const struct muster_filter_texts *texts)
{
    struct muster_text path, name;

    if (texts->count == 0 || !muster_record_text(record, MUSTER_FIELD_CGROUP_PATH, &path))
        return -1;
    for (uint32_t at = 0; at < path.size_bytes; at += name.size_bytes) {
        struct muster_text shortened;
        uint32_t size = 0;

        at++; /* the slash */
        while (at + size < path.size_bytes && path.bytes[at + size] != '/')
            size++;
        name = (struct muster_text){.bytes = path.bytes + at, .size_bytes = size};
        shortened = name;
        if (size == 0 || size > MUSTER_FILTER_CGROUP_MAX)
            continue;
        container_shorten(&shortened);
        if (shortened.size_bytes > 0 && texts_have(texts, shortened.bytes, shortened.size_bytes, false))
            return 1;
    }
    return 0;
}

/* -1: not known, or nothing to compare with. */
static int numbers_fit(const struct subject *subject, const struct muster_filter_numbers *numbers,
                       enum muster_field field, uint32_t number)
{
    if (numbers->count == 0 || !muster_record_has(subject->record, field))
        return -1;
    return muster_filter_has_number(numbers, number);
}

static int texts_fit(const struct subject *subject, const struct muster_filter_texts *texts,
                     const struct muster_text *text)
{
    if (texts->count == 0 || !text->bytes)
        return -1;
    return texts_have(texts, text->bytes, text->size_bytes, subject->fold_case);
}

/* Whether something has the verdict `verdict`: 0, a part is there and nothing of it fits; 1, something fits. */
static bool part_says(const struct muster_filter_part *part, const struct subject *subject, int verdict)
{
    const struct muster_process *process = subject->process;

    return numbers_fit(subject, &part->pids, MUSTER_FIELD_PID, process->pid) == verdict ||
           numbers_fit(subject, &part->parents, MUSTER_FIELD_PARENT_PID, process->parent_pid) == verdict ||
           numbers_fit(subject, &part->users, MUSTER_FIELD_USER, process->user_id) == verdict ||
           texts_fit(subject, &part->names, &subject->name) == verdict ||
           texts_fit(subject, &part->user_sids, &subject->user_sid) == verdict ||
           containers_fit(subject->record, &part->containers) == verdict;
}

int muster_filter_wants(const struct muster_filter *filter, const struct muster_record *record)
{
    struct subject subject;

    if (!filter->active || (record->type != MUSTER_EVENT_PROCESS_START && record->type != MUSTER_EVENT_PROCESS_EXIT &&
                            record->type != MUSTER_EVENT_PROCESS_FORK && record->type != MUSTER_EVENT_PROCESS_RUNNING))
        return 1;
    subject_take(&subject, record);
    subject.fold_case = filter->fold_case != 0;
    return !part_says(&filter->include, &subject, 0) && !part_says(&filter->exclude, &subject, 1);
}
