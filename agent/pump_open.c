/* SPDX-License-Identifier: Apache-2.0 */
/* pump.h: what the pump takes from and writes to, made and taken down. Used by watch and trace. */
#include <errno.h>
#include <string.h>

#include "host.h"
#include "pump.h"
#include "report.h"

bool pump_queue_open(struct pump *pump, uint64_t epoch, size_t budget_bytes)
{
    struct muster_queue_config config = {
        .epoch = epoch,
        .budget_bytes = budget_bytes,
        .class_share = {MUSTER_SHARE_UNIT, MUSTER_SHARE_UNIT, MUSTER_SHARE_UNIT, MUSTER_SHARE_UNIT, MUSTER_SHARE_UNIT},
        .numbered_upstream = true,
        .stage = MUSTER_STAGE_AGENT_QUEUE,
    };
    enum muster_status status = muster_queue_init(&pump->queue_storage, &config, &pump->queue);

    if (status == MUSTER_OK)
        status = muster_cache_init(&pump->cache_storage, &pump->cache);
    if (status != MUSTER_OK)
        report("cannot make the queue: %s", muster_status_text(status));
    return status == MUSTER_OK;
}

bool pump_sink_open(struct pump *pump, struct output_file *output, bool output_opened, const char *format,
                    enum muster_color color)
{
    struct muster_sink_options options = {.stream = pump->stream, .color = color, .capture = host_random()};
    bool known;

    if (!output_opened) {
        report("cannot open %s: %s", output->name, strerror(errno));
        return false;
    }
    if (output->terminal && strcmp(format, "capture") == 0) {
        report("a capture is not for a person to read, and %s is a terminal: name a file with --output", output->name);
        return false;
    }
    options.target = output_file_target(output);
    pump->sink = muster_sink_create(format, &options, &known);
    if (!pump->sink)
        report("cannot make the output: %s", muster_status_text(MUSTER_NO_MEMORY));
    return pump->sink != NULL;
}

void pump_close(struct pump *pump)
{
    muster_sink_destroy(pump->sink);
    if (pump->cache)
        muster_cache_deinit(pump->cache);
    if (pump->queue)
        muster_queue_deinit(pump->queue);
}
