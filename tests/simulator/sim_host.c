/* SPDX-License-Identifier: Apache-2.0 */
/* sim_agent.h: the host's clocks (agent/host.h), and standard error (agent/standard_streams.h). */
#include <string.h>

#include "agent/host.h"
#include "agent/standard_streams.h"
#include "sim_agent.h"
#include "sim_journal.h"
#include "sim_scheduler.h"

#define START_NS (1000 * NS_PER_S) /* since 1970; a long time before any log */

static struct {
    const struct plan *plan;
    char report[1024];
    size_t report_bytes;
} simulated_host;

void agent_host_begin(const struct plan *plan)
{
    memset(&simulated_host, 0, sizeof(simulated_host));
    simulated_host.plan = plan;
}

const char *agent_report(void)
{
    return simulated_host.report;
}

void host_describe(struct host *host, struct muster_stream *ret_stream)
{
    memset(host, 0, sizeof(*host));
    memcpy(host->name, "simulated", sizeof("simulated"));
    *ret_stream = (struct muster_stream){
        .clock_offset_ns = host_clock_offset_ns(),
        .tick_ns = 10 * NS_PER_MS,
        .provider = "simulator",
        .os_type = "linux",
        .host_name = host->name,
        .version = "0",
    };
}

uint64_t host_now_ns(void)
{
    return sim_now_ns();
}

uint64_t host_monotonic_ns(void)
{
    return sim_now_ns();
}

uint64_t host_process_id(void)
{
    return 1;
}

uint64_t host_random(void)
{
    return 1;
}

/* Somebody sets the wall clock each second. */
int64_t host_clock_offset_ns(void)
{
    const uint64_t seconds = simulated_host.plan->clock_is_set ? sim_now_ns() / NS_PER_S : 0;

    return (int64_t)(START_NS + seconds * NS_PER_S);
}

void host_memory_trim(void)
{
}

void standard_error_write(const char *bytes, size_t size_bytes)
{
    const size_t left = sizeof(simulated_host.report) - 1 - simulated_host.report_bytes;

    journal_bytes("says", bytes, size_bytes);
    if (size_bytes > left)
        size_bytes = left;
    memcpy(simulated_host.report + simulated_host.report_bytes, bytes, size_bytes);
    simulated_host.report_bytes += size_bytes;
}

void standard_output_write(const char *bytes, size_t size_bytes)
{
    (void)bytes;
    (void)size_bytes;
    sim_fail("something else is written to standard output");
}
