/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a running sensor puts its figures for `muster status` to read: a small file in memory that the writer maps, so
 * that telling costs it no system call, and asking does not need it to answer. Whoever asks sees the last figures of a
 * sensor that hangs, is stopped, or has died (then without its lock).
 *
 * linux_status_page.c: /run/muster/PID.status, of root and mode 0600; of others in XDG_RUNTIME_DIR. On Windows the
 * driver tells (`muster driver status`), and there is no page.
 */
#ifndef MUSTER_STATUS_PAGE_H
#define MUSTER_STATUS_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "figures.h"

struct status_page;

/* NULL where there is no place for one: the sensor runs without. */
struct status_page *status_page_create(void);

/* Replaces what the page says. NULL is fine. */
void status_page_write(struct status_page *page, const struct figures *figures);

/* Takes the file away. NULL is fine. */
void status_page_destroy(struct status_page *page);

/* ---- for who asks ---- */

struct status_reading {
    struct figures figures;
    bool alive; /* its process still runs */
};

/* Calls `tell` for each page there is, by ascending pid; that of one that died stays until the next sensor starts.
 * False with errno set where the folder cannot be read; one that is not there has no pages. */
bool status_pages_read(void (*tell)(void *context, const struct status_reading *reading), void *context);

#endif
