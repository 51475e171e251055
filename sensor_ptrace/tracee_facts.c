/* SPDX-License-Identifier: Apache-2.0 */
/* tracee_facts.h; proc(5) has the files. It shares no code with sensor_linux, since each is the other's oracle. */
#include "tracee_facts.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "muster/identity.h"

/* Fields of /proc/PID/stat by their number in proc(5). */
enum {
    STAT_STATE = 3,
    STAT_PARENT = 4,
    STAT_SESSION = 6,
    STAT_START = 22,
    STAT_ARGS_BEGIN = 48,
    STAT_ARGS_END = 49,
    STAT_COUNT
};

static bool file_text(uint32_t pid, const char *name, char *text, size_t capacity)
{
    char path[64];
    ssize_t got, size = 0;
    int fd;

    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    while ((got = read(fd, text + size, capacity - 1 - (size_t)size)) > 0)
        size += got;
    close(fd);
    text[size] = '\0';
    return got == 0 && size > 0;
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

static bool stat_take(uint32_t tid, struct tracee_facts *facts)
{
    uint64_t fields[STAT_COUNT];
    const char *name;
    char line[2048];
    size_t name_bytes;

    if (!file_text(tid, "stat", line, sizeof(line)) || !stat_parse(line, fields, &name, &name_bytes))
        return false;
    facts->name_bytes = (uint32_t)(name_bytes < sizeof(facts->name) ? name_bytes : sizeof(facts->name));
    memcpy(facts->name, name, facts->name_bytes);
    facts->process.parent_pid = (uint32_t)fields[STAT_PARENT];
    facts->process.session_id = (uint32_t)fields[STAT_SESSION];
    facts->process.start_ns = fields[STAT_START] * MUSTER_TICK_NS_LINUX;
    facts->ended = fields[STAT_STATE] == 'Z' || fields[STAT_STATE] == 'X';
    facts->args_begin = fields[STAT_ARGS_BEGIN];
    facts->args_end = fields[STAT_ARGS_END];
    return true;
}

static bool status_take(uint32_t tid, struct tracee_facts *facts)
{
    struct muster_process *process = &facts->process;
    const char *group, *users, *groups, *privileges;
    char text[4096];

    if (!file_text(tid, "status", text, sizeof(text)))
        return false;
    group = strstr(text, "\nTgid:");
    users = strstr(text, "\nUid:");
    groups = strstr(text, "\nGid:");
    privileges = strstr(text, "\nNoNewPrivs:");
    facts->no_new_privileges = privileges && strtoul(privileges + strlen("\nNoNewPrivs:"), NULL, 10) != 0;
    return group && users && groups && sscanf(group, "\nTgid: %" SCNu32, &process->pid) == 1 &&
           sscanf(users, "\nUid: %" SCNu32 " %" SCNu32, &process->real_user_id, &process->user_id) == 2 &&
           sscanf(groups, "\nGid: %" SCNu32 " %" SCNu32, &process->real_group_id, &process->group_id) == 2;
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
