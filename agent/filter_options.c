/* SPDX-License-Identifier: Apache-2.0 */
/* filter_options.h */
#include "filter_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter_users.h"
#include "report.h"
#include "words.h"

#define CONTAINER_DIGITS_MIN 12

const char filter_help[] =
    "Filters; one given several times means any of its values (16 at most), different ones mean all of\n"
    "them. What they leave out is counted as filtered:\n"
    "      --pid PID         only the process with this number\n"
    "      --parent PID      only processes whose direct parent has this number\n"
    "      --user USER       only processes that run as this user, by name or identifier\n"
    "      --name NAME       only programs of this name, without folder; it may begin or end with a *\n"
    "      --container ID    only this container's: its name, or 12 or more digits of its id\n"
    "      --exclude X=VALUE not those: X is pid, parent, user, name or container\n";

bool filter_option_is(int option)
{
    return option >= FILTER_OPTION_PID && option <= FILTER_OPTION_EXCLUDE;
}

static int refused(const char *verb, enum muster_filter_refusal refusal, const char *what, const char *value)
{
    switch (refusal) {
    case MUSTER_FILTER_TAKEN:
        return EXIT_DONE;
    case MUSTER_FILTER_FULL:
        return report_usage(verb, "%s '%s' is one too many: %d at most", what, value, MUSTER_FILTER_VALUES_MAX);
    case MUSTER_FILTER_TOO_LONG:
        return report_usage(verb, "%s '%s' is too long: %d bytes at most", what, value, MUSTER_FILTER_TEXT_MAX);
    case MUSTER_FILTER_STAR:
        return report_usage(verb, "bad %s '%s': one * may begin or end it", what, value);
    default:
        return report_usage(verb, "bad %s '%s': it is empty", what, value);
    }
}

static int pid_add(const char *verb, struct muster_filter_numbers *numbers, const char *what, const char *value)
{
    unsigned long long number;
    char *end;

    errno = 0;
    number = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end || errno || number > UINT32_MAX)
        return report_usage(verb, "bad %s '%s': the number of a process", what, value);
    return refused(verb, muster_filter_add_number(numbers, (uint32_t)number), what, value);
}

static int name_add(const char *verb, struct muster_filter_texts *names, const char *value)
{
    char folded[MUSTER_FILTER_TEXT_MAX + 3]; /* with a star and one byte too many */
    size_t i;

    if (strpbrk(value, words.folds_case ? "/\\" : "/"))
        return report_usage(verb, "bad name '%s': without folder", value);
    for (i = 0; value[i] && i < sizeof(folded) - 1; i++)
        folded[i] = (char)(words.folds_case && value[i] >= 'A' && value[i] <= 'Z' ? value[i] + ('a' - 'A') : value[i]);
    folded[i] = '\0';
    return refused(verb, muster_filter_add_text(names, folded), "name", value);
}

static int user_add(const char *verb, struct muster_filter_part *part, const char *value)
{
    enum muster_filter_refusal refusal = MUSTER_FILTER_TAKEN;

    if (!filter_user_add(part, value, &refusal))
        return report_usage(verb, "there is no user '%s'", value);
    return refused(verb, refusal, "user", value);
}

/* Tools show the beginning of a container's id. */
static bool is_id(const char *value)
{
    size_t digits = strspn(value, "0123456789abcdef");

    return digits >= CONTAINER_DIGITS_MIN && !value[digits];
}

static int container_add(const char *verb, struct muster_filter_texts *containers, const char *value)
{
    char text[MUSTER_FILTER_TEXT_MAX + 2];

    if (!words.has_forks)
        return report_usage(verb, "option '--container': there are no containers that could be told on this system");
    if (strchr(value, '/'))
        return report_usage(verb, "bad container '%s': without folder", value);
    if (!is_id(value))
        return refused(verb, muster_filter_add_text(containers, value), "container", value);
    /* The last of 64 digits is not looked at: they do not fit, and nobody has two that differ in that one alone. */
    (void)snprintf(text, sizeof(text), "%.*s*", MUSTER_FILTER_TEXT_MAX, value);
    return refused(verb, muster_filter_add_text(containers, text), "container", value);
}

static int part_add(const char *verb, struct muster_filter_part *part, int option, const char *value)
{
    switch (option) {
    case FILTER_OPTION_PID:
        return pid_add(verb, &part->pids, "pid", value);
    case FILTER_OPTION_PARENT:
        return pid_add(verb, &part->parents, "parent", value);
    case FILTER_OPTION_USER:
        return user_add(verb, part, value);
    case FILTER_OPTION_CONTAINER:
        return container_add(verb, &part->containers, value);
    default:
        return name_add(verb, &part->names, value);
    }
}

/* "name=cron" */
static int exclude_add(const char *verb, struct muster_filter *filter, const char *value)
{
    static const struct option kinds[] = {FILTER_LONG_OPTIONS};
    const char *equals = strchr(value, '=');
    size_t length = equals ? (size_t)(equals - value) : 0;

    for (size_t i = 0; equals && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].val != FILTER_OPTION_EXCLUDE && strlen(kinds[i].name) == length &&
            strncmp(kinds[i].name, value, length) == 0)
            return part_add(verb, &filter->exclude, kinds[i].val, equals + 1);
    return report_usage(verb, "bad exclusion '%s': pid=, parent=, user=, name= or container=, and a value", value);
}

int filter_option_apply(const char *verb, struct muster_filter *filter, int option, const char *value)
{
    int code = option == FILTER_OPTION_EXCLUDE ? exclude_add(verb, filter, value)
                                               : part_add(verb, &filter->include, option, value);

    if (code == EXIT_DONE) {
        filter->active = 1;
        filter->fold_case = words.folds_case;
    }
    return code;
}
