/* SPDX-License-Identifier: Apache-2.0 */
/* status_page.h: on Windows the driver has the figures, and keeps them when nobody reads. */
#include "status_page.h"

struct status_page *status_page_create(void)
{
    return NULL;
}

void status_page_write(struct status_page *page, const struct figures *figures)
{
    (void)page;
    (void)figures;
}

void status_page_destroy(struct status_page *page)
{
    (void)page;
}

bool status_pages_read(void (*tell)(void *context, const struct status_reading *reading), void *context)
{
    (void)tell;
    (void)context;
    return true;
}
