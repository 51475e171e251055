/* SPDX-License-Identifier: Apache-2.0 */
/* figures.h */
#include "figures.h"

#include "capture.h"
#include "host.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t less(uint64_t from, uint64_t what)
{
    return from > what ? from - what : 0;
}

static void kernel_take(const struct muster_sensor *sensor, struct figures *figures)
{
    struct muster_sensor_counts counts;
    struct muster_sensor_buffer buffer;
    struct muster_ledger *ledger = &figures->kernel;

    muster_sensor_counts(sensor, &counts);
    *ledger = (struct muster_ledger){
        .epoch = figures->epoch,
        .produced = counts.produced,
        .delivered = counts.delivered_before + counts.read,
        .filtered = counts.filtered,
        .degraded = counts.degraded,
    };
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        ledger->dropped[cause] = counts.dropped[cause];
    /* Among them are losses that have not been settled yet. */
    ledger->held = less(ledger->produced, ledger->delivered + ledger->filtered + muster_ledger_dropped(ledger));
    muster_sensor_buffer(sensor, &buffer);
    figures->ring.size_bytes = buffer.size_bytes;
    figures->ring.used_bytes = buffer.used_bytes;
    figures->ring.peak_bytes = larger(figures->ring.peak_bytes, buffer.used_bytes);
    figures->oldest_ns = buffer.oldest_ns;
    muster_sensor_shed(sensor, &figures->shed);
    muster_sensor_known(sensor, &figures->known);
}

static void queue_take(const struct capture *capture, struct figures *figures)
{
    struct muster_queue_counts queue;
    struct muster_cache_counts cache;

    if (!muster_queue_counts(capture->queue, &queue) || !muster_cache_counts(capture->pump->cache, &cache))
        return;
    figures->queue = queue.ledger;
    figures->queue_records = queue.record_count;
    figures->budget.used_bytes = queue.charged_bytes;
    figures->budget.peak_bytes = queue.charged_peak_bytes;
    figures->budget.size_bytes = queue.budget_bytes;
    figures->cache_records = cache.record_count;
    figures->leased_records = cache.leased_count;
}

/* Before the queue: what the pump has done by now came out of that. */
static void sink_take(const struct capture *capture, struct figures *figures)
{
    const struct pump *pump = capture->pump;
    uint64_t written = __atomic_load_n(&capture->output->written, __ATOMIC_RELAXED);

    figures->sink = (struct muster_ledger){
        .epoch = figures->epoch,
        .delivered = __atomic_load_n(&pump->delivered, __ATOMIC_ACQUIRE),
        .filtered = __atomic_load_n(&pump->filtered, __ATOMIC_ACQUIRE),
    };
    if (written != figures->written_bytes)
        figures->written_ns = figures->now_ns;
    figures->written_bytes = written;
    figures->error = (uint32_t)__atomic_load_n(&pump->error, __ATOMIC_ACQUIRE);
}

void figures_take(struct capture *capture, struct figures *figures)
{
    struct muster_ledger *sink = &figures->sink;

    figures->epoch = muster_sensor_epoch(capture->sensor);
    figures->now_ns = host_now_ns();
    sink_take(capture, figures);
    queue_take(capture, figures);
    kernel_take(capture->sensor, figures);
    /* What the pump took out and neither wrote nor left out is under lease. */
    sink->produced = figures->queue.delivered;
    sink->held = less(sink->produced, sink->delivered + sink->filtered);
}

struct muster_ledger figures_total(const struct figures *figures)
{
    struct muster_ledger total = figures->kernel;

    total.delivered = less(figures->kernel.delivered, figures->queue.produced) + figures->sink.delivered;
    total.filtered += figures->sink.filtered;
    total.degraded += figures->queue.degraded;
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        total.dropped[cause] += figures->queue.dropped[cause];
    total.held = less(total.produced, total.delivered + total.filtered + muster_ledger_dropped(&total));
    return total;
}
