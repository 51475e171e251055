/* SPDX-License-Identifier: Apache-2.0 */
/* trace_place.h; proc(5) and namespaces(7) have the files. */
#include "trace_place.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define BIT(field)       MUSTER_FIELD_BIT(MUSTER_FIELD_##field)
#define NOBODY_LOGGED_IN UINT32_MAX

static void login_user_put(struct muster_process_start *start)
{
    uint32_t user = NOBODY_LOGGED_IN;
    char name[64];
    FILE *file;

    snprintf(name, sizeof(name), "/proc/%" PRIu32 "/loginuid", start->process.pid);
    file = fopen(name, "re");
    if (file && fscanf(file, "%" SCNu32, &user) == 1 && user != NOBODY_LOGGED_IN) {
        start->login_user_id = user;
        start->record.valid |= BIT(LOGIN_USER);
    }
    if (file)
        fclose(file);
}

/* A namespace is known by the number of its file. There is none where the kernel has no such namespaces. */
static void namespace_put(struct muster_process_start *start, const char *kind, enum muster_field field,
                          uint32_t *ret_number)
{
    struct stat status;
    char name[64];

    snprintf(name, sizeof(name), "/proc/%" PRIu32 "/ns/%s", start->process.pid, kind);
    if (stat(name, &status) == 0) {
        *ret_number = (uint32_t)status.st_ino;
        start->record.valid |= MUSTER_FIELD_BIT(field);
    } else if (errno != ENOENT) {
        start->record.unavailable |= MUSTER_FIELD_BIT(field);
    }
}

/* A number, where 0 is none. */
static void number_put(struct muster_process_start *start, enum muster_field field, uint32_t number,
                       uint32_t *ret_number)
{
    *ret_number = number;
    start->record.valid |= number ? MUSTER_FIELD_BIT(field) : 0;
}

void trace_place_put(struct muster_process_start *start, const struct tracee_facts *facts)
{
    number_put(start, MUSTER_FIELD_PROCESS_GROUP, facts->process_group_id, &start->process_group_id);
    number_put(start, MUSTER_FIELD_TTY, facts->tty_device, &start->tty_device);
    number_put(start, MUSTER_FIELD_NAMESPACE_PID, facts->namespace_pid, &start->namespace_pid);
    start->capabilities_effective = facts->capabilities_effective;
    start->capabilities_permitted = facts->capabilities_permitted;
    start->record.valid |= BIT(CAPABILITIES_EFFECTIVE) | BIT(CAPABILITIES_PERMITTED);
    login_user_put(start);
    namespace_put(start, "pid", MUSTER_FIELD_PID_NAMESPACE, &start->pid_namespace);
    namespace_put(start, "mnt", MUSTER_FIELD_MOUNT_NAMESPACE, &start->mount_namespace);
}
