/* SPDX-License-Identifier: Apache-2.0 */
/* tracee_facts.h; proc(5) has the files. It shares no code with sensor_linux, since each is the other's oracle. */
#include "tracee_facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "muster/identity.h"

/* Fields of /proc/PID/stat by their number in proc(5). */
enum {
    STAT_STATE = 3,
    STAT_PARENT = 4,
    STAT_GROUP = 5,
    STAT_SESSION = 6,
    STAT_TTY = 7,
    STAT_CHILDREN_MINOR_FAULTS = 11,
    STAT_CHILDREN_MAJOR_FAULTS = 13,
    STAT_START = 22,
    STAT_ARGS_BEGIN = 48,
    STAT_ARGS_END = 49,
    STAT_COUNT
};

static FILE *proc_file(uint32_t pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
    return fopen(path, "re");
}

/* The fields behind the name, which may itself hold anything, so they are looked for behind its last
 * parenthesis. Those that a kernel does not have are 0. */
static bool stat_parse(char *line, uint64_t fields[STAT_COUNT], const char **ret_name, size_t *ret_name_bytes)
{
    char *begin = strchr(line, '('), *end = strrchr(line, ')'), *rest, *word;
    int number = 3;

    if (!begin || !end || end < begin)
        return false;
    *ret_name = begin + 1;
    *ret_name_bytes = (size_t)(end - begin - 1);
    memset(fields, 0, STAT_COUNT * sizeof(*fields));
    for (word = strtok_r(end + 1, " ", &rest); word && number < STAT_COUNT; word = strtok_r(NULL, " ", &rest)) {
        fields[number] = number == STAT_STATE ? (uint64_t)word[0] : strtoull(word, NULL, 10);
        number++;
    }
    return number > STAT_START;
}

/* From the way in which the kernel tells devices (new_encode_dev) to the record's. */
static uint32_t device_take(uint32_t told)
{
    return ((told & 0xfff00) << 12) | (told & 0xff) | ((told >> 12) & 0xfff00);
}

static bool stat_take(uint32_t tid, struct tracee_facts *facts)
{
    uint64_t fields[STAT_COUNT];
    FILE *file = proc_file(tid, "stat");
    const char *name;
    char line[2048];
    size_t name_bytes, size = file ? fread(line, 1, sizeof(line) - 1, file) : 0;

    line[size] = '\0';
    if (file)
        fclose(file);
    if (!stat_parse(line, fields, &name, &name_bytes))
        return false;
    facts->name_bytes = (uint32_t)(name_bytes < sizeof(facts->name) ? name_bytes : sizeof(facts->name));
    memcpy(facts->name, name, facts->name_bytes);
    facts->process.parent_pid = (uint32_t)fields[STAT_PARENT];
    facts->process.session_id = (uint32_t)fields[STAT_SESSION];
    facts->process_group_id = (uint32_t)fields[STAT_GROUP];
    facts->tty_device = device_take((uint32_t)fields[STAT_TTY]);
    facts->process.start_ns = fields[STAT_START] * MUSTER_TICK_NS_LINUX;
    facts->ended = fields[STAT_STATE] == 'Z' || fields[STAT_STATE] == 'X';
    /* Nobody runs without a fault. */
    facts->waited_for_children = (fields[STAT_CHILDREN_MINOR_FAULTS] | fields[STAT_CHILDREN_MAJOR_FAULTS]) != 0;
    facts->args_begin = fields[STAT_ARGS_BEGIN];
    facts->args_end = fields[STAT_ARGS_END];
    return true;
}

/* What stands behind the name of a line; NULL where it is another's. */
static const char *value_of(const char *line, const char *name)
{
    size_t length = strlen(name);

    return strncmp(line, name, length) == 0 && line[length] == ':' ? line + length + 1 : NULL;
}

/* The last number of a line. */
static uint32_t number_last(const char *line)
{
    const char *begin = line + strcspn(line, "\n");

    while (begin > line && begin[-1] >= '0' && begin[-1] <= '9')
        begin--;
    return (uint32_t)strtoul(begin, NULL, 10);
}

/* Returns how many of the three that there must be it has taken. */
static unsigned status_line_take(const char *line, struct tracee_facts *facts)
{
    struct muster_process *process = &facts->process;
    const char *value;

    if ((value = value_of(line, "Tgid")) != NULL)
        return sscanf(value, "%" SCNu32, &process->pid) == 1;
    if ((value = value_of(line, "Uid")) != NULL)
        return sscanf(value, "%" SCNu32 " %" SCNu32, &process->real_user_id, &process->user_id) == 2;
    if ((value = value_of(line, "Gid")) != NULL)
        return sscanf(value, "%" SCNu32 " %" SCNu32, &process->real_group_id, &process->group_id) == 2;
    if ((value = value_of(line, "NSpid")) != NULL)
        facts->namespace_pid = number_last(value);
    else if ((value = value_of(line, "CapPrm")) != NULL)
        facts->capabilities_permitted = strtoull(value, NULL, 16);
    else if ((value = value_of(line, "CapEff")) != NULL)
        facts->capabilities_effective = strtoull(value, NULL, 16);
    else if ((value = value_of(line, "NoNewPrivs")) != NULL)
        facts->no_new_privileges = strtoul(value, NULL, 10) != 0;
    return 0;
}

/* By lines, as the one with the groups may be long, and stands in the middle. */
static bool status_take(uint32_t tid, struct tracee_facts *facts)
{
    FILE *file = proc_file(tid, "status");
    unsigned found = 0;
    char line[512];

    while (file && fgets(line, sizeof(line), file))
        found += status_line_take(line, facts);
    if (file)
        fclose(file);
    return found == 3;
}

bool tracee_facts_read(uint32_t tid, struct tracee_facts *ret_facts)
{
    struct tracee_facts facts = {0};

    if (!stat_take(tid, &facts) || !status_take(tid, &facts))
        return false;
    *ret_facts = facts;
    return true;
}

bool tracee_start_read(uint32_t pid, uint64_t *ret_start_ns)
{
    struct tracee_facts facts;

    if (!stat_take(pid, &facts))
        return false;
    *ret_start_ns = facts.process.start_ns;
    return true;
}
