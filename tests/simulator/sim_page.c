/* SPDX-License-Identifier: Apache-2.0 */
/* sim_agent.h: where the agent puts its figures for `muster status` (agent/status_page.h). Each time they have to be
 * true. */
#include <inttypes.h>

#include "agent/status_page.h"
#include "sim_agent.h"
#include "sim_journal.h"
#include "sim_points.h"

struct status_page {
    uint64_t writes;
};

struct status_page *status_page_create(void)
{
    return agent_plan()->has_page ? calloc(1, sizeof(struct status_page)) : NULL;
}

void status_page_destroy(struct status_page *page)
{
    free(page);
}

static void balance(const char *hop, const struct muster_ledger *ledger)
{
    uint64_t sum = ledger->delivered + ledger->filtered + ledger->held;

    for (unsigned i = 0; i < MUSTER_CAUSE_COUNT; i++)
        sum += ledger->dropped[i];
    if (sum != ledger->produced)
        sim_fail("the figures of the %s have %" PRIu64 " produced and %" PRIu64 " in all", hop, ledger->produced, sum);
}

/* What one hop has handed over the next one has got; nothing of this thread's is on its way now. */
void status_page_write(struct status_page *page, const struct figures *figures)
{
    const struct muster_ledger total = figures_total(figures);

    page->writes++;
    coverage.figures++;
    balance("kernel side", &figures->kernel);
    balance("queue", &figures->queue);
    balance("sink", &figures->sink);
    balance("whole", &total);
    if (figures->kernel.delivered < figures->queue.produced || figures->sink.produced != figures->queue.delivered)
        sim_fail("one hop of the figures has handed over what the next one has not got");
    if (figures->budget.used_bytes > figures->budget.size_bytes || figures->ring.used_bytes > figures->ring.size_bytes)
        sim_fail("the figures have more in a place than it holds");
    truth_figures(total.produced, total.delivered);
}
